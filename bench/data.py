"""How fast the data room is beside what the tiny model consumes, and whether it grows.

`python bench/data.py`, on the CPU with two threads; one JSON line a figure.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

import torch

from trainer.data import DataRequest, open_data
from trainer.model.load import make_config
from trainer.tokenizer import load_tokenizer
from transformers import AutoModelForCausalLM

STEPS = 10_000
BATCH = 8


def report(bench: str, metric: str, value: float, unit: str, rival: float | None) -> None:
    ratio = round(value / rival, 3) if rival else None
    print(json.dumps({"bench": bench, "metric": metric, "value": round(value, 1), "unit": unit, "rival": rival and round(rival, 1), "ratio": ratio}), flush=True)


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    recipe = json.loads((ROOT / "constants" / "recipes" / "tiny.json").read_text())
    length = recipe["sequence_length"]
    model = AutoModelForCausalLM.from_config(make_config(dict(recipe["architecture"]), "tiny"))
    with tempfile.TemporaryDirectory() as cache:
        tokenizer = load_tokenizer("builtin")
        started = time.perf_counter()
        data = open_data(DataRequest([{"name": "builtin"}], tokenizer, length, BATCH, cache_dir=cache))
        report("data", "open the built-in text, nothing cached", time.perf_counter() - started, "s", None)
        data.next_batch()
        bench_pipeline(data, model, length)
        for name in ("builtin", "gpt-4"):
            bench_parquet(name, Path(cache), length)


def bench_parquet(name: str, folder: Path, length: int) -> None:
    """From parquet to tokens, nothing cached, in CPU seconds of all threads: what one core does. The text is PyTorch's own sources: no document is there twice."""
    import pyarrow
    import pyarrow.parquet

    texts = [file.read_text(errors="ignore") for file in sorted(Path(torch.__file__).parent.rglob("*.py"))]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), folder / "text.parquet", row_group_size=100)
    tokenizer = load_tokenizer(name)
    tokenizer.encode("Made ready.")
    times = os.times()
    data = open_data(DataRequest([{"name": str(folder / "text.parquet")}], tokenizer, length, BATCH, cache_dir=folder / name))
    now = os.times()
    tokens = (data.epoch_batches * BATCH + len(data.held_out)) * length
    speed = tokens / (now.user + now.system - times.user - times.system)
    report("data", f"parquet to tokens with {name}'s tokenizer, {tokens:,} of them; rival: the goal", speed, "tokens a CPU second", 400_000)


def bench_pipeline(data, model, length: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters())
    consumed = []
    for _ in range(12):
        tokens = data.next_batch()
        started = time.perf_counter()
        model(tokens, labels=tokens).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        consumed.append(time.perf_counter() - started)
    model_speed = BATCH * length / sorted(consumed)[len(consumed) // 2]
    for _ in range(STEPS // 10):
        data.next_batch()
    before, started = resident_mb(), time.perf_counter()
    for _ in range(STEPS):
        data.next_batch()
    report("data", "pipeline; rival: the tiny model's training step", STEPS * BATCH * length / (time.perf_counter() - started), "tokens/s", model_speed)
    report("data", f"memory added by {STEPS:,} steps", resident_mb() - before, "MB", None)


if __name__ == "__main__":
    main()
