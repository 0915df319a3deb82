"""Large local data is read once beside training, by a process of its own: a bad row at its far end ends the run in minutes, and not after days.

Of up to 64 parts all is read before the first step; of more, training alone would meet the last of them at the end of an epoch.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import TrainerError
from .account import SkipLimit
from .shards import BadRow

_PYTHON = Path(__file__).resolve().parents[2]
_NICE = 10


class Rest:
    """Begins to read; `look` says what was found, as often as it is asked."""

    def __init__(self, paths: list[str], keys: list[str], column: str | None, most: int, cache_dir: Path, on_warning: Callable[[str, str], None]):
        """`most`: bad rows that these sources (with their `keys`) may hold. What once was found whole is not read again."""
        kept = cache_dir / "read" / hashlib.sha256("\n".join(keys).encode()).hexdigest()
        self._warn, self._process = on_warning, None
        with suppress(OSError, ValueError):
            if int(kept.read_text()) <= most:
                return
        asked = {"paths": [str(Path(path).expanduser().resolve()) for path in paths], "column": column, "most": most, "kept": str(kept)}
        # Its input stays open as long as this process lives: when it ends, however that comes, so does the other.
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from trainer.data.rest import main; main()"],
            cwd=_PYTHON, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()

    def look(self) -> None:
        """Raises, once, what reading all of it raised."""
        if self._process is None or self._process.poll() is None:
            return
        process, self._process = self._process, None
        found, _ = process.communicate()
        if found:
            raise TrainerError(**json.loads(found))
        if process.returncode:
            self._warn("data_unchecked", f"What is read later could not be looked through ahead of training (exit {process.returncode}).")


def main() -> None:
    """The process: a request in, what is wrong out, nothing if all can be read."""
    from .local import local_source

    if hasattr(os, "nice"):
        os.nice(_NICE)
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        bad = read_all((given for path in asked["paths"] for shard in local_source(Path(path), asked["column"]).groups[0]() for given in shard.read()), asked["most"])
    except TrainerError as error:
        print(json.dumps({"code": error.code, "message": error.message, "next_steps": error.next_steps}), flush=True)
        return
    kept = Path(asked["kept"])
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(str(bad))


def read_all(documents: Iterable[str | BadRow], most: int) -> int:
    """How many bad rows there are. Raises TrainerError `bad_data` for one more than `most`, and what reading raises."""
    bad, limit = 0, SkipLimit(most)
    for given in documents:
        if isinstance(given, BadRow):
            bad += 1
            limit.take([given])
    return bad


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
