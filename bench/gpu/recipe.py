"""Three steps of a shipped recipe with four micro-batches each, an evaluation, best/ and a checkpoint: what it was estimated to need and what it
needed, and how long saving takes (three steps are too few for a speed). Prints one JSON line.

    recipe.py NAME [--bs-auto]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trainer"))

from shapes import ROOT

import torch

from ours import run_ours
from trainer.config import Recipe, parse
from trainer.fit.memory import estimate
from trainer.model.load import make_config

DEVICE = os.environ.get("DEVICE", "cuda")
MICRO_BATCHES, STEPS = 4, 3


def read(name: str) -> dict:
    """The recipe without its data and its ramp."""
    recipe = json.loads((ROOT / "constants" / "recipes" / f"{name}.json").read_text())
    for key in ("batch_ramp", "tokens", "checkpoint_every_minutes"):
        recipe.pop(key, None)
    recipe.update(tokenizer="builtin", data=[], accumulation_steps=MICRO_BATCHES, steps_per_epoch=1000, eval_every_steps=STEPS, eval_sequences=4, checkpoint_every_steps=STEPS)
    return recipe


def main(name: str, auto: bool) -> None:
    recipe = read(name)
    parsed = parse(Recipe, {**recipe}, name)
    started = time.perf_counter()
    estimated = estimate(make_config(dict(recipe["architecture"]), name), parsed, torch.bfloat16 if DEVICE == "cuda" else torch.float32, "sdpa", recipe["batch_size"], compiled=DEVICE == "cuda")
    spent = time.perf_counter() - started
    if auto:
        recipe.update(batch_size="auto", accumulation_steps=256)
    folder = Path(tempfile.mkdtemp(prefix="pt-bench-"))
    try:
        run_ours(recipe, run_dir=folder, device=DEVICE, max_steps=STEPS, compile=DEVICE == "cuda")
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    def at(kind: str, **more: str) -> list[dict]:
        return [event for event in events if event["type"] == kind and all(event.get(key) == value for key, value in more.items())]

    steps = at("step")
    saving, best, done = at("phase", name="saving", detail="best model"), at("best"), at("done")
    cuda = DEVICE == "cuda"
    allocated, reserved = (torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()) if cuda else (steps[-1]["memory_bytes"], None)
    found = {
        "what": f"recipe {name}" + (", --bs auto" if auto else ""),
        "micro_batch": at("start")[0]["micro_batch"],
        "estimated_gb": round(estimated.total / 1e9, 2),
        "estimate": estimated.words(),
        "estimate_seconds": round(spent, 1),
        "allocated_gb": round(allocated / 1e9, 2),
        "reserved_gb": reserved and round(reserved / 1e9, 2),
        "compiled": (at("compiled") or [{}])[0].get("frames"),
        "seconds_to_best": best and saving and round(best[0]["time"] - saving[0]["time"], 1),
        "seconds_of_checkpoint_and_end": done and round(done[0]["time"] - steps[-1]["time"], 1),
        "seconds_to_first_step": round(steps[0]["time"] - at("start")[0]["time"], 1),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--bs-auto" in sys.argv)
