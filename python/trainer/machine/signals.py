"""SIGINT and SIGTERM: the first asks for a checkpoint and an end, the second ends at once."""

from __future__ import annotations

import os
import signal
import time

AT_ONCE = 130
# torchrun passes on a signal that the terminal has sent to every process already: one Ctrl-C, two arrivals.
SAME_KEYPRESS_SECONDS = 2.0


class StopFlag:
    """Set by the first signal."""

    def __init__(self) -> None:
        self._at: float | None = None

    @classmethod
    def install(cls) -> StopFlag:
        flag = cls()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, flag._on_signal)
        return flag

    def is_set(self) -> bool:
        return self._at is not None

    def _on_signal(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._at is None:
            self._at = now
        elif "TORCHELASTIC_RUN_ID" not in os.environ or now - self._at > SAME_KEYPRESS_SECONDS:
            os._exit(AT_ONCE)
