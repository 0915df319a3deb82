"""The learning rates of several optimizers, moved together."""

from __future__ import annotations

import torch


class Rates:
    """What the optimizers of a run have in common, ours or a recipe's own."""

    def __init__(self, parts: list[torch.optim.Optimizer], groups: list[dict]):
        """`groups`: those of `parts` that have a rate to be scheduled; what it is now is its peak."""
        self.parts, self.groups = parts, groups
        for group in groups:
            group["peak_lr"] = group["lr"]

    def set_rates(self, factor: float) -> None:
        """Every rate to `factor` times its peak."""
        for group in self.groups:
            group["lr"] = group["peak_lr"] * factor

    def scale_rates(self, factor: float) -> None:
        """Multiplies every peak rate."""
        for group in self.groups:
            group["peak_lr"] *= factor

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)
