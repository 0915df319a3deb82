"""One source as an endless stream of packed sequences in a seeded order that can be resumed exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from ..background import Ahead
from ..errors import TrainerError
from .account import Account
from .cache import ShardTokens, TokenCache
from .shards import Shard, Source

# Shards whose documents are permuted together; the next such window is made ready in the background.
_WINDOW = 8
_PAGE_ROWS = 100
_FETCHERS = 4
# Groups (files of a Hub) that are open at a time: each window draws from all of them, so no stretch of training is one file's text.
_INTERLEAVED = 8

Place = tuple[int, int, int]
"""Epoch, bundle of groups in the epoch's permutation, window of the bundle."""


class SourceStream:
    """Groups in a permutation for each epoch, taken in bundles; the shards of a bundle in another, in windows; the documents of a window in a
    third, joined by EOS and cut.

    The position is the place, the tokens used of its window and the tokens left over from before the window.
    """

    def __init__(self, source: Source, cache: TokenCache, account: Account, held_out: set[int], length: int, seed: int, by_page: bool):
        self._groups = source.groups
        self._cache = cache
        self._account = account
        self._held_out = np.array(sorted(held_out), np.uint64)
        self._length = length
        self._seed = seed
        self._block = _PAGE_ROWS if by_page else 1
        self._opened: dict[int, list[Shard]] = {}
        self._ahead: tuple[Place, Ahead[tuple[Place, np.ndarray]]] | None = None
        self._tokens: np.ndarray | None = None
        self._place: Place = (0, 0, 0)
        self._used = 0
        self._leftover = np.zeros(0, np.uint32)

    def next(self) -> np.ndarray:
        """The next sequence, uint32 [length]. Raises what reading the source raises, and `data_empty`."""
        started = self._place[0]
        while True:
            tokens = self._current()
            if self._used + self._length <= len(tokens):
                self._used += self._length
                return tokens[self._used - self._length : self._used]
            # Every epoch must add a token to the left over ones, else there are none to come.
            if self._place[0] > started + self._length:
                raise TrainerError("data_empty", "The data holds no documents to train on.", ["Name other data with --data"])
            self._leftover, self._used = tokens[self._used :].copy(), 0
            self._place = self._coming()[0]
            self._tokens = None

    def state(self) -> dict:
        return {"place": list(self._place), "used": self._used, "leftover": self._leftover.tolist()}

    def restore(self, state: dict) -> None:
        epoch, bundle, window = state["place"]
        self._place, self._used = (epoch, bundle, window), state["used"]
        self._leftover = np.array(state["leftover"], np.uint32)
        self._tokens = None

    def _current(self) -> np.ndarray:
        """The window's tokens, what was left over in front."""
        if self._tokens is None:
            found = None if self._ahead is None else self._ahead[1].result()
            ready = found[1] if found is not None and found[0] == self._place else self._prepare(self._place)
            self._tokens = np.concatenate([self._leftover, ready]) if len(self._leftover) else ready
            self._ahead = (self._place, Ahead(partial(self._prepare_after, self._place)))
        return self._tokens

    def _coming(self) -> tuple[Place, np.ndarray]:
        if self._ahead is None or self._ahead[0] != self._place:
            return self._prepare_after(self._place)
        return self._ahead[1].result()

    def _prepare_after(self, place: Place) -> tuple[Place, np.ndarray]:
        epoch, bundle, window = place
        if (window + 1) * _WINDOW < len(self._shards(epoch, bundle)):
            following = (epoch, bundle, window + 1)
        elif (bundle + 1) * _INTERLEAVED < len(self._groups):
            following = (epoch, bundle + 1, 0)
        else:
            following = (epoch + 1, 0, 0)
        return following, self._prepare(following)

    def _prepare(self, place: Place) -> np.ndarray:
        epoch, bundle, window = place
        shards = self._shards(epoch, bundle)
        order = np.random.default_rng([self._seed, epoch, bundle]).permutation(len(shards))
        chosen = [shards[i] for i in order[window * _WINDOW : (window + 1) * _WINDOW]]
        with ThreadPoolExecutor(_FETCHERS) as pool:
            read = list(pool.map(lambda shard: self._cache.get(shard, self._account), chosen))
        documents = [document for shard in read for document in self._training_documents(shard)]
        blocks = -(-len(documents) // self._block)
        mixed = np.random.default_rng([self._seed, *place]).permutation(blocks)
        ordered = [d for b in mixed for d in documents[b * self._block : (b + 1) * self._block]]
        return np.concatenate(ordered) if ordered else np.zeros(0, np.uint32)

    def _shards(self, epoch: int, bundle: int) -> list[Shard]:
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._groups))
        chosen = [int(index) for index in order[bundle * _INTERLEAVED : (bundle + 1) * _INTERLEAVED]]
        opened = {index: shards for index, shards in self._opened.items() if index in chosen}
        missing = [index for index in chosen if index not in opened]
        with ThreadPoolExecutor(_FETCHERS) as pool:
            opened.update(zip(missing, pool.map(lambda index: self._groups[index](), missing)))
        self._opened = opened
        return [shard for index in chosen for shard in opened[index]]

    def _training_documents(self, shard: ShardTokens) -> list[np.ndarray]:
        kept = ~np.isin(shard.hashes, self._held_out) & (shard.characters > 0)
        return [document for document, keep in zip(shard.documents(), kept) if keep]
