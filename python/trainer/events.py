"""`events.jsonl`: what happens, one JSON object a line, throttled, with a heartbeat that stops when the main loop does."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .secret import mask

BEAT_SECONDS = 2.0
THROTTLE_SECONDS = 0.25
STALL_SECONDS = 60.0


class Events:
    """Appends to `path`; `path=None` (ranks other than 0) writes nothing but errors' callers may still call it.

    Each event is one `write` to a file opened for appending, so lines of several processes never mix.
    """

    def __init__(self, path: str | Path | None):
        self._fd = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._last: dict[str, float] = {}
        self._moved = time.monotonic()
        self._long = 0
        self._allowance = STALL_SECONDS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def emit(self, type: str, **fields: Any) -> None:
        """Writes one event now. NaN and infinity become null (they are not JSON), secrets are masked."""
        self.alive()
        self._write({"type": type, "time": time.time(), **{key: _plain(value) for key, value in fields.items()}})

    def emit_throttled(self, type: str, **fields: Any) -> bool:
        """Writes the event unless one of this type was written a moment ago; says whether it did."""
        self.alive()
        now = time.monotonic()
        if now - self._last.get(type, -math.inf) < THROTTLE_SECONDS:
            return False
        self._last[type] = now
        self.emit(type, **fields)
        return True

    def alive(self) -> None:
        """Says that the main loop moves."""
        now = time.monotonic()
        # A big model's step on a slow machine takes long without being a hang: ten of the longest seen are allowed.
        self._allowance = max(self._allowance, 10 * (now - self._moved)) if self._long == 0 else self._allowance
        self._moved = now

    @contextmanager
    def phase(self, name: str, detail: str = "") -> Iterator[None]:
        """Announces a phase that may take long without a step."""
        self.emit("phase", name=name, detail=detail)
        self._long += 1
        try:
            yield
        finally:
            self._moved = time.monotonic()
            self._long -= 1

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=1)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            if self._long or time.monotonic() - self._moved < self._allowance:
                self._write({"type": "heartbeat", "time": time.time()})

    def _write(self, event: dict) -> None:
        if self._fd is None:
            return
        try:
            os.write(self._fd, (json.dumps(event) + "\n").encode())
        except OSError:
            # A full disk must not hide the error that is being reported, nor kill the heartbeat.
            if event["type"] not in ("heartbeat", "error"):
                raise


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
