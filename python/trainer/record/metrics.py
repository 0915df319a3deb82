"""`metrics.jsonl`: every optimizer step and every held-out evaluation, exact, none twice, none missing."""

from __future__ import annotations

import json
from pathlib import Path

from ..files import write_whole


class Metrics:
    """Appends to the file; with `keep_to` (resume) first drops what comes after that step, and any torn last line."""

    def __init__(self, path: str | Path | None, keep_to: int = 0):
        self._path = None if path is None else Path(path)
        self._file = None
        if self._path is not None:
            self.rewind(keep_to)

    def rewind(self, step: int) -> None:
        """Drops every line after `step`, atomically. What was trained again must not be there twice."""
        if self._path is None:
            return
        if self._file is not None:
            self._file.close()
        kept = [line for line in _lines(self._path) if line["step"] <= step] if step > 0 else []
        write_whole(self._path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._file = open(self._path, "a", buffering=1)

    def write(self, **fields: int | float | dict | None) -> None:
        """One line, on disk (in the system's cache, which outlives a killed process) when this returns."""
        if self._file is not None:
            self._file.write(json.dumps(fields) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def last_step(path: Path) -> int:
    """The last step that the file tells of; 0: of none."""
    return max((line["step"] for line in _lines(path)), default=0)


def _lines(path: Path) -> list[dict]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # torn by a kill in the middle of a write; the step is trained again
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines
