"""One contestant in a process of its own, so that its peak memory is its own and running out of it ends nothing else.

`python worker.py JOB.json`: reads {contestant, shape, micro, device, warmup, steps, threads, text, result}, and for ours {recipe, request, compile}, for all
{sequences} where they are not the usual ones; writes what it found to the file `result` (standard output belongs to whatever the contestant prints).
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from shapes import SHAPES, recipe_for

import torch

from ours import Clock, run_ours
from rivals import RIVALS
from trainer.errors import is_out_of_memory


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(job["threads"])
    shape, device = SHAPES[job["shape"]], job["device"]
    shape = replace(shape, sequences=job.get("sequences", shape.sequences))
    losses: list[float] = []
    clock = Clock(job["warmup"], job["steps"], device)
    try:
        if job["contestant"] == "ours":
            sequences = shape.sequences
            compiled = job.get("compile", device == "cuda")
            # The card decides what fits: its peak is what is measured.
            lines = run_ours(recipe_for(shape, job["micro"], **job.get("recipe", {})), clock, device=device, compile=compiled, ignore_estimate=True, **job.get("request", {}))
            losses = [line["loss"] for line in lines if "loss" in line]
        else:
            sequences = 1 if job["contestant"] == "reference" else shape.sequences
            RIVALS[job["contestant"]](shape, job["micro"], torch.load(job["text"]), device, clock)
        found = {
            "tokens_per_second": clock.steps * sequences * shape.sequence_length / clock.seconds,
            "step_seconds": sorted(clock.durations)[len(clock.durations) // 2],
            "peak_bytes": peak_bytes(device),
            **({"reserved_bytes": torch.cuda.max_memory_reserved()} if device == "cuda" else {}),
            **({"losses": losses} if losses else {}),
        }
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        found = {"out_of_memory": True}
    Path(job["result"]).write_text(json.dumps(found))


def peak_bytes(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
