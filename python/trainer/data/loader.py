"""Sources, split and order put together: what the training loop iterates over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..errors import TrainerError
from ..tokenizer import tokenizer_key
from .cache import ShardTokens, TokenCache
from .held_out import choose_held_out, unigram_entropy
from .packing import pack
from .request import DataRequest
from .shards import Source
from .sources import open_source
from .stream import SourceStream

_PAGE_ROWS = 100
# The held-out documents are looked for in the first shards, until they hold this many times what is wanted.
_SCANNED = 20
# Up to so many shards everything is tokenized before the first step, and the length of an epoch is exact.
_EAGER_SHARDS = 64


class Data:
    """Endless batches of training sequences for one rank, and the held-out sequences that no rank trains on.

    Sequence i of the training order is the same for every world size: a step takes the next world_size * batch_size of them and
    rank r gets its r-th run of batch_size. Iterate, or call `next_batch`; both go on where the other stopped.
    """

    def __init__(self, request: DataRequest, streams: list[SourceStream], shares: np.ndarray, fingerprint: str):
        self._request = request
        self._streams = streams
        self._shares = shares
        self._fingerprint = fingerprint
        self._taken = np.zeros(len(streams), np.int64)
        self.held_out: torch.Tensor = torch.zeros(0, request.sequence_length, dtype=torch.long)
        """int64 [n, sequence_length], n >= 1; equal on all ranks and for all seeds."""
        self.unigram_entropy: float = 0.0
        """Nats: the entropy of the held-out tokens' own distribution."""
        self.epoch_batches: int | None = None
        """Steps (batches of this rank) that make one epoch; None when the size of the data is not known."""

    def next_batch(self) -> torch.Tensor:
        """int64 [batch_size, sequence_length] on the CPU."""
        size, rank = self._request.batch_size, self._request.rank
        mine = []
        for i in range(size * self._request.world_size):
            sequence = self._next_sequence()
            if i // size == rank:
                mine.append(sequence)
        return torch.from_numpy(np.stack(mine).astype(np.int64))

    def rebatch(self, size: int) -> None:
        """Changes the sequences a rank and batch, before or between batches; order and position stay."""
        if self.epoch_batches is not None:
            self.epoch_batches = max(1, self.epoch_batches * self._request.batch_size // size)
        self._request = replace(self._request, batch_size=size)

    def __iter__(self) -> Iterator[torch.Tensor]:
        while True:
            yield self.next_batch()

    def state_dict(self) -> dict:
        """Where the next batch begins, JSON-able, the same on every rank; independent of world and batch size."""
        return {
            "version": 1,
            "fingerprint": self._fingerprint,
            "taken": self._taken.tolist(),
            "sources": [stream.state() for stream in self._streams],
        }

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly there. Raises TrainerError `data_changed` if the data or the tokenizer are not the same."""
        if state.get("version") != 1 or state.get("fingerprint") != self._fingerprint:
            raise TrainerError(
                "data_changed",
                "The data, the tokenizer, the sequence length or the seed changed since this checkpoint: its position means nothing now.",
                ["Resume with the data as it was", "Start a new run from the best model: pt train --load-model-dir DIR"],
            )
        self._taken = np.array(state["taken"], np.int64)
        for stream, part in zip(self._streams, state["sources"]):
            stream.restore(part)

    def _next_sequence(self) -> np.ndarray:
        # The source that is furthest behind its share: exact proportions, nothing random to save.
        behind = self._shares * (self._taken.sum() + 1) - self._taken
        source = int(np.argmax(behind))
        self._taken[source] += 1
        return self._streams[source].next()


def open_data(request: DataRequest) -> Data:
    """Opens the sources, splits off the held-out documents and stands before the first batch.

    Raises TrainerError: data_missing, data_empty, data_binary, data_too_short, data_unreachable, tokenizer_too_large, bad_data.
    """
    _check(request)
    weights = np.array([float(source.get("weight", 1.0)) for source in request.sources])
    shares = weights / weights.sum()
    cache_dir = Path(request.cache_dir).expanduser()
    sources = [
        source.get("source") or open_source(source["name"], cache_dir, request.offline, request.hub_endpoint, request.on_progress)
        for source in request.sources
    ]
    cache = TokenCache(cache_dir, request.tokenizer, request.on_progress)
    held_out: set[int] = set()
    sequences: list[np.ndarray] = []
    counted: list[_Counted] = []
    for named, source, share in zip(request.sources, sources, shares):
        scanned, part = scan(source, cache, int(request.held_out_tokens * share))
        tokens = sum(len(shard.tokens) for shard in scanned)
        counted.append(_Counted(part, tokens, sum(len(shard.ends) for shard in scanned)))
        if not any(shard.characters.any() for shard in scanned):
            raise TrainerError("data_empty", f"{named['name']} holds no text.", ["Name other data with --data"])
        chosen = choose_held_out(scanned, int(request.held_out_tokens * share), request.sequence_length)
        held_out |= chosen
        sequences.append(_held_out_sequences(scanned, chosen, request.sequence_length))
    found = np.concatenate(sequences)
    total = sum(part.tokens for part in counted)
    if not len(found) or total < 2 * request.sequence_length:
        raise TrainerError(
            "data_too_short",
            f"{total:,} tokens are too few for sequences of {request.sequence_length}: training and the held-out test need one each, "
            "from different documents.",
            ["Name more text with --data", "Use a shorter --sl"],
        )
    by_page = request.pages_per_epoch is not None
    streams = [
        SourceStream(source, cache, held_out, request.sequence_length, request.seed + 1000 * i, by_page)
        for i, source in enumerate(sources)
    ]
    data = Data(request, streams, shares, _fingerprint(request, sources, shares))
    data.held_out = torch.from_numpy(found.astype(np.int64))
    data.unigram_entropy = unigram_entropy(found)
    data.epoch_batches = _epoch_batches(request, counted, int(found.size))
    return data


def _check(request: DataRequest) -> None:
    if not request.sources:
        raise TrainerError("data_missing", "No data was named.", ["--data builtin"])
    for source in request.sources:
        weight = source.get("weight", 1.0)
        if not (isinstance(weight, (int, float)) and 0 < weight < float("inf")):
            raise TrainerError("bad_data", f"The weight of {source.get('name')} is {weight}; it must be above 0.", ["--data NAME=WEIGHT"])
    largest = max(len(request.tokenizer), max(request.tokenizer.get_vocab().values()) + 1)
    if request.vocabulary_size is not None and largest > request.vocabulary_size:
        raise TrainerError(
            "tokenizer_too_large",
            f"The tokenizer has {largest:,} entries and the model's embedding {request.vocabulary_size:,} rows.",
            ["Use the model's own tokenizer", "Choose a recipe whose vocabulary fits the competition's tokenizer"],
        )


@dataclass(frozen=True)
class _Counted:
    """What the first shards of a source hold; `part` of the source, 0 if its size is not known."""

    part: float
    tokens: int
    documents: int


def scan(source: Source, cache: TokenCache, wanted: int) -> tuple[list[ShardTokens], float]:
    """The first shards: all of a small local source, else enough to hold out from; and which part of the source they are."""
    scanned: list[ShardTokens] = []
    tokens = 0
    for group in source.groups:
        shards = group()
        for shard in shards:
            if not (source.complete and len(shards) <= _EAGER_SHARDS) and tokens > wanted * _SCANNED:
                return scanned, len(scanned) / len(shards) if source.complete else 0.0
            scanned.append(cache.get(shard))
            tokens += len(scanned[-1].tokens)
    return scanned, 1.0


def _held_out_sequences(scanned: list[ShardTokens], chosen: set[int], length: int) -> np.ndarray:
    documents = {}
    for shard in scanned:
        for text_hash, document in zip(shard.hashes.tolist(), shard.documents()):
            if text_hash in chosen:
                documents[text_hash] = document
    return pack([documents[key] for key in sorted(documents)], length)


def _epoch_batches(request: DataRequest, counted: list[_Counted], held_out: int) -> int | None:
    tokens_a_step = request.sequence_length * request.batch_size * request.world_size
    if request.pages_per_epoch is not None:
        mean = sum(part.tokens for part in counted) / sum(part.documents for part in counted)
        return max(1, round(request.pages_per_epoch * _PAGE_ROWS * mean / tokens_a_step))
    if any(part.part == 0 for part in counted):
        return None
    # Where only the first shards were counted they stand for the rest: an estimate is of more use than an epoch without end.
    tokens = sum(part.tokens / part.part for part in counted)
    return max(1, int(tokens - held_out) // tokens_a_step)


def _fingerprint(request: DataRequest, sources: list[Source], shares: np.ndarray) -> str:
    form = [tokenizer_key(request.tokenizer), request.sequence_length, request.seed, shares.tolist(), request.pages_per_epoch is not None]
    return hashlib.sha256(json.dumps([*form, request.held_out_tokens, [source.key for source in sources]]).encode()).hexdigest()
