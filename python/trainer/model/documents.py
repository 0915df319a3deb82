"""Which tokens of a sequence belong together: attention that stays within a document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from transformers import masking_utils

# By attention: how it is kept within documents. The block mask's kernel is a flash kernel that skips whole blocks; a dense mask has no flash kernel.
DOCUMENT_MASKS = {"flex_attention": "blocks", "sdpa": "dense", "eager": "dense"}


def positions_in_document(tokens: Tensor, document_end: int) -> Tensor:
    """Positions that start from 0 after each `document_end`; transformers masks attention where they do. [batch, length]"""
    index = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
    starts = torch.zeros_like(tokens)
    starts[:, 1:] = torch.where(tokens[:, :-1] == document_end, index[:, 1:], 0)
    return index - starts.cummax(dim=1).values


@contextlib.contextmanager
def known_packing(packed: bool) -> Iterator[None]:
    """Within it transformers takes positions as packed or not as it is told. It would look into them, and a GPU would be waited for in every
    micro-batch; the mask of its choice is the same."""
    asks = masking_utils.find_packed_sequence_indices
    masking_utils.find_packed_sequence_indices = _documents if packed else _one_document
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = asks


def _documents(position_ids: Tensor) -> Tensor | None:
    """The number of each token's document in its sequence, from 0. [batch, length]"""
    numbers = (torch.diff(position_ids, prepend=position_ids[:, :1] - 1, dim=-1) != 1).cumsum(-1)
    # On a CPU looking costs nothing, and a batch without a joint needs no mask.
    return None if numbers.device.type == "cpu" and not isinstance(numbers, FakeTensor) and not numbers.any() else numbers


def _one_document(position_ids: Tensor) -> None:
    return None
