"""Which documents training never sees: chosen by the hash of their text, so neither seed, order nor world size matter."""

from __future__ import annotations

import numpy as np

from .cache import ShardTokens

FRACTION = 0.05
_LARGEST_SHARE = 0.2
_CHARACTERS_A_TOKEN = 4


def choose_held_out(shards: list[ShardTokens], most_tokens: int, sequence_length: int, fraction: float = FRACTION) -> set[int]:
    """Hashes of the held-out documents: in order of hash until that fraction of the text, about `most_tokens` at most, one sequence at least.

    Measured in characters, so that every tokenizer holds out the same. Giants (over a fifth of everything) stay in training.
    Empty when nothing can be spared.
    """
    if not shards:  # tables without a row
        return set()
    hashes = np.concatenate([shard.hashes for shard in shards])
    sizes = np.concatenate([shard.characters for shard in shards])
    lengths = np.concatenate([np.diff(shard.ends, prepend=0) for shard in shards])
    total = int(sizes.sum())
    target = min(most_tokens * _CHARACTERS_A_TOKEN, int(total * fraction))
    chosen: set[int] = set()
    size = tokens = 0
    for i in np.argsort(hashes, kind="stable"):
        if size >= target and tokens >= sequence_length:
            break
        fits = sizes[i] <= max(total * _LARGEST_SHARE, sequence_length * _CHARACTERS_A_TOKEN) and size + sizes[i] <= total // 2
        if fits and sizes[i] and int(hashes[i]) not in chosen:
            chosen.add(int(hashes[i]))
            size += int(sizes[i])
            tokens += int(lengths[i])
    return chosen if tokens >= sequence_length else set()


def unigram_entropy(tokens: np.ndarray) -> float:
    """Entropy in nats of these tokens' own distribution: no model that ignores context can have a lower loss on them."""
    _, counts = np.unique(tokens, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def resolution(sequences: np.ndarray) -> float:
    """Two standard errors of the mean loss over these sequences [n, length], as a part of that mean: what the choice of text alone may
    move it by. Of a model that knows only how frequent each token is; two models on the same text differ by less, as they agree on what is hard.
    """
    values, counts = np.unique(sequences, return_counts=True)
    losses = -np.log(counts / counts.sum())[np.searchsorted(values, sequences)].mean(axis=1)
    return float(2 * losses.std(ddof=1) / np.sqrt(len(losses)) / losses.mean()) if len(losses) > 1 and losses.mean() > 0 else float("inf")
