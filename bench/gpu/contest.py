"""One contestant of bench/trainer on the GPU, with changes of ours by name: each in a process of its own, for at most `LIMIT` seconds.

A contestant is `NAME:MICRO[+CHANGE...]`; NAME is one of bench/trainer/rivals.py's, or `ours`.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from shapes import ROOT, SHAPES, read_text

WORKER = ROOT / "bench" / "trainer" / "worker.py"
LIMIT = 150
# Sequences of one optimizer step, for all but the reference's loop: fewer than a real step has, which is to the disadvantage of Muon.
SEQUENCES = {"1.3b": 32}
CHANGES = {
    "eager": {"compile": False},
    "bf16": {"recipe": {"param_dtype": "bf16"}},
    "selective": {"recipe": {"activation_checkpointing": "selective"}},
    "full": {"recipe": {"activation_checkpointing": "full"}},
    "fp8": {"recipe": {"fp8": True}},
    "adamw": {"recipe": {"optimizer": {"name": "adamw", "lr": 6e-4, "betas": [0.9, 0.95], "weight_decay": 0.1, "clip": 1.0}}},
    "deterministic": {"request": {"deterministic": True}},
    "documents": {"recipe": {"document_masking": True}},
}


def contest(asked: str, shape: str, device: str, steps: int, limit: float = LIMIT) -> dict:
    """What the worker found, `out_of_memory`, or `failed` with the last line that it wrote."""
    (name, micro), changes = asked.split("+")[0].split(":"), asked.split("+")[1:]
    factor = 8 if name == "reference" else 1
    job = {"contestant": name, "shape": shape, "device": device, "threads": 8, "micro": int(micro), "warmup": 2 * factor, "steps": steps * factor}
    job["sequences"] = SEQUENCES.get(shape, SHAPES[shape].sequences)
    for change in changes:
        for key, value in CHANGES[change].items():
            job[key] = {**job.get(key, {}), **value} if isinstance(value, dict) else value
    with tempfile.TemporaryDirectory(prefix="pt-bench-") as temporary:
        folder = Path(temporary)
        (folder / "job.json").write_text(json.dumps({**job, "text": str(_text(shape)), "result": str(folder / "result.json")}))
        with open(folder / "log", "w") as log:
            try:
                subprocess.run([sys.executable, WORKER, folder / "job.json"], stdout=log, stderr=log, timeout=limit)
            except subprocess.TimeoutExpired:
                return {"failed": f"no end after {limit:.0f} s"}
        if (folder / "result.json").exists():
            return json.loads((folder / "result.json").read_text())
        return {"failed": " | ".join((folder / "log").read_text().strip().splitlines()[-3:])[:600]}


@functools.cache
def _text(shape: str) -> Path:
    """The built-in text as the rivals read it, made once."""
    import torch

    folder = tempfile.mkdtemp(prefix="pt-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    torch.save(read_text(SHAPES[shape].sequence_length), Path(folder) / "text.pt")
    return Path(folder) / "text.pt"
