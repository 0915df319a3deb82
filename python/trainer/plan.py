"""How many sequences make a step, how many steps an epoch and a run: arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

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
    ramp: tuple[tuple[int, float], ...]
    batch_tokens: int
    """of one micro-batch on all ranks together"""
    total_steps: int | None = None
    """optimizer steps of the run; None: open, or ended by the clock alone"""
    bound: Literal["max_steps", "tokens", "finished"] | None = None
    """which bound `total_steps` is; finished: the data's or the epochs' end"""
    warmup_steps: int = 0

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

    def steps_for(self, tokens: int) -> int:
        """The number of optimizer steps, from the first on, that so many tokens take; the last may go beyond them."""
        return self.steps_of(-(-tokens // self.batch_tokens))

    def steps_of(self, micro_batches: int) -> int:
        """The same for so many micro-batches a rank."""
        left, step = micro_batches, 0
        if self.ramp:
            for start in sorted({start for start, _ in self.ramp if start > 0}):
                each = self.micro_batches(step)
                if left <= (start - step) * each:
                    break
                left, step = left - (start - step) * each, start
        elif self.epoch_batches is not None and self.epoch_steps is not None:
            epochs, left = divmod(left, self.epoch_batches)
            step = epochs * self.epoch_steps
        return step + -(-left // self.micro_batches(step))


def make_plan(config: RunConfig, batches: Batches, data_epoch_batches: int | None) -> Plan:
    """The run's length from what the run asks for (epochs, max_steps, tokens), the recipe and the size of the data."""
    recipe = config.recipe
    epoch_batches, epoch_steps = data_epoch_batches, None
    if recipe.steps_per_epoch is not None and config.pages_per_epoch is None:
        epoch_batches, epoch_steps = recipe.steps_per_epoch * batches.count, recipe.steps_per_epoch
    ramp = tuple((int(step), float(part)) for step, part in recipe.batch_ramp)
    plan = Plan(batches, epoch_batches, ramp, batches.sequences // batches.count * recipe.sequence_length)
    bounds: list[tuple[int, Literal["max_steps", "tokens", "finished"]]] = []
    if config.max_steps is not None:
        bounds.append((config.max_steps, "max_steps"))
    if config.tokens is not None:
        # A branch counts them from where it began.
        behind = sum(plan.micro_batches(step) for step in range(config.decay_from.step or 0))
        bounds.append((plan.steps_of(behind + -(-config.tokens // plan.batch_tokens)), "tokens"))
    if config.epochs > 0 and epoch_batches is not None:
        # While the batch grows, an epoch of data takes more steps; an epoch of the recipe's is so many steps.
        steps = plan.steps_of(config.epochs * epoch_batches) if epoch_steps is None else config.epochs * epoch_steps
        bounds.append((steps, "finished"))
    if not bounds and config.epochs > 0 and config.max_minutes is None and recipe.tokens is not None:
        bounds.append((plan.steps_for(recipe.tokens), "tokens"))
    total, bound = min(bounds, key=lambda pair: pair[0], default=(None, None))
    schedule = recipe.schedule
    warmup = schedule.warmup_steps if schedule.warmup_tokens is None else plan.steps_for(schedule.warmup_tokens)
    return replace(plan, total_steps=total, bound=bound, warmup_steps=warmup)


def without_end(config: RunConfig, plan: Plan) -> bool:
    """Whether it goes on until it is stopped: its rate never decays."""
    return plan.total_steps is None and config.max_minutes is None


def warmup(steps: int, total_steps: int | None) -> int:
    """Steps of the rise: never more than a tenth of the run."""
    return steps if total_steps is None else min(steps, max(1, total_steps // 10))


def course_in_words(config: RunConfig, plan: Plan) -> str | None:
    """How the steps are spent, for people: rising, at the full rate, falling. None: no end is known, or it is a branch, which only falls."""
    total, schedule = plan.total_steps, config.recipe.schedule
    if total is None or config.decay_from.step is not None:
        return None
    rising = warmup(plan.warmup_steps, total)
    falling = {"constant": 0, "wsd": round(schedule.decay_fraction * total), "cosine": total - rising}[schedule.name]
    return f"{rising:,} steps of warm-up, {max(0, total - rising - falling):,} at the full rate, {falling:,} of decay"


def end_in_words(config: RunConfig, plan: Plan) -> str:
    """What ends the run, for people."""
    ends = [] if config.max_minutes is None else [f"after {config.max_minutes:g} minutes"]
    if plan.total_steps is not None:
        whose = ", the recipe's" if config.tokens is None else ""
        if config.decay_from.step is not None:
            whose = f" from step {config.decay_from.step:,} on, the rate falling to 0"
        tokens = config.recipe.tokens if config.tokens is None else config.tokens
        ends.append(f"after {plan.total_steps:,} steps" + (f" ({tokens:,} tokens{whose})" if plan.bound == "tokens" else ""))
    averaged = "; its rate never decays, so averaged weights are kept" if config.recipe.average_window else ""
    return " or ".join(ends) if ends else f"when it is stopped{averaged}"
