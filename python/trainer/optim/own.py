"""Optimizers that a recipe in Python brings (own_recipe.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from .rates import Rates


class OwnOptimizers(Rates):
    """A user's optimizers behind the same face as `Optimizers` (parts.py: RunOptimizer): rates by a common factor, state as flat named tensors."""

    def __init__(self, model: nn.Module, parts: list[torch.optim.Optimizer], explained: Callable[[], AbstractContextManager[None]]):
        """`explained` turns what the user's code raises into an error that names its line."""
        self.names: dict[Tensor, str] = {param: name for name, param in model.named_parameters()}
        self._explained = explained
        # Optimizers that find their own rate have none to be scheduled.
        super().__init__(parts, [group for part in parts for group in part.param_groups if isinstance(group.get("lr"), (int, float))])

    def step(self, factor: float, ok: Tensor) -> None:
        """As `Optimizers.step`; on a GPU it waits to know `ok`, because a foreign optimizer cannot be told to change nothing."""
        self.set_rates(factor)
        if ok:
            with self._explained():
                for part in self.parts:
                    part.step()
        self.zero_grad()

    def fill_state(self) -> None:
        """Makes the state that most optimizers make in their first step, so that a checkpoint has something to be loaded into."""
        for param in self.names:
            param.grad = torch.zeros_like(param) if param.requires_grad else None
        rates = [group["lr"] for group in self.groups]
        for group in self.groups:
            group["lr"] = 0.0
        for part in self.parts:
            part.step()
        for group, rate in zip(self.groups, rates):
            group["lr"] = rate
        self.zero_grad()

    @property
    def lr(self) -> float:
        return self.groups[0]["lr"] if self.groups else 0.0

    @property
    def peak_lr(self) -> float:
        return self.groups[0]["peak_lr"] if self.groups else 0.0

    def state(self) -> dict[str, Tensor]:
        """`{"<optimizer>.<parameter>|<slot>": tensor}`, the live tensors."""
        return {key: value for key, value in self._slots() if isinstance(value, Tensor)}

    def numbers(self) -> dict:
        """The rest of the state, which has to be JSON: step counters that are no tensors."""
        return {key: value for key, value in self._slots() if not isinstance(value, Tensor)}

    def load_numbers(self, numbers: dict) -> None:
        for i, part in enumerate(self.parts):
            for param, slots in part.state.items():
                for slot in slots:
                    slots[slot] = numbers.get(f"{i}.{self.names[param]}|{slot}", slots[slot])

    def _slots(self) -> Iterator[tuple[str, object]]:
        for i, part in enumerate(self.parts):
            for param, slots in part.state.items():
                yield from ((f"{i}.{self.names[param]}|{slot}", value) for slot, value in slots.items())
