"""Activations that are computed again instead of kept."""

from __future__ import annotations

import functools

import torch.utils.checkpoint
from torch import nn

from .distributed import decoder_layers


def checkpoint_activations(model: nn.Module, which: str) -> None:
    """`full`: every decoder layer is computed again in backward; `selective`: every other one; `none`."""
    stride = {"none": 0, "selective": 2, "full": 1}[which]
    for layer in decoder_layers(model)[::stride] if stride else []:
        layer.forward = functools.partial(torch.utils.checkpoint.checkpoint, layer.forward, use_reentrant=False)
