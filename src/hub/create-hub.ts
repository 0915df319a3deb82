import type { Connection } from './connection.ts';
import { download } from './download.ts';
import { readRange } from './range.ts';
import { checkReadme, createRepo, setVisibility, whoami } from './repositories.ts';
import { DEFAULT_RETRY } from './retry.ts';
import { readRevision } from './revision.ts';
import { checkTarget, parseEndpoint } from './targets.ts';
import type { Hub, HubOptions } from './types.ts';
import { stage, upload } from './upload.ts';

/** A client of the Hub at `endpoint`. Opens nothing yet; throws `hub.bad_endpoint` and, with `loopbackOnly`, `hub.target_refused`. */
export function createHub(options: HubOptions): Hub {
  const endpoint = parseEndpoint(options.endpoint);
  const loopbackOnly = options.loopbackOnly ?? false;
  checkTarget(endpoint, endpoint, loopbackOnly);
  const connection: Connection = {
    endpoint,
    base: endpoint.href.replace(/\/+$/, ''),
    ...(options.token === undefined ? {} : { token: options.token }),
    loopbackOnly,
    policy: { ...DEFAULT_RETRY, ...options.retry },
    fetch: options.fetch ?? globalThis.fetch,
  };
  return {
    endpoint: connection.base,
    whoami: () => whoami(connection),
    revision: (repo, revision) => readRevision(connection, repo, revision),
    createRepo: (repo, visibility) => createRepo(connection, repo, visibility),
    setVisibility: (repo, visibility) => setVisibility(connection, repo, visibility),
    upload: (request) => upload(connection, request),
    stage: (request) => stage(connection, request),
    checkReadme: (text) => checkReadme(connection, text),
    download: (request) => download(connection, request),
    range: (repo, revision, path, start, end) => readRange(connection, repo, revision, path, [start, end]),
    anonymous() {
      const { token: _none, ...others } = options;
      return createHub(others);
    },
  };
}
