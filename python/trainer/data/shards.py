"""A shard: the unit in which text is read, tokenized, cached and permuted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import TrainerError

_EDGE = 1 << 20
CUT = "cut|"
"""Begins the key of a shard whose documents are pieces of those of the shard with the rest of the key."""


@dataclass(frozen=True)
class BadRow:
    """A row that holds no text, given in the place of its document."""

    where: str
    """File and row, for people."""
    why: str


@dataclass(frozen=True)
class Shard:
    key: str
    """Names the content: equal keys mean equal documents."""
    label: str
    """For people: file and row group or byte range."""
    read: Callable[[], Iterator[str | BadRow]]
    """Documents in their order; empty ones included."""
    remote: bool = False
    """Fetched over the network: what is kept of it is bounded."""


@dataclass(frozen=True)
class Source:
    """What one name of --data stands for."""

    key: str
    groups: list[Callable[[], list[Shard]]]
    """Files, or one group with everything; a group's shards are known when it is opened."""
    complete: bool
    """Whether opening all groups at once is cheap (local data): then the length of an epoch can be told."""
    column: str | None = None
    """The column or field that the text comes from; None where there are none (plain text)."""
    unread: tuple[str, ...] = ()
    """What lies there and is not read, each with the reason, for people."""


class Version:
    """A local file as it was when the data was opened: what is read of it later is of that file, or refused."""

    def __init__(self, file: Path):
        self.file = file
        self._seen = _size_and_time(file)
        self.key = file_key(file)

    def read(self, documents: Callable[[], Iterator[str | BadRow]]) -> Iterator[str | BadRow]:
        """Those documents. Raises TrainerError `data_changed`, and what reading raises."""
        self._check()
        try:
            for given in documents():
                if isinstance(given, BadRow):
                    self._check()
                yield given
        except TrainerError:
            self._check()
            raise
        self._check()

    def _check(self) -> None:
        try:
            if _size_and_time(self.file) == self._seen or file_key(self.file) == self.key:
                return
            why = "changed while it was read"
        except FileNotFoundError:
            why = "was removed while it was read"
        raise TrainerError("data_changed", f"{self.file} {why}.", ["Put it back as it was: pt train --resume", "pt train --load-model-dir DIR   # a new run from the best model"])


def listed(names: Sequence[str], most: int = 8) -> str:
    """For people: the first few, and how many more there are."""
    rest = f"; and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + rest


def _size_and_time(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def file_key(path: Path) -> str:
    """Names a file's content without reading all of a large one: size, both ends, and the time of change if there is a middle."""
    status = path.stat()
    digest = hashlib.blake2b(str(status.st_size).encode(), digest_size=16)
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        if status.st_size > 2 * _EDGE:
            digest.update(str(status.st_mtime_ns).encode())
        if status.st_size > _EDGE:
            file.seek(max(_EDGE, status.st_size - _EDGE))
            digest.update(file.read(_EDGE))
    return digest.hexdigest()
