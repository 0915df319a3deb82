"""A shard: the unit in which text is read, tokenized, cached and permuted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_EDGE = 1 << 20


@dataclass(frozen=True)
class Shard:
    key: str
    """Names the content: equal keys mean equal documents."""
    label: str
    """For people: file and row group or byte range."""
    read: Callable[[], Iterator[str]]
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
