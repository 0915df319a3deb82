"""Sources, split and order put together: what the training loop iterates over."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..errors import TrainerError
from ..tokenizer import tokenizer_key
from .account import Account, SkipLimit
from .cache import TokenCache
from .held_out import resolution, unigram_entropy
from .request import DataRequest
from .rest import Rest
from .shards import Source, listed
from .sources import open_source
from .split import Split, split
from .stream import SourceStream

_PAGE_ROWS = 100


@dataclass(frozen=True)
class SourceRead:
    name: str
    source: Source
    account: Account
    part: float
    local: bool
    """A file or folder of this machine."""

    def report(self) -> dict:
        """`complete`: all of it is counted already, and not only what was read so far."""
        counts = self.account.total()
        return {
            "path": self.name,
            "column": self.source.column,
            "documents": counts.documents,
            "characters": counts.characters,
            "skipped": counts.skipped,
            "complete": self.part == 1.0,
            "unread": list(self.source.unread),
        }


class Data:
    """Endless batches of training sequences for one rank, and the held-out sequences that no rank trains on.

    Sequence i of the training order is the same for every world size: a step takes the next world_size * batch_size of them and
    rank r gets its r-th run of batch_size. Iterate, or call `next_batch`; both go on where the other stopped.
    """

    def __init__(self, request: DataRequest, streams: list[SourceStream], shares: np.ndarray, fingerprint: str, read: list[SourceRead]):
        self._request = request
        self._read = read
        self._streams = streams
        self._shares = shares
        self._fingerprint = fingerprint
        self._taken = np.zeros(len(streams), np.int64)
        self._rest = self._read_rest()
        self.held_out: torch.Tensor = torch.zeros(0, request.sequence_length, dtype=torch.long)
        """int64 [n, sequence_length], n >= 1; equal on all ranks and for all seeds."""
        self.held_out_files: int = 0
        """How many shards (row groups, ranges of files) the held-out documents come from."""
        self.unigram_entropy: float = 0.0
        """Nats: the entropy of the held-out tokens' own distribution."""
        self.epoch_batches: int | None = None
        """Steps (batches of this rank) that make one epoch; None when the size of the data is not known."""

    @property
    def counted(self) -> bool:
        """Whether everything was read before the first step: then `report` says the same for ever."""
        return all(part.part == 1.0 for part in self._read)

    def report(self) -> dict:
        """What was read so far, JSON-able: `sources` in the order of the request, and the size of `held_out`."""
        size = {"tokens": self.held_out.numel(), "sequences": len(self.held_out), "parts": self.held_out_files}
        resolved = resolution(self.held_out.numpy())
        held_out = {"wanted": self._request.held_out_tokens, **size, "resolution": resolved if math.isfinite(resolved) else None}
        return {"sources": [part.report() for part in self._read], "held_out": held_out}

    def next_batch(self) -> torch.Tensor:
        """int64 [batch_size, sequence_length] on the CPU."""
        if self._rest is not None:
            self._rest.look()
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
                ["Resume with the data as it was", "pt train --load-model-dir DIR   # a new run from the best model"],
            )
        self._taken = np.array(state["taken"], np.int64)
        for stream, part in zip(self._streams, state["sources"]):
            stream.restore(part)

    def _read_rest(self) -> Rest | None:
        """Looks through local data of which a part was read until now."""
        parts = [part for part in self._read if part.local and 0 < part.part < 1]
        if not parts or self._request.rank:
            return None

        keys = [part.source.key for part in parts]
        return Rest([part.name for part in parts], keys, self._request.text_column, self._request.skip_bad_rows, Path(self._request.cache_dir).expanduser(), self._request.on_warning)

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
        source.get("source") or open_source(source["name"], cache_dir, request.offline, request.hub_endpoint, request.on_progress, request.text_column)
        for source in request.sources
    ]
    columns = [source.column for source in sources]
    if request.text_column is not None and not any(columns):
        raise TrainerError(
            "bad_data", f"--text-column {request.text_column}: no data that is named has columns.", ["Leave --text-column out", "Name tables with --data"]
        )
    cache = TokenCache(cache_dir, request.tokenizer, request.on_progress)
    limit = SkipLimit(request.skip_bad_rows, lambda message: request.on_warning("bad_row_skipped", message))
    accounts = [Account(limit) for _ in sources]
    splits: list[Split] = []
    for named, source, share, account in zip(request.sources, sources, shares, accounts):
        if source.unread:
            request.on_warning("data_unread", f"{named['name']}: not read: {listed(source.unread)}.")
        splits.append(split(source, named["name"], cache, account, int(request.held_out_tokens * share), request.sequence_length))
        if splits[-1].source is not source:
            request.on_warning("data_cut", f"{named['name']}: its few long documents are cut into pieces, so that some can be held out from training.")
    found = np.concatenate([part.sequences(request.sequence_length) for part in splits])
    held_out = set().union(*(part.held_out for part in splits))
    counted = [_Counted(part.part, sum(len(s.tokens) for s in part.scanned), sum(len(s.ends) for s in part.scanned)) for part in splits]
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
        SourceStream(part.source, cache, account, held_out, request.sequence_length, request.seed + 1000 * i, by_page)
        for i, (part, account) in enumerate(zip(splits, accounts))
    ]
    read = [
        SourceRead(str(named["name"]), part.source, account, part.part, "source" not in named and part.source.complete)
        for named, part, account in zip(request.sources, splits, accounts)
    ]
    data = Data(request, streams, shares, _fingerprint(request, [part.source for part in splits], shares), read)
    data.held_out = torch.from_numpy(found.astype(np.int64))
    data.held_out_files = sum(part.files for part in splits)
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
