"""The one exception that the trainer raises on purpose; it becomes an `error` event (docs/run-folder.md)."""

from __future__ import annotations


class TrainerError(Exception):
    """What went wrong, in words for people, with the commands or changes to try next.

    `code` is a stable snake_case word (`data_missing`, `out_of_memory`, ...); other programs may depend on it.
    """

    def __init__(self, code: str, message: str, next_steps: list[str] | tuple[str, ...] = ()):
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_steps = list(next_steps)
