"""bf16 that loses nothing on average, and 8-bit codes for an optimizer's moments.

A bf16 number has 8 bits: an update below 1/256 of a weight would round to nothing, every time. Rounded up or down at random, with the
chances that keep the expectation, it arrives. The randomness is PyTorch's own, which checkpoints hold.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BLOCK = 128  # neighbours in a row that share a scale
_LEVELS = 127
# Second moments as powers: eight codes an octave over 32 octaves.
_OCTAVE = 8


def write(target: Tensor, value: Tensor) -> None:
    """`value` (fp32) into `target` in place; into bf16 it is rounded at random."""
    if target.dtype != torch.bfloat16:
        target.copy_(value)
        return
    noise = torch.randint(1 << 16, value.shape, dtype=torch.int32, device=value.device)
    # The low half of an fp32 is what bf16 drops: noise added there carries over as often as it should; inf and NaN stay as they are.
    rounded = (value.contiguous().view(torch.int32) + noise).bitwise_and_(-(1 << 16)).view(torch.float32)
    target.copy_(torch.where(value.isfinite(), rounded, value))


def blocks_of(columns: int) -> int:
    """How many scales a row of so many numbers has."""
    return -(-columns // BLOCK)


def decode_signed(codes: Tensor, scales: Tensor) -> Tensor:
    """int8 [rows, columns] and fp32 [rows, blocks] -> fp32: squares of 127 steps each way, so that small numbers keep some digits."""
    parts = codes.float() / _LEVELS
    return parts * parts.abs() * _spread(scales, codes.shape[-1])


def encode_signed(value: Tensor, codes: Tensor, scales: Tensor) -> None:
    """The inverse, in place, rounded at random."""
    blocks = _blocks(value)
    top = blocks.abs().amax(-1)
    steps = (blocks / top.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(-1)).abs().sqrt() * _LEVELS
    signed = torch.floor(steps + torch.rand_like(steps)).clamp(max=_LEVELS) * blocks.sign()
    codes.copy_(_joined(signed, value.shape[-1]).to(torch.int8))
    scales.copy_(top)


def decode_positive(codes: Tensor, scales: Tensor) -> Tensor:
    """uint8 [rows, columns] and fp32 [rows, blocks] -> fp32, never 0 where the block is not: a second moment is divided by."""
    return torch.exp2((codes.float() - 255) / _OCTAVE) * _spread(scales, codes.shape[-1])


def encode_positive(value: Tensor, codes: Tensor, scales: Tensor) -> None:
    """The inverse, in place, rounded at random."""
    blocks = _blocks(value)
    top = blocks.amax(-1)
    steps = torch.log2(blocks / top.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(-1)) * _OCTAVE + 255
    codes.copy_(_joined(torch.floor(steps + torch.rand_like(steps)).clamp(0, 255), value.shape[-1]).to(torch.uint8))
    scales.copy_(top)


def _blocks(value: Tensor) -> Tensor:
    return nn.functional.pad(value, (0, -value.shape[-1] % BLOCK)).unflatten(-1, (-1, BLOCK))


def _joined(blocks: Tensor, columns: int) -> Tensor:
    return blocks.flatten(-2)[..., :columns]


def _spread(scales: Tensor, columns: int) -> Tensor:
    return scales.repeat_interleave(BLOCK, -1, output_size=scales.shape[-1] * BLOCK)[..., :columns]
