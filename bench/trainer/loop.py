"""What our loop costs on a CPU beside a bare one, how fast its data is beside what it consumes, and whether it grows."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Callable

from shapes import SHAPES, TINY, Shape, read_text, recipe_for

import torch
from torch import nn

from ours import Clock, request_of, run_ours
from report import Report
from rivals import batches, make_model

WARMUP = 5


def bench_overhead(report: Report, steps: int) -> None:
    """Our loop and a bare one take steps in turn, in one process: what else the machine does strikes both."""
    shape, micro = SHAPES["tiny"], 4
    for optimizer, bare in (("adamw", plain_step), ("muon", same_parts_step)):
        recipe = recipe_for(shape, micro, accumulation_steps=1, optimizer={**TINY["optimizer"], "name": optimizer})
        step = bare(shape, micro, recipe)
        rival: list[tuple[float, float]] = []

        def timed() -> None:
            started, worked = time.perf_counter(), time.process_time()
            step()
            rival.append((time.perf_counter() - started, time.process_time() - worked))

        clock = Clock(WARMUP, steps, "cpu", timed)
        run_ours(recipe, clock, device="cpu")
        name = {"adamw": "AdamW; rival: a bare loop of PyTorch", "muon": "Muon; rival: a bare loop over the same parts"}[optimizer]
        walls, works = zip(*rival[WARMUP + 1 :])
        for kind, ours, theirs in (("step", clock.durations, walls), ("processor time of a step", clock.work, works)):
            pairs = sorted(a / b for a, b in zip(ours, theirs))
            spread = f"median of {len(pairs)} pairs; quarters {pairs[len(pairs) // 4]:.3f} and {pairs[3 * len(pairs) // 4]:.3f}"
            report.figure(f"{kind} with {name}", median(ours) * 1000, "ms", median(theirs) * 1000, spread, median(pairs))


def plain_step(shape: Shape, micro: int, recipe: dict) -> Callable[[], None]:
    """The shortest loop that does the same forward, backward and step: nothing of ours in it."""
    optimizer_config = recipe["optimizer"]
    model = make_model(shape, "cpu", torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=optimizer_config["lr"], betas=tuple(optimizer_config["betas"]), weight_decay=0.0)
    source = batches(read_text(shape.sequence_length), micro)

    def step() -> None:
        batch = next(source)
        logits = model(input_ids=batch, use_cache=False).logits
        targets = nn.functional.pad(batch[:, 1:], (0, 1), value=-1)
        nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def same_parts_step(shape: Shape, micro: int, recipe: dict) -> Callable[[], None]:
    """Our loss and our optimizers in a loop without events, metrics, checkpoints and a data pipeline: what is left is the loop's own cost."""
    from trainer.model.loss import LossModel
    from trainer.optim.optimizers import Optimizers

    with tempfile.TemporaryDirectory() as folder:
        config = request_of(Path(folder), recipe).recipe.optimizer
    loss_model = LossModel(make_model(shape, "cpu", torch.float32)).train()
    optimizers = Optimizers(loss_model.model, config)
    source, always = batches(read_text(shape.sequence_length), micro), torch.tensor(True)

    def step() -> None:
        objective, _ = loss_model(next(source))
        objective.backward()
        nn.utils.clip_grad_norm_(loss_model.model.parameters(), 1.0)
        optimizers.step(1.0, always)

    return step


def bench_data(report: Report, steps: int) -> None:
    """Batches of the data room alone, beside the tokens that the tiny recipe's training takes from it."""
    from trainer.data import DataRequest, open_data
    from trainer.tokenizer import load_tokenizer

    length, size = TINY["sequence_length"], TINY["batch_size"]
    clock = Clock(WARMUP, steps, "cpu")
    run_ours(recipe_for(SHAPES["tiny"], size, accumulation_steps=1), clock, device="cpu")
    consumed = size * length / median(clock.durations)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        data = open_data(DataRequest([{"name": "builtin"}], load_tokenizer("builtin"), length, size, cache_dir=cache))
        count = 5_000
        started = time.perf_counter()
        for _ in range(count):
            data.next_batch()
        speed = count * size * length / (time.perf_counter() - started)
    report.figure("data pipeline; rival: what training of the tiny recipe consumes", speed, "tokens/s", consumed)


def bench_memory(report: Report, steps: int) -> None:
    """Resident memory of a whole run of a very small model with ten evaluations and ten checkpoints: after a tenth of it and at its end."""
    tenth = max(1, steps // 10)
    seen: list[float] = []

    def look() -> None:
        if clock.seen % tenth == 0:
            seen.append(resident_mb())

    clock = Clock(0, 1 << 60, "cpu", look)
    recipe = recipe_for(SHAPES["nano"], 4, steps_per_epoch=steps + 1, eval_every_steps=tenth, checkpoint_every_steps=tenth)
    lines = run_ours(recipe, clock, device="cpu", max_steps=steps + 1)
    assert len([line for line in lines if "loss" in line]) == steps + 1
    curve = ", ".join(f"{value:.0f}" for value in seen[1:])
    report.figure(f"resident memory after {steps:,} steps; rival: after {tenth:,}", seen[-1], "MB", seen[1], f"each {tenth:,} steps: {curve}")


def resident_mb() -> float:
    import resource

    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
