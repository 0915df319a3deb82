"""Sources, split and order put together: what the training loop iterates over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..errors import TrainerError
from .cache import ShardTokens, TokenCache
from .held_out import choose_held_out, unigram_entropy
from .packing import pack
from .request import DataRequest
from .shards import Shard
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
    cache = TokenCache(Path(request.cache_dir).expanduser(), request.tokenizer, request.on_progress)
    weights = np.array([float(source.get("weight", 1.0)) for source in request.sources])
    shares = weights / weights.sum()
    all_shards = [open_source(source["name"], request) for source in request.sources]
    held_out: set[int] = set()
    sequences: list[np.ndarray] = []
    counted: list[tuple[int, int, int]] = []
    for source, shards, share in zip(request.sources, all_shards, shares):
        scanned = _scan(shards, cache, int(request.held_out_tokens * share))
        counted.append((len(scanned), sum(len(s.tokens) for s in scanned), sum(len(s.ends) for s in scanned)))
        if not counted[-1][1]:
            raise TrainerError("data_empty", f"{source['name']} holds no text.", ["Name other data with --data"])
        chosen = choose_held_out(scanned, int(request.held_out_tokens * share), request.sequence_length)
        held_out |= chosen
        sequences.append(_held_out_sequences(scanned, chosen, request.sequence_length))
    found = np.concatenate(sequences)
    total = sum(tokens for _, tokens, _ in counted)
    if not len(found) or total < 2 * request.sequence_length:
        raise TrainerError(
            "data_too_short",
            f"{total:,} tokens are too few for sequences of {request.sequence_length}: training and the held-out test need one each, "
            "from different documents.",
            ["Name more text with --data", "Use a shorter --sl"],
        )
    by_page = request.pages_per_epoch is not None
    streams = [
        SourceStream(shards, cache, held_out, request.sequence_length, request.seed + 1000 * i, by_page)
        for i, shards in enumerate(all_shards)
    ]
    data = Data(request, streams, shares, _fingerprint(request, all_shards, shares))
    data.held_out = torch.from_numpy(found.astype(np.int64))
    data.unigram_entropy = unigram_entropy(found)
    data.epoch_batches = _epoch_batches(request, all_shards, counted, int(found.size))
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


def _scan(shards: list[Shard], cache: TokenCache, wanted: int) -> list[ShardTokens]:
    """The first shards: all of a small source, else enough to hold out from."""
    scanned: list[ShardTokens] = []
    tokens = 0
    for shard in shards:
        if len(shards) > _EAGER_SHARDS and tokens >= wanted * _SCANNED and tokens:
            break
        scanned.append(cache.get(shard))
        tokens += len(scanned[-1].tokens)
    return scanned


def _held_out_sequences(scanned: list[ShardTokens], chosen: set[int], length: int) -> np.ndarray:
    documents = {}
    for shard in scanned:
        for text_hash, document in zip(shard.hashes.tolist(), shard.documents()):
            if text_hash in chosen:
                documents[text_hash] = document
    return pack([documents[key] for key in sorted(documents)], length)


def _epoch_batches(request: DataRequest, all_shards: list, counted: list, held_out: int) -> int | None:
    tokens_a_step = request.sequence_length * request.batch_size * request.world_size
    documents = sum(count for _, _, count in counted)
    tokens = sum(count for _, count, _ in counted)
    if request.pages_per_epoch is not None:
        return max(1, round(request.pages_per_epoch * _PAGE_ROWS * tokens / documents / tokens_a_step))
    if any(scanned < len(shards) for (scanned, _, _), shards in zip(counted, all_shards)):
        # The first shards stand for the rest: an estimate is of more use than an epoch without end.
        tokens = sum(count * len(shards) // scanned for (scanned, count, _), shards in zip(counted, all_shards))
    return max(1, (tokens - held_out) // tokens_a_step)


def _fingerprint(request: DataRequest, all_shards: list[list[Shard]], shares: np.ndarray) -> str:
    from ..tokenizer import tokenizer_key

    digest = hashlib.sha256(f"{tokenizer_key(request.tokenizer)}|{request.sequence_length}|{request.seed}|{shares.tolist()}".encode())
    digest.update(f"|{request.pages_per_epoch is not None}|{request.held_out_tokens}".encode())
    for shards in all_shards:
        digest.update(("|" + ",".join(shard.key for shard in shards)).encode())
    return digest.hexdigest()
