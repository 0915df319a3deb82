"""Whether a run that was killed goes on to the last bit, compiled, in bf16, with Muon, with `deterministic`: a run beside one that got SIGKILL once its
first checkpoint stood. One JSON line; `killed_after` below `steps` shows that the kill came in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trainer"))

from shapes import ROOT

from recipe import DEVICE, read

# After half of the steps there is a checkpoint. The other half has to take longer than writing it: 20 steps did not on an H200.
FIRST = 200 if DEVICE == "cuda" else 20
STEPS = 2 * FIRST


def request(folder: Path, recipe: dict, **more: object) -> None:
    folder.mkdir(exist_ok=True)
    raw = {"version": 1, "run_dir": str(folder), "recipe": recipe, "data": [{"name": "builtin", "weight": 1.0}], "offline": True, "device": DEVICE, "deterministic": True}
    (folder / "run.json").write_text(json.dumps({**raw, "max_steps": STEPS, "compile": DEVICE == "cuda", **more}))


def train(folder: Path, kill: bool = False, limit: float = 150) -> None:
    """Until it ends or, when it is to be killed, until its first checkpoint stands."""
    with open(folder / "log", "a") as log:
        environment = {**os.environ, "PT_HOME": str(folder.parent / "home")}
        child = subprocess.Popen([sys.executable, ROOT / "python" / "train.py", "--config", folder / "run.json"], env=environment, stdout=log, stderr=log)
        end = time.monotonic() + limit
        while child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
            if kill and (folder / "checkpoints" / f"step-{FIRST}").is_dir():
                child.send_signal(signal.SIGKILL)
        if child.poll() is None:
            child.kill()
        child.wait()


def losses(folder: Path) -> dict[int, float]:
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return {row["step"]: row["loss"] for row in rows if "loss" in row}


def main() -> None:
    recipe = read("122m" if DEVICE == "cuda" else "tiny")
    recipe.update(accumulation_steps=2, batch_size=8 if DEVICE == "cuda" else 2, eval_every_steps=1000, checkpoint_every_steps=FIRST)
    base = Path(tempfile.mkdtemp(prefix="pt-bench-"))
    whole, cut = base / "whole", base / "cut"
    request(whole, recipe)
    request(cut, recipe)
    train(whole)
    train(cut, kill=True)
    reached = max(losses(cut), default=0)
    request(cut, recipe, resume=True)
    train(cut)
    expected, found = losses(whole), losses(cut)
    wrong = [step for step in sorted(expected) if expected[step] != found.get(step)]
    said = {"what": "resume", "steps": len(found), "killed_after": reached, "equal": not wrong and reached < STEPS and len(expected) == len(found) == STEPS, "first_wrong": wrong[:1]}
    if wrong:
        said["difference"] = max(abs(expected[step] - found.get(step, float("nan"))) for step in wrong)
        said["log"] = (cut / "log").read_text().splitlines()[-3:]
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
