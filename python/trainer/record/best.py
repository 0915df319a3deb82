"""`best/` and `best.json`: the model with the lowest held-out loss so far, written in the background, replaced at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from ..background import Ahead
from ..files import recover_folder, replace_folder, write_json


class Best:
    """The best model of one run. One writes at a time: the next waits for it, and so does the end of the run."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir
        self.folder = run_dir / "best"
        self._writing: Ahead[None] | None = None

    def recover(self) -> None:
        """Puts right what a killed run left."""
        recover_folder(self.folder)

    def set_aside(self, warn: Callable[[str], None]) -> None:
        """Moves the best model of a life that begins again to best.before-N, with its numbers in best.before-N.json: it is no measure of the new one."""
        numbers = self.run_dir / "best.json"
        if not numbers.exists() and not self.folder.exists():
            return
        aside, at = self._before(1), 1
        # A kill between the two renames leaves numbers without their model: it follows them.
        while aside.exists() or (numbers.exists() and _numbers(aside).exists()):
            at += 1
            aside = self._before(at)
        if numbers.exists():
            os.rename(numbers, _numbers(aside))
        if self.folder.exists():
            os.rename(self.folder, aside)
        warn(f"The run begins again: its best model so far is set aside as {aside.name}.")

    def _before(self, number: int) -> Path:
        return self.run_dir / f"best.before-{number}"

    def loss(self) -> float | None:
        """Of the model on disk; None: there is none. Raises what its writing failed with."""
        self.wait()
        try:
            loss = json.loads((self.run_dir / "best.json").read_text())["eval_loss"]
        except (OSError, ValueError, KeyError):
            return None
        return loss if (self.folder / "config.json").is_file() else None

    def save(self, numbers: dict[str, object], write: Callable[[Path], None], written: Callable[[], None]) -> None:
        """Returns at once; in a thread `write` fills a new folder, which takes the place of best/, then `numbers` that of best.json."""
        self.wait()
        self._writing = Ahead(lambda: self._save(numbers, write, written), "best")

    def wait(self) -> None:
        """Until best/ is whole; raises what its writing failed with."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def pending(self) -> Callable[[], None]:
        """What waits for the model that is being written now, from any thread."""
        writing = self._writing
        return (lambda: None) if writing is None else writing.result

    def _save(self, numbers: dict[str, object], write: Callable[[Path], None], written: Callable[[], None]) -> None:
        new = self.run_dir / f".best-{numbers['step']}.tmp"
        self.recover()
        try:
            write(new)
        except BaseException:
            self.recover()
            raise
        replace_folder(new, self.folder)
        write_json(self.run_dir / "best.json", numbers)
        written()


def _numbers(aside: Path) -> Path:
    return aside.with_name(f"{aside.name}.json")
