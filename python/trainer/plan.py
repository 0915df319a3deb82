"""How many sequences make a step, how many steps an epoch and a run: arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Recipe, RunConfig
from .errors import TrainerError


@dataclass(frozen=True)
class Batches:
    """The sequences of one optimizer step, the same for every number of processes."""

    sequences: int
    """of all ranks together"""
    micro: int
    """that one device takes at once"""
    count: int
    """micro-batches a rank and step"""


def split_batch(recipe: Recipe, world_size: int, micro: int | None = None) -> Batches:
    """The step is `batch_size * accumulation_steps` sequences; ranks share them, so that a run may change its number of processes.

    `micro` is what fits when batch_size is "auto" (1 until it is known). Raises TrainerError `bad_recipe` when the ranks cannot share them evenly.
    """
    sequences = (recipe.batch_size if recipe.batch_size != "auto" else 1) * recipe.accumulation_steps
    if sequences % world_size:
        raise TrainerError(
            "bad_recipe",
            f"A step of {sequences} sequences (batch_size {recipe.batch_size} x accumulation_steps {recipe.accumulation_steps}) "
            f"cannot be shared evenly by {world_size} processes.",
            [f"--accumulation-steps {-(-recipe.accumulation_steps // world_size) * world_size}"],
        )
    share = sequences // world_size
    largest = recipe.batch_size if recipe.batch_size != "auto" else micro or 1
    size = next(size for size in range(min(largest, share), 0, -1) if share % size == 0)
    return Batches(sequences, size, share // size)


@dataclass(frozen=True)
class Plan:
    batches: Batches
    epoch_batches: int | None
    """micro-batches a rank and epoch; None: the end of the data is not known"""
    total_steps: int | None
    """optimizer steps of the run; None: open"""
    ramp: tuple[tuple[int, float], ...] = ()

    @property
    def epoch_steps(self) -> int | None:
        return None if self.epoch_batches is None else -(-self.epoch_batches // self.batches.count)

    def micro_batches(self, step: int) -> int:
        """How many micro-batches the optimizer step numbered `step` (from 0) has: the last of an epoch may have fewer, never none."""
        full = self.batches.count
        for start, part in self.ramp:
            if step >= start:
                full = max(1, round(self.batches.count * part))
        if self.epoch_batches is None or self.epoch_steps is None or self.ramp:
            return full
        last = step % self.epoch_steps == self.epoch_steps - 1
        return self.epoch_batches - (self.epoch_steps - 1) * full if last else full


def make_plan(config: RunConfig, batches: Batches, data_epoch_batches: int | None) -> Plan:
    """The run's length from epochs, max_steps, the recipe's steps_per_epoch and the size of the data."""
    recipe = config.recipe
    epoch_batches = data_epoch_batches
    if recipe.steps_per_epoch is not None and config.pages_per_epoch is None:
        epoch_batches = recipe.steps_per_epoch * batches.count
    plan = Plan(batches, epoch_batches, None, tuple((int(step), float(part)) for step, part in recipe.batch_ramp))
    bounds = [] if config.max_steps is None else [config.max_steps]
    if config.epochs > 0 and plan.epoch_steps is not None:
        bounds.append(config.epochs * plan.epoch_steps)
    return Plan(batches, epoch_batches, min(bounds) if bounds else None, plan.ramp)
