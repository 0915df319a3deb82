# pt in a container: docs/install.md says how to build and run it. Its parts are tested (test/package/dockerfile.test.ts); the whole was
# built once, by buildah on a stand-in for its base.
FROM node:24-bookworm-slim AS package
WORKDIR /pt
COPY . .
RUN npm install --no-save --no-audit --no-fund \
 && mkdir /package \
 && npm pack --pack-destination /package

FROM node:24-bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv tini \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=node --group=node /cache /data
COPY --from=package /package/ /package/
RUN npm install --global --no-audit --no-fund /package/pretrain-miner-*.tgz \
 && npm cache clean --force
USER node
# The trainer's environment is part of the image; runs, journals and the sandbox are on the volume.
ENV XDG_CACHE_HOME=/cache PT_HOME=/data
RUN pretrain-miner setup \
 && rm -rf /cache/uv /cache/pip
WORKDIR /data
VOLUME /data
# Ctrl-C and `docker stop` reach the trainer, which saves a checkpoint.
ENTRYPOINT ["tini", "--", "pretrain-miner"]
CMD ["--help"]
