"""Tokens a second, MFU and peak memory beside the loops that others use, each in a process of its own, in turn."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from report import Report
from rivals import NAMES
from shapes import SHAPES, read_text

HERE = Path(__file__).resolve().parent
# Steps of one sequence are short: the reference's loop takes so many more of them.
SHORT = 8


def bench_speed(report: Report, shape_name: str, device: str, rounds: int, steps: int, threads: int, limit: float) -> None:
    """`limit`: seconds that one contestant's process may take."""
    import torch

    with tempfile.TemporaryDirectory(prefix="pt-bench-") as temporary:
        folder = Path(temporary)
        torch.save(read_text(SHAPES[shape_name].sequence_length), folder / "text.pt")
        job = {"shape": shape_name, "device": device, "threads": threads, "text": str(folder / "text.pt"), "result": str(folder / "result.json")}
        micro: dict[str, int] = {}
        found: dict[str, list[dict]] = {}
        for i in range(rounds):
            # The order turns, so that nobody always comes first, or always after the same one.
            names = list(NAMES)[i % len(NAMES) :] + list(NAMES)[: i % len(NAMES)]
            for name in [name for name in names if found.get(name) is not None or i == 0]:
                sizes = [micro[name]] if name in micro else [1] if name == "reference" else list(SHAPES[shape_name].micro)
                result = first_that_fits(report, folder, {**job, "contestant": name}, sizes, steps, limit)
                if result is not None:
                    micro[name] = result["micro"]
                    found.setdefault(name, []).append(result)
        tell(report, shape_name, device, found)


def first_that_fits(report: Report, folder: Path, job: dict, sizes: list[int], steps: int, limit: float) -> dict | None:
    """The result of the first micro-batch size that does not run out of memory; None, told as a figure, when the contestant cannot run."""
    name = job["contestant"]
    if name == "hf" and importlib.util.find_spec("accelerate") is None:
        report.figure(f"speed, {NAMES[name]}", None, "tokens/s", note="not run: the package accelerate is not installed")
        return None
    for size in sizes:
        factor = SHORT if name == "reference" else 1
        request = {**job, "micro": size, "warmup": 3 * factor, "steps": steps * factor}
        (folder / "job.json").write_text(json.dumps(request))
        Path(job["result"]).unlink(missing_ok=True)
        with open(folder / "log", "w") as log:
            try:
                code = subprocess.run([sys.executable, HERE / "worker.py", folder / "job.json"], stdout=log, stderr=log, timeout=limit).returncode
            except subprocess.TimeoutExpired:
                code = f"no end after {limit:.0f} s"
        if not Path(job["result"]).exists():
            last = (folder / "log").read_text().strip().splitlines()[-1:] or [""]
            report.figure(f"speed, {NAMES[name]}", None, "tokens/s", note=f"failed ({code}): {last[0][:200]}")
            return None
        result = json.loads(Path(job["result"]).read_text())
        if "out_of_memory" not in result:
            report.say(f"  {NAMES[name]}: micro-batch {size}, {result['tokens_per_second']:,.0f} tokens/s, {result['peak_bytes'] / 2**30:.2f} GiB")
            return {**result, "micro": size}
    report.figure(f"speed, {NAMES[name]}", None, "tokens/s", note="out of memory at every micro-batch size")
    return None


def tell(report: Report, shape_name: str, device: str, found: dict[str, list[dict]]) -> None:
    if "ours" not in found:
        return
    middle = {name: {key: median(run[key] for run in runs) for key in runs[0] if key != "losses"} for name, runs in found.items()}
    ours, where = middle["ours"], f"{shape_name} on {device}"
    if device == "cuda":
        achieved = ours["tokens_per_second"] * flops(shape_name)
        report.figure(f"MFU, {where}", share_of_peak(achieved), "of the dense bf16 peak", note=f"{achieved / 1e12:.0f} TFLOP/s")
    for name, rival in middle.items():
        if name == "ours":
            continue
        note = f"micro-batch {ours['micro']:.0f} and {rival['micro']:.0f}"
        report.figure(f"speed, {where}; rival: {NAMES[name]}", ours["tokens_per_second"], "tokens/s", rival["tokens_per_second"], note)
        report.figure(f"peak memory, {where}; rival: {NAMES[name]}", ours["peak_bytes"] / 2**30, "GiB", rival["peak_bytes"] / 2**30, note)


def flops(shape_name: str) -> float:
    import torch
    from transformers import AutoModelForCausalLM

    from trainer.model.load import make_config
    from trainer.model.speed import flops_per_token

    shape = SHAPES[shape_name]
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(make_config(dict(shape.architecture), "the bench"))
    return flops_per_token(model, shape.sequence_length)


def share_of_peak(achieved: float) -> float | None:
    import torch

    from trainer.model.speed import peak_flops

    peak = peak_flops(torch.device("cuda"))
    return None if peak is None else achieved / peak
