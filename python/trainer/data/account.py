"""What was read: documents, characters and skipped rows of each source; and the one limit on skipped rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import TrainerError
from .shards import CUT, BadRow

# After so many bad rows they are counted, no longer named.
_NAMED = 20


class SkipLimit:
    """How many bad rows a run may leave out, over all of its sources. Safe for several threads."""

    def __init__(self, most: int = 0, on_skip: Callable[[str], None] = lambda message: None):
        self._most, self._skip, self._skipped, self._lock = most, on_skip, 0, threading.Lock()

    @property
    def left(self) -> int:
        return self._most - self._skipped

    def take(self, rows: Sequence[BadRow]) -> None:
        """Raises TrainerError `bad_data`, naming the first row that is too much."""
        with self._lock:
            left, before = self.left, self._skipped
            self._skipped += len(rows)
        for number, row in enumerate(rows[: max(0, left)], before):
            if number < _NAMED:
                self._skip(f"{row.where} is skipped: {row.why}.")
            elif number == _NAMED:
                self._skip("More bad rows are skipped; data.json counts them.")
        if len(rows) > left:
            row = rows[max(0, left)]
            beyond = f" ({self._most:,} bad rows were skipped before it, as --skip-bad-rows {self._most} allows)" if self._most else ""
            raise TrainerError(
                "bad_data",
                f"{row.where}: {row.why}{beyond}.",
                ["Correct the row", f"Leave out bad rows, up to a number: --skip-bad-rows {max(10, 10 * self._most)}"],
            )


@dataclass(frozen=True)
class Counts:
    documents: int
    characters: int
    skipped: int


class Account:
    """Counts of one source's shards, each once however often it is read."""

    def __init__(self, limit: SkipLimit):
        self.limit = limit
        self._counts: dict[str, Counts] = {}
        self._lock = threading.Lock()

    def add(self, key: str, documents: int, characters: int, bad: Sequence[BadRow]) -> None:
        """Raises what SkipLimit.take raises."""
        key = key.removeprefix(CUT)  # its pieces are the same text again
        with self._lock:
            if key in self._counts:
                return
            self._counts[key] = Counts(documents, characters, len(bad))
        self.limit.take(bad)

    def total(self) -> Counts:
        with self._lock:
            counts = list(self._counts.values())
        return Counts(sum(c.documents for c in counts), sum(c.characters for c in counts), sum(c.skipped for c in counts))
