"""The GPU plan by itself: what runs on the card, how fast beside others, what each setting is worth, what recipes need, whether resume is exact.

    python3 bench/gpu/run.py --seconds 560 --out FOLDER [PART ...]

Parts, in this order unless named: kernels speed changes recipes resume. Nothing is fetched; torch >= 2.11 and transformers >= 5.17 with accelerate are
enough (torchao too, for fp8). One JSON line a figure, in FOLDER/gpu.jsonl as well; what would start with too little time left is named and left out.
`DEVICE=cpu` rehearses everything on small models. `python3 bench/gpu/table.py FOLDER/gpu.jsonl` makes the tables of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "trainer"))

import shapes  # noqa: F401  (puts python/ on the import path)

from report import commit
from contest import contest
from speed import flops, share_of_peak

DEVICE = os.environ.get("DEVICE", "cuda")
SHAPE = "1.3b" if DEVICE == "cuda" else "nano"
SPEED = ["ours:4", "nanogpt:4", "hf:4", "reference:1", "ours:8"]
CHANGES = ["ours:4+fp8", "ours:4+eager", "ours:4+full", "ours:4+bf16", "ours:4+documents"]
RECIPES = ["122m", "772m", "3b", "7b", "122m --bs-auto"] if DEVICE == "cuda" else ["tiny"]
PARTS = ("kernels", "speed", "changes", "recipes", "resume")


class Plan:
    def __init__(self, seconds: float, out: Path):
        self.end = time.monotonic() + seconds
        out.mkdir(parents=True, exist_ok=True)
        self.file = open(out / "gpu.jsonl", "a")

    def tell(self, row: dict) -> None:
        line = json.dumps(row)
        print(line, flush=True)
        self.file.write(line + "\n")
        self.file.flush()

    def left(self) -> float:
        return self.end - time.monotonic()

    def lines(self, script: str, *words: str, limit: float) -> list[dict]:
        """The JSON lines of one script, those of a script that was stopped too."""
        limit = min(limit, self.left() - 2)
        what = " ".join([script.removesuffix(".py"), *words])
        if limit < 20:
            return [{"what": what, "failed": "not run: no time left"}]
        started = time.monotonic()
        child = subprocess.Popen([sys.executable, HERE / script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            err += f"\nno end after {limit:.0f} s"
        rows = [json.loads(line) for line in out.splitlines() if line.startswith('{"what"')]
        if child.returncode != 0:
            rows.append({"what": what, "failed": " | ".join(err.strip().splitlines()[-4:])[:800]})
        return [{**row, "wall": round(time.monotonic() - started, 1)} for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"{' '.join(PARTS)}, or one contestant or recipe:NAME")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--out", type=Path, default=Path("."))
    given = parser.parse_args()
    plan = Plan(given.seconds, given.out)
    plan.tell(environment())
    for part in given.parts or PARTS:
        if part == "kernels":
            found = plan.lines("what_runs.py", limit=150)
            for row in found:
                plan.tell(row)
            if any("fatal" in row or "failed" in row for row in found) and not given.parts:
                return 1  # the rest would measure a fault
        elif part in ("speed", "changes"):
            for asked in SPEED if part == "speed" else CHANGES:
                race(plan, asked)
        elif part == "recipes":
            for name in RECIPES:
                recipe(plan, name)
        elif part == "resume":
            for row in plan.lines("resume.py", limit=150):
                plan.tell(row)
        elif part.startswith("recipe:"):
            recipe(plan, part.removeprefix("recipe:").replace("+", " --"))
        else:
            race(plan, part)
    return 0


def recipe(plan: Plan, name: str) -> None:
    for row in plan.lines("recipe.py", *name.split(), limit=170):
        plan.tell(row)


def race(plan: Plan, asked: str) -> None:
    limit = min(150.0, plan.left() - 2)
    if limit < 20:
        plan.tell({"what": asked, "failed": "not run: no time left"})
        return
    started = time.monotonic()
    found = contest(asked, SHAPE, DEVICE, 4, limit)
    if "tokens_per_second" in found and DEVICE == "cuda":
        found["mfu"] = share_of_peak(found["tokens_per_second"] * flops(SHAPE))
    plan.tell({"what": asked, **found, "wall": round(time.monotonic() - started, 1)})


def environment() -> dict:
    import torch
    import transformers

    card = torch.cuda.get_device_name() if DEVICE == "cuda" else platform.machine()
    driver = ""
    if DEVICE == "cuda":
        asked = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True)
        driver = asked.stdout.strip()
    return {"what": "environment", "card": card, "driver": driver, "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "commit": commit()}


if __name__ == "__main__":
    sys.exit(main())
