"""Documents to sequences, as validators pack them (docs: PROTOCOL vectors `packing.json`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pack(documents: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Joins documents that each end with EOS and cuts [n, length]; what does not fill a sequence is dropped."""
    stream = np.concatenate(documents) if len(documents) else np.zeros(0, np.uint32)
    whole = len(stream) // length
    return stream[: whole * length].reshape(whole, length)
