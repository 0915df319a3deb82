"""Everything about a run that is a number."""

from __future__ import annotations

from dataclasses import dataclass, field

from .spikes import Spikes


@dataclass
class Progress:
    """Saved with every checkpoint."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_loss: float | None = None
    best_step: int | None = None
    last_eval: int | None = None
    eval_seconds: float = 0.0
    """When it was last evaluated, on the clock of `seconds`, which counts training and stands still between a kill and the resume."""
    checkpoint_seconds: float = 0.0
    rate: float = 1.0
    """Of the last step, as a part of its peak."""
    peak_factor: float = 1.0
    """What `lr: auto` found, as a multiple of the recipe's peak."""
    branch_rate: float = 1.0
    """`rate` where this run branched off another (`decay_from`)."""
    start_loss: float | None = None
    """Held-out loss of the model that was given, when the run does not start from scratch."""
    spikes: Spikes = field(default_factory=Spikes)
