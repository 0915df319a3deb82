"""Downloads a repository with huggingface_hub and, as it does not itself, checks the SHA-256 of its weights. argv: repository, new folder."""

import hashlib
import json
import resource
import sys

from huggingface_hub import HfApi, snapshot_download

repo, target = sys.argv[1:]
info = HfApi().model_info(repo, files_metadata=True)
path = snapshot_download(repo, revision=info.sha, local_dir=target)
for sibling in info.siblings:
    if sibling.lfs is None:
        continue
    with open(f"{path}/{sibling.rfilename}", "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sibling.lfs.sha256
usage = resource.getrusage(resource.RUSAGE_SELF)
print()
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}))
