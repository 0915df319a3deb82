"""What the loop is made of: the face that each part shows it, whoever made the part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from .data import Data
from .fit.memory import Estimate
from .model.layers import Frames
from .model.loss import LossModel, Teacher
from .plan import Plan
from .score.duel import RunDuel


class RunOptimizer(Protocol):
    """All optimizers of a run as one: ours (`optim/optimizers.py`) or a recipe's own (`own_recipe.py`)."""

    def step(self, factor: float, ok: Tensor) -> None:
        """One step with every rate at `factor` times its peak; where `ok` (0-dimensional bool) is false, nothing changes. Drops gradients."""

    def zero_grad(self) -> None: ...

    def fill_state(self) -> None:
        """Called before a checkpoint is loaded into `state`: all of it has to be there."""

    def state(self) -> dict[str, Tensor]:
        """The live tensors by name: loading into them is resuming."""
        ...

    def numbers(self) -> dict:
        """State that is no tensor, as JSON."""
        ...

    def load_numbers(self, numbers: dict) -> None: ...

    def scale_rates(self, factor: float) -> None:
        """Multiplies every peak rate."""
        ...

    @property
    def lr(self) -> float: ...

    @property
    def peak_lr(self) -> float: ...


class Tracker(Protocol):
    def log(self, fields: Mapping[str, object], step: int) -> None: ...


class Stop(Protocol):
    def is_set(self) -> bool: ...


@dataclass
class Parts:
    model: PreTrainedModel
    loss_model: LossModel
    teacher: Teacher | None
    optimizers: RunOptimizer
    tokenizer: PreTrainedTokenizerFast
    tokenizer_said: str
    """its name or folder, and whose it is"""
    data: Data
    plan: Plan
    autocast: Callable[[], AbstractContextManager[object]]
    attention: str
    compiled: bool
    frames: Frames | None
    """None: nothing is to be compiled."""
    dtype: torch.dtype
    parameters: int
    trained: int
    """How many of them are not frozen."""
    architecture: str
    """Class name, as config.json gives it; sharding changes the object's class."""
    needed: Estimate | None
    """Memory; None where it was plain that it fits."""
    duel: RunDuel | None
    """None: no king is named."""
