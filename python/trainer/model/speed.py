"""How much arithmetic a token costs and how much a device can do: what MFU is made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers import PreTrainedModel

from .experts import active_shares
from .layers import input_table, output_head

# Dense bf16 peak, FLOP/s, from the makers' data sheets (without sparsity).
_PEAKS = {"GB200": 2.5e15, "B200": 2.25e15, "H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "GH200": 989e12, "A100": 312e12,
          "L40S": 362e12, "L40": 181e12, "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12, "RTX 3090": 71e12}  # fmt: skip


def peak_flops(device: torch.device) -> float | None:
    """None when the device's peak is not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in _PEAKS.items() if part in name), None)


def flops_per_token(model: PreTrainedModel, sequence_length: int) -> float:
    """Forward and backward: 6 N + 12 L H Q T (Chowdhery et al. 2022), N without an untied input table and of experts those that a token goes
    through, attention not halved for causality; what is frozen has no gradient of its own, 2 of its 6."""
    config = model.config
    passes = _products(model, lambda param: 6 if param.requires_grad else 4)
    return passes + 12 * config.num_hidden_layers * config.hidden_size * sequence_length


def forward_flops(model: PreTrainedModel, sequence_length: int) -> float:
    """Of scoring a token: 2 N + 4 L H T, as above; of experts those that a router sends a token to."""
    config = model.config.get_text_config()
    return _products(model, lambda _: 2) + 4 * config.num_hidden_layers * config.hidden_size * sequence_length


def _products(model: PreTrainedModel, times: Callable[[nn.Parameter], int]) -> float:
    """Of a token with the parameters that it goes through, each counted so many `times`."""
    table, head = input_table(model), output_head(model)
    looked_up = table.weight if head is not None and head.weight is not table.weight else None
    shares = active_shares(model)
    return sum(times(param) * param.numel() * shares.get(param, 1.0) for param in model.parameters() if param is not looked_up)
