"""Work in a thread that never keeps the process alive: Ctrl-C must not wait for a tokenizer or a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Starts `work` at once; `result()` waits for it and returns its value or raises its error."""

    def __init__(self, work: Callable[[], T], name: str = "data-ahead"):
        self._work = work
        self._value: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def result(self) -> T:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # raised again where the value is wanted
            self._error = error
