"""How many sequences a device takes at once: the largest micro-batch that fits, found by trying."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from ..config import RunConfig
from ..errors import TrainerError, is_out_of_memory
from ..files import write_json
from ..machine.distributed import World
from ..model.loss import LossModel, Teacher, lessons
from ..model.trainable import trained
from ..plan import Plan
from .require import memory_for_each

# Of the memory of a GPU, of a machine; the rest is for what fragments, for batches that happen to need more, and for other programs.
_FILLED = 0.92
_FILLED_CPU = 0.8


def kept_micro(run_dir: Path, name: str) -> int | None:
    """The micro-batch that this run found before on the same kind of device, so that a resumed run sums in the same order."""
    try:
        kept = json.loads((run_dir / "batch.json").read_text())
        return int(kept["micro"]) if kept["device"] == name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_micro(run_dir: Path, world: World, name: str, micro: int) -> None:
    if world.first:
        write_json(run_dir / "batch.json", {"micro": micro, "device": name})


def try_sizes(config: RunConfig, world: World, plan: Plan, loss_model: LossModel, teacher: Teacher | None, autocast: Callable[[], AbstractContextManager[object]], estimated: Callable[[int], int]) -> int:
    """`find_micro` with real steps of random tokens; nothing of them is left. Compiled parts run plain, which takes no less memory."""
    share = math.gcd(*(round(plan.batches.sequences // world.size * part) or 1 for part in (1.0, *(part for _, part in plan.ramp))))
    generator = torch.Generator().manual_seed(0)
    cuda = world.device.type == "cuda"
    vocabulary, params = loss_model.model.config.get_text_config().vocab_size, [param for _, param in trained(loss_model)]

    def attempt(micro: int) -> int:
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(world.device)
        tokens = torch.randint(vocabulary, (micro, config.recipe.sequence_length), generator=generator).to(world.device)
        with autocast():
            objective, *_ = loss_model(tokens, *lessons(teacher, tokens))
        objective.backward()
        return torch.cuda.max_memory_reserved(world.device) if cuda else 0

    held = sum(param.numel() * param.element_size() for param in params)
    try:
        with torch.compiler.set_stance("force_eager"):
            return find_micro(world, share, estimated, attempt, torch.cuda.memory_allocated(world.device) + held if cuda else 0)
    finally:
        for param in params:
            param.grad = None
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(world.device)


def find_micro(world: World, share: int, estimated: Callable[[int], int], attempt: Callable[[int], int], idle: int = 0) -> int:
    """The largest part of a rank's `share` that fits and divides it; every rank gets the same answer.

    `estimated(micro)` is the whole need in bytes, by arithmetic; `attempt(micro)` does forward and backward and returns the GPU's peak, or raises what
    the allocator raises; `idle` is what the GPU holds without a batch. A GPU is filled by growing; a CPU has no error to run into before the
    system kills the process, so there the estimate decides and the attempt confirms. Raises TrainerError `out_of_memory` when not even one fits.
    """
    sizes = [micro for micro in range(1, share + 1) if share % micro == 0]
    available = memory_for_each(world)
    if world.device.type != "cuda":
        if available is not None and len(sizes) > 1:
            try:
                one = estimated(1)
                slope = estimated(sizes[1]) - one
            except Exception:  # what cannot be estimated is not risked: the system would end the process
                return _largest(world, sizes[:1], attempt)
            sizes = [micro for micro in sizes if micro == 1 or not world.any(one + slope * (micro - 1) / (sizes[1] - 1) > _FILLED_CPU * available)]
        return _largest(world, sizes, attempt)
    return grow(world, sizes, int(_FILLED * torch.cuda.get_device_properties(world.device).total_memory), attempt, idle)


def _largest(world: World, sizes: list[int], attempt: Callable[[int], int]) -> int:
    for micro in reversed(sizes):
        if not world.any(_peak(attempt, micro) is None):
            return micro
    raise _too_little()


def grow(world: World, sizes: list[int], limit: int, attempt: Callable[[int], int], idle: int) -> int:
    """Tries larger and larger sizes until one fails, passes `limit` bytes, or would by what the last two needed.

    The forecast keeps sharded runs whole: an error on one rank alone would leave the others waiting for it.
    """
    chosen, before = 0, (0, idle)
    for micro in sizes:
        peak = _peak(attempt, micro)
        if world.any(peak is None or peak > limit) or peak is None:
            break
        slope = (peak - before[1]) / (micro - before[0])
        chosen, before = micro, (micro, peak)
        following = next((size for size in sizes if size > micro), None)
        if following is None or world.any(peak + slope * (following - micro) > limit):
            break
    if chosen:
        return chosen
    raise _too_little()


def _peak(attempt: Callable[[int], int], micro: int) -> int | None:
    """What the attempt needed; None when memory ran out."""
    try:
        return attempt(micro)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None


def _too_little() -> TrainerError:
    return TrainerError("out_of_memory", "Not even one sequence at once fits into memory.", ["pt train --sl 256", "pt train --recipe tiny"])
