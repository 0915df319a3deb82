"""The one exception that the trainer raises on purpose, which becomes an `error` event (docs/run-folder.md), and the one that it tells from all others."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


class TrainerError(Exception):
    """What went wrong, in words for people, with the commands or changes to try next.

    `code` is a stable snake_case word (`data_missing`, `out_of_memory`, ...); other programs may depend on it.
    """

    def __init__(self, code: str, message: str, next_steps: list[str] | tuple[str, ...] = ()):
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_steps = list(next_steps)


def naming_run(steps: list[str], run_dir: Path) -> list[str]:
    """The same steps with the run in each `pt train --resume`: by its name where pt looks for runs unasked, else by its path.

    A run without checkpoint has nothing to resume: those steps go, but for one that begins it again.
    """
    if not any(run_dir.glob("checkpoints/step-*")):
        steps = [step for step in steps if "pt train --resume" not in step or "--from-start" in step] or ["pt doctor"]
    known = Path(os.environ.get("PT_HOME") or Path.home() / ".pt") / "runs"
    run = shlex.quote(run_dir.name if run_dir.parent == known.absolute() else str(run_dir))
    return [step.replace("pt train --resume", f"pt train --resume {run}") for step in steps]


def is_out_of_memory(error: BaseException) -> bool:
    """Of a GPU or of this machine, in the words of every allocator."""
    text = str(error)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "out of memory" in text or "can't allocate memory" in text
