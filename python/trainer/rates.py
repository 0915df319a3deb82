"""`lr: auto`: short trainings from the same start at several peak rates, and the one that leaves the lowest loss on held-out text."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from .events import Events
from .files import write_json
from .machine.distributed import World
from .machine.sharded import local
from .parts import Parts

TRIED = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Multiples of the rate that the recipe gives."""
_FEWEST, _MOST, _SHARE = 10, 200, 0.04


def probe_steps(total: int | None) -> int:
    """Steps of each probe: so many that all together take a fifth of the run, within bounds; of a run whose steps are not known, some."""
    return max(_FEWEST, min(_MOST, int(_SHARE * total))) if total is not None else 50


def find_rate(
    parts: Parts, world: World, events: Events, run_dir: Path, tensors: dict[str, Tensor], start_loss: float | None,
    train_step: Callable[[int, int], bool], held_out_loss: Callable[[], float],
) -> float:  # fmt: skip
    """The best of `TRIED`. Everything is put back to the bit: `tensors` (the live training state), the position in the data, random numbers.

    `train_step(step, steps)` trains one step of a run of so many, its rate rising and falling as the run's own would, and says whether its numbers
    were finite. What each rate gave is in `rates.json`, and told by `probe` events.
    """
    optimizers, steps = parts.optimizers, probe_steps(parts.plan.total_steps)
    before = {name: local(tensor.detach()).to("cpu", copy=True) for name, tensor in tensors.items()}
    position, random = parts.data.state_dict(), torch.get_rng_state()
    on_gpu = torch.cuda.get_rng_state() if world.device.type == "cuda" else None
    peak, tried = optimizers.peak_lr, []
    for factor in TRIED:
        optimizers.scale_rates(factor)
        with events.phase("probing", f"learning rate {peak * factor:.2g}"):
            done = 0
            while done < steps and train_step(done, steps):
                done += 1
            loss = held_out_loss() if done == steps else math.nan
        optimizers.scale_rates(1 / factor)
        with torch.no_grad():
            for name, tensor in tensors.items():
                local(tensor.detach()).copy_(before[name])
        parts.data.load_state_dict(position)
        torch.set_rng_state(random)
        if on_gpu is not None:
            torch.cuda.set_rng_state(on_gpu)
        tried.append((factor, loss))
        events.emit("probe", lr=peak * factor, steps=steps, eval_loss=loss)
    chosen, lowest = min(tried, key=lambda pair: pair[1] if math.isfinite(pair[1]) else math.inf)
    if world.first:
        table = [{"lr": peak * factor, "eval_loss": loss if math.isfinite(loss) else None} for factor, loss in tried]
        write_json(run_dir / "rates.json", {"lr": peak * chosen, "steps": steps, "start_loss": start_loss, "tried": table})
    if not math.isfinite(lowest) or (start_loss is not None and lowest >= start_loss):
        message = f"No learning rate lowered the held-out loss in {steps} steps; {peak * chosen:.2g} did least harm."
        events.emit("warning", code="no_rate", message=message)
    elif chosen in (TRIED[0], TRIED[-1]):
        message = f"The best learning rate, {peak * chosen:.2g}, is the {'lowest' if chosen == TRIED[0] else 'highest'} that was tried: one beyond may be better."
        events.emit("warning", code="rate_at_end", message=message)
    return chosen
