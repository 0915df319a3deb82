"""The trainer beside the loops that others use, in one run on one machine: speed and memory, the loop's own cost, its data, its growth, and
the loss it reaches for the same tokens.

    python3 bench/trainer.py                        every part that this machine can run
    python3 bench/trainer.py --part speed           on a GPU: 1.3 billion parameters, bf16; tokens/s, MFU, memory
    python3 bench/trainer.py --part quality --seeds 3 --steps 300

Needs torch >= 2.11 and transformers >= 5.17; with the package accelerate, Hugging Face Trainer is among the rivals. Each figure is one JSON line
on standard output, and all of them a table on standard error (not with --json).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "trainer"))

import shapes  # noqa: F401  (puts python/ on the import path, before this folder's own trainer.py)

import torch

from loop import bench_data, bench_memory, bench_overhead
from quality import bench_quality
from report import Report
from speed import bench_speed

PARTS = ("overhead", "data", "memory", "quality", "speed")
STEPS = {"overhead": 60, "data": 30, "memory": 10_000, "quality": 300, "speed": 8}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=[*PARTS, "gpu"], help="what to measure; again for more; default: all. gpu is speed on a GPU")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="of the part speed; default: the GPU when there is one")
    parser.add_argument("--shape", choices=list(shapes.SHAPES), help="of the part speed; default: 1.3b on a GPU, tiny on a CPU")
    parser.add_argument("--steps", type=int, help=f"steps of each part; default: {STEPS}")
    parser.add_argument("--seeds", type=int, default=3, help="of the part quality")
    parser.add_argument("--rounds", type=int, default=3, help="of the part speed: each contestant runs so often, in turn")
    parser.add_argument("--limit", type=float, default=900, help="seconds that a contestant's process of the part speed may take")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of a CPU")
    parser.add_argument("--json", action="store_true", help="no table and no progress")
    given = parser.parse_args()
    parts = list(PARTS) if given.part is None else given.part
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if "gpu" in parts and not torch.cuda.is_available():
        parser.error("--part gpu: PyTorch sees no GPU here; --part speed --device cpu runs the same code on a small model")
    torch.set_num_threads(given.threads)
    report = Report(given.json)
    report.environment(device, given.threads)
    for part in parts:
        part, place = ("speed", "cuda") if part == "gpu" else (part, device)
        steps = given.steps or STEPS[part]
        report.say(f"{part} ...")
        if part == "speed":
            bench_speed(report, given.shape or ("1.3b" if place == "cuda" else "tiny"), place, given.rounds, steps, given.threads, given.limit)
        elif part == "quality":
            bench_quality(report, steps, given.seeds, given.threads)
        else:
            {"overhead": bench_overhead, "data": bench_data, "memory": bench_memory}[part](report, steps)
    report.table()


if __name__ == "__main__":
    main()
