"""Documents to sequences, as validators pack them (test/vectors/packing.json)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def join(documents: Sequence[np.ndarray]) -> np.ndarray:
    """One stream of documents that each end with EOS."""
    return np.concatenate(documents) if len(documents) else np.zeros(0, np.uint32)


def cut(stream: np.ndarray, length: int) -> np.ndarray:
    """[n, length]; what does not fill a sequence is dropped."""
    whole = len(stream) // length
    return stream[: whole * length].reshape(whole, length)


def pack(documents: Sequence[np.ndarray], length: int) -> np.ndarray:
    return cut(join(documents), length)


def truncate(document: np.ndarray, limit: int | None) -> np.ndarray:
    """A document with its EOS, shortened to the tokenizer's own limit before that EOS."""
    if limit is None or len(document) - 1 <= limit:
        return document
    return np.concatenate([document[:limit], document[-1:]])


def pad(stream: np.ndarray, eos: int, length: int) -> np.ndarray:
    """The unpacked form: each piece between EOS begins a sequence and is filled up with EOS; a piece that fits exactly gets none."""
    pieces = []
    start = 0
    for end in np.flatnonzero(stream == eos):
        piece = stream[start:end]
        start = end + 1
        pieces += [piece, np.full(-len(piece) % length, eos, stream.dtype)]
    return cut(join(pieces), length)
