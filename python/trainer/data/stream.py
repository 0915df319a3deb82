"""One source as an endless stream of packed sequences in a seeded order that can be resumed exactly."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import TrainerError
from .background import Ahead
from .cache import ShardTokens, TokenCache
from .shards import Shard

# Shards whose documents are permuted together; the next such window is made ready in the background.
_WINDOW = 8
_PAGE_ROWS = 100


class SourceStream:
    """Shards in a permutation for each epoch, windows of shards, documents of a window in a permutation, joined by EOS and cut.

    The position is (epoch, window, tokens used of the window) and the tokens left over from before the window.
    """

    def __init__(self, shards: list[Shard], cache: TokenCache, held_out: set[int], length: int, seed: int, by_page: bool):
        self._shards = shards
        self._cache = cache
        self._held_out = np.array(sorted(held_out), np.uint64)
        self._length = length
        self._seed = seed
        self._block = _PAGE_ROWS if by_page else 1
        self._windows = -(-len(shards) // _WINDOW)
        self._ahead: tuple[tuple[int, int], Ahead[np.ndarray]] | None = None
        self._tokens: np.ndarray | None = None
        self._epoch = self._window = self._used = 0
        self._leftover = np.zeros(0, np.uint32)

    def next(self) -> np.ndarray:
        """The next sequence, uint32 [length]."""
        tokens = self._current()
        if self._used + self._length <= len(tokens):
            self._used += self._length
            return tokens[self._used - self._length : self._used]
        fruitless = 0
        while self._used + self._length > len(tokens):
            self._leftover = tokens[self._used :].copy()
            self._used = 0
            self._epoch, self._window = self._following(self._epoch, self._window)
            self._tokens = None
            tokens = self._current()
            fruitless += 1
            if fruitless > 2 * self._windows + self._length:
                raise TrainerError("data_empty", "The data holds no documents to train on.", ["Name other data with --data"])
        return self.next()

    def state(self) -> dict:
        return {"epoch": self._epoch, "window": self._window, "used": self._used, "leftover": self._leftover.tolist()}

    def restore(self, state: dict) -> None:
        self._epoch, self._window, self._used = state["epoch"], state["window"], state["used"]
        self._leftover = np.array(state["leftover"], np.uint32)
        self._tokens = None

    def _current(self) -> np.ndarray:
        """The window's tokens, what was left over in front."""
        if self._tokens is None:
            here = (self._epoch, self._window)
            ready = self._ahead[1].result() if self._ahead and self._ahead[0] == here else self._prepare(*here)
            self._tokens = np.concatenate([self._leftover, ready]) if len(self._leftover) else ready
            following = self._following(*here)
            self._ahead = (following, Ahead(partial(self._prepare, *following)))
        return self._tokens

    def _following(self, epoch: int, window: int) -> tuple[int, int]:
        return (epoch, window + 1) if window + 1 < self._windows else (epoch + 1, 0)

    def _prepare(self, epoch: int, window: int) -> np.ndarray:
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._shards))
        chosen = order[window * _WINDOW : (window + 1) * _WINDOW]
        documents = [document for i in chosen for document in self._training_documents(self._cache.get(self._shards[i]))]
        blocks = -(-len(documents) // self._block)
        mixed = np.random.default_rng([self._seed, epoch, window]).permutation(blocks)
        ordered = [d for b in mixed for d in documents[b * self._block : (b + 1) * self._block]]
        return np.concatenate(ordered) if ordered else np.zeros(0, np.uint32)

    def _training_documents(self, shard: ShardTokens) -> list[np.ndarray]:
        kept = ~np.isin(shard.hashes, self._held_out)
        return [document for document, keep in zip(shard.documents(), kept) if keep]
