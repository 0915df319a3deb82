"""Averaged weights of a run without an end: what a rate that never decays would have come to, at every moment.

An exponential average whose window grows with the run (power function profile: Karras et al. 2023, arXiv 2312.02696, section 3), so that it needs no
length to be known. It lies in the machine's memory in fp32, four bytes a parameter, and takes none of the device's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..machine.sharded import local
from ..model.trainable import trained

# Updates while the run doubles in length: from 64 to 128.
_FINENESS = 64


class Average:
    """The averaged weights of `model` (maybe sharded), beginning with those it has."""

    def __init__(self, model: nn.Module, window: float, step: int = 0):
        """`window`: the mean age of the weights in it, as a part of the run, above 0 and below 1; `step`: how many optimizer steps lie behind."""
        self._model, self._exponent, self.step = model, 1 / window - 1, step
        self._values = {name: param.detach().to("cpu", torch.float32, copy=True) for name, param in trained(model)}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Called after the optimizer step that makes `step` of them; takes the weights in whenever enough has changed."""
        every = 1 << max(0, (step // _FINENESS).bit_length() - 1)
        if step % every:
            return
        kept = (self.step / step) ** self._exponent
        for name, param in trained(self._model):
            local(self._values[name]).lerp_(local(param.detach()).to("cpu", torch.float32), 1 - kept)
        self.step = step

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with these weights, nothing of it gathered for a forward before (`reshard`); afterwards its own are back, bit for bit."""
        own = {name: local(param.detach()).to("cpu", copy=True) for name, param in trained(self._model)}
        try:
            self._put({name: local(value) for name, value in self._values.items()})
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, param in trained(self._model):
            local(param.detach()).copy_(values[name])

    def state(self) -> dict[str, Tensor]:
        """The live tensors by parameter: loading into them is resuming, together with `step`."""
        return self._values
