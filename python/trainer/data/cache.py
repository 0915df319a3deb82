"""Tokenized shards, kept on disk by content and tokenizer, so that text is tokenized once for all runs, ranks and epochs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from transformers import PreTrainedTokenizerFast

from ..errors import TrainerError
from ..files import whole_file
from ..machine.free_memory import free_memory
from ..tokenizer import encoder, tokenizer_key
from .account import Account, SkipLimit
from .shards import BadRow, Shard
from .text import cut_document

# Raise it when the stored form changes.
_FORM = 3
# What is kept of fetched data, for each tokenizer; the oldest goes first.
REMOTE_BYTES = 20 << 30
_BATCH_CHARACTERS = 4_000_000
# A longer document becomes several: the tokenizer needs many times a text's size.
_LONGEST_DOCUMENT = 1 << 20
# Of memory for each token of a part, while it is tokenized and drawn from: 15.3 more were seen for each one more (CSV, 8 and 31 MB).
BYTES_A_TOKEN = 16


@dataclass(frozen=True)
class ShardTokens:
    """Documents in their order, each closed by EOS; an empty one is its EOS alone.

    tokens: uint32 [t]; ends: int64 [d], exclusive; hashes: uint64 [d], of the text; characters: int64 [d];
    bad: the rows that hold no text, as JSON in UTF-8, uint8.
    """

    tokens: np.ndarray
    ends: np.ndarray
    hashes: np.ndarray
    characters: np.ndarray
    bad: np.ndarray = field(default_factory=lambda: np.frombuffer(b"[]", np.uint8))

    def bad_rows(self) -> list[BadRow]:
        return [BadRow(*row) for row in json.loads(self.bad.tobytes())]

    def documents(self) -> list[np.ndarray]:
        """Views of `tokens`, one a document, EOS included."""
        return np.split(self.tokens, self.ends[:-1]) if len(self.ends) else []


class TokenCache:
    """Reads shards through the disk cache; safe for several threads and processes on one folder."""

    def __init__(self, folder: Path, tokenizer: PreTrainedTokenizerFast, on_progress: Callable[[str], None]):
        self._folder = folder / "tokens" / f"{_FORM}-{tokenizer_key(tokenizer)}"
        self._encode = encoder(tokenizer)
        self._eos = tokenizer.eos_token_id
        self._progress = on_progress
        for part in ("remote", "local"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)

    def get(self, shard: Shard, account: Account | None = None) -> ShardTokens:
        """The shard's tokens, tokenized now if the cache has none or a damaged file.

        What it holds is counted in `account`, whose limit on bad rows holds (without one there is none allowed). Raises what reading the
        shard raises, and `bad_data`.
        """
        account = account or Account(SkipLimit())
        name = hashlib.blake2b(shard.key.encode(), digest_size=16).hexdigest()
        file = self._folder / ("remote" if shard.remote else "local") / f"{name}.safetensors"
        found = _load(file)
        if found is None:
            with FileLock(f"{file}.lock"):
                found = _load(file)
                if found is None:
                    found = self._tokenize(shard, account.limit)
                    self._store(file, found)
                    if shard.remote:
                        _drop_oldest(file.parent, REMOTE_BYTES)
        account.add(shard.key, len(found.ends), int(found.characters.sum()), found.bad_rows())
        return found

    def _tokenize(self, shard: Shard, limit: SkipLimit) -> ShardTokens:
        self._progress(f"tokenizing {shard.label}")
        tokens: list[np.ndarray] = []
        ends: list[np.ndarray] = []
        hashes: list[int] = []
        characters: list[int] = []
        bad: list[BadRow] = []
        total, room = 0, room_for_tokens()
        for batch in _batches(_documents(shard, bad, limit)):
            # The tokenizer's own threads share the batch; Python's lock is free meanwhile.
            rows = list(self._encode(batch))
            lengths = np.fromiter((len(row) + 1 for row in rows), np.int64, len(rows))
            tokens.append(np.fromiter((token for row in rows for token in (*row, self._eos)), np.uint32, int(lengths.sum())))
            ends.append(total + np.cumsum(lengths))
            hashes.extend(_hash(text) for text in batch)
            characters.extend(len(text) for text in batch)
            total += int(lengths.sum())
            if total > room:
                raise too_large(shard.label, f"more than {total:,} tokens")
            self._progress(f"tokenizing {shard.label}: {total:,} tokens")
        empty = np.zeros(0, np.int64)
        return ShardTokens(
            np.concatenate(tokens) if tokens else empty.astype(np.uint32),
            np.concatenate(ends) if ends else empty,
            np.array(hashes, np.uint64),
            np.array(characters, np.int64),
            np.frombuffer(json.dumps([[row.where, row.why] for row in bad]).encode(), np.uint8),
        )

    def _store(self, file: Path, value: ShardTokens) -> None:
        try:
            with whole_file(file) as temporary:
                save_file(asdict(value), temporary)
        except (OSError, SafetensorError) as error:
            raise TrainerError(
                "disk_full", f"Tokens cannot be kept in {self._folder}: {error}", ["Free some space there", "Set PT_HOME to a larger disk"]
            ) from error


def room_for_tokens() -> float:
    """How many tokens of one part fit into the memory that is free now."""
    free = free_memory(torch.device("cpu"))
    return float("inf") if free is None else free / BYTES_A_TOKEN


def too_large(label: str, what: str) -> TrainerError:
    """A part that cannot be read in pieces and does not fit into memory."""
    return TrainerError(
        "bad_data",
        f"{label} is read as a whole, and its tokens do not fit into memory ({what}).",
        ["Unpack it, and write an object a line (.jsonl) or parquet: these are read in pieces", "Cut it into several files"],
    )


def _load(file: Path) -> ShardTokens | None:
    try:
        return ShardTokens(**load_file(file))
    except (FileNotFoundError, SafetensorError, TypeError):
        return None


def _drop_oldest(folder: Path, most_bytes: int) -> None:
    files = sorted(filter(None, map(_age_and_size, folder.glob("*.safetensors"))))
    total = sum(size for _, size, _ in files)
    for _, size, file in files[:-1]:
        if total <= most_bytes:
            return
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
        total -= size


def _age_and_size(file: Path) -> tuple[float, int, Path] | None:
    """None for a file that another thread or process dropped meanwhile."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime, stat.st_size, file


def _documents(shard: Shard, bad: list[BadRow], limit: SkipLimit) -> Iterator[str]:
    """The shard's texts, none too long; bad rows go to `bad`, until there are more than may be skipped: that ends it at once."""
    for given in shard.read():
        if isinstance(given, BadRow):
            bad.append(given)
            if len(bad) > limit.left:
                limit.take(bad)
        elif len(given) <= _LONGEST_DOCUMENT:
            yield given
        else:
            yield from cut_document(given, _LONGEST_DOCUMENT)


def _batches(documents: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in documents:
        batch.append(text)
        size += len(text) + 1
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
