"""The reference's way to publish: load, cast, save and upload, download it all again, hash. argv: folder, new folder for the download."""

import base64
import hashlib
import json
import os
import resource
import sys

import torch
from huggingface_hub import HfApi, snapshot_download
from transformers import AutoModelForCausalLM

folder, target = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True).to(torch.bfloat16)
model.push_to_hub("bench/reference", private=True, max_shard_size="100GB")
commit = HfApi().model_info("bench/reference").sha
path = snapshot_download("bench/reference", revision=commit, cache_dir=target)
hashes = b""
for name in ("config.json", "generation_config.json", "model.safetensors"):
    if not os.path.exists(f"{path}/{name}"):
        continue
    digest = hashlib.sha256()
    with open(f"{path}/{name}", "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    hashes += base64.b64encode(digest.digest())
usage = resource.getrusage(resource.RUSAGE_SELF)
print()
print(
    json.dumps(
        {
            "contentHash": base64.b64encode(hashlib.sha256(hashes).digest()).decode(),
            "cpu": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss * 1024,
        }
    )
)
