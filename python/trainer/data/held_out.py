"""Which documents training never sees: chosen by the hash of their text, so neither seed, order nor world size matter."""

from __future__ import annotations

import numpy as np

from .cache import ShardTokens

_FRACTION = 0.05
_LARGEST_SHARE = 0.2


def choose_held_out(shards: list[ShardTokens], most_tokens: int, sequence_length: int) -> set[int]:
    """Hashes of the held-out documents: in order of hash until 5% of the tokens, `most_tokens` at most, one sequence at least.

    Giants (over a fifth of everything) stay in training. Empty when nothing can be spared.
    """
    hashes = np.concatenate([shard.hashes for shard in shards])
    lengths = np.concatenate([np.diff(shard.ends, prepend=0) for shard in shards])
    total = int(lengths.sum())
    target = max(sequence_length, min(most_tokens, int(total * _FRACTION)))
    chosen: set[int] = set()
    taken = 0
    for i in np.argsort(hashes, kind="stable"):
        if taken >= target:
            break
        if lengths[i] <= max(total * _LARGEST_SHARE, sequence_length) and taken + lengths[i] <= total // 2:
            chosen.add(int(hashes[i]))
            taken += int(lengths[i])
    return chosen if taken >= sequence_length else set()


def unigram_entropy(tokens: np.ndarray) -> float:
    """Entropy in nats of these tokens' own distribution: no model that ignores context can have a lower loss on them."""
    _, counts = np.unique(tokens, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())
