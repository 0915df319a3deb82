"""Learning rate over time, as a factor on each peak rate: a pure function of how far the run is."""

from __future__ import annotations

import math

from ..config import ScheduleConfig
from ..plan import warmup


def factor(config: ScheduleConfig, step: int, warmup_steps: int, total_steps: int | None, elapsed_part: float = 0.0) -> float:
    """The factor for the optimizer step numbered `step` (from 0).

    `total_steps` None: an open run, which never decays by steps. `elapsed_part` (0 to 1) is how much of a time limit is used up:
    whichever is further decides, so that a run ended by the clock has had its decay. Warm-up is never more than a tenth of either.
    """
    rising = warmup(warmup_steps, total_steps)
    rise = min(1.0, max((step + 1) / rising, 10 * elapsed_part)) if rising > 0 else 1.0
    return rise * (config.final + (1 - config.final) * _shape(config, min(1.0, part_done(step, total_steps, elapsed_part))))


def fall_ahead(config: ScheduleConfig, step: int, warmup_steps: int, total_steps: int | None, elapsed_part: float = 0.0) -> bool:
    """Whether what a lower rate gives is still to come as a whole: in warm-up, and (wsd) before the decay. A run without an end has none to wait for."""
    if step < warmup(warmup_steps, total_steps) and elapsed_part < 0.1:
        return True
    if total_steps is None and elapsed_part == 0.0:
        return False
    return config.name == "wsd" and config.decay_fraction > 0 and part_done(step, total_steps, elapsed_part) < 1 - config.decay_fraction


def falling(step: int, start: int, total_steps: int) -> float:
    """The factor of a branch that began at step `start`: linear from 1 to 0, for the optimizer step numbered `step` (from 0)."""
    return max(0.0, (total_steps - step) / (total_steps - start))


def part_done(step: int, total_steps: int | None, elapsed_part: float) -> float:
    """How much of a run lies behind: of its steps or of its time, whichever is further."""
    return max(elapsed_part, 0.0 if total_steps is None else step / max(1, total_steps))


def _shape(config: ScheduleConfig, done: float) -> float:
    if config.name == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if config.name == "wsd" and config.decay_fraction > 0:
        return min(1.0, (1 - done) / config.decay_fraction)
    return 1.0
