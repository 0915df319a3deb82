"""Files and folders that are there whole or not at all, whenever the process is killed, and JSON read from them."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import TrainerError


def read_object(path: Path, code: str, next_steps: list[str]) -> dict:
    """The object that a JSON file holds. Raises TrainerError `code` where it cannot be read or holds something else."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise TrainerError(code, f"{path} does not exist.", next_steps) from error
    except (OSError, ValueError, RecursionError) as error:
        raise TrainerError(code, f"{path} cannot be read as JSON: {error}", next_steps) from error
    if not isinstance(value, dict):
        raise TrainerError(code, f"{path} holds no JSON object.", next_steps)
    return value


def write_json(path: Path, value: Any, indent: int | None = 2, end: str = "") -> None:
    """Whole or not at all. NaN and infinity stay what Python's JSON makes of them; halves of characters, as names of files have that are not UTF-8, are escaped."""
    write_whole(path, (json.dumps(value, indent=indent, ensure_ascii=False) + end).encode(errors="backslashreplace"))


def write_whole(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the name of `path` at the end, or goes if that was not reached. Each process has its own."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_folder(new: Path, target: Path) -> None:
    """Puts `new` in the place of `target` at once; whatever was there before is deleted after."""
    if not target.exists():
        os.rename(new, target)
        return
    if _exchange(new, target):
        shutil.rmtree(new, ignore_errors=True)
        return
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    os.rename(target, old)
    os.rename(new, target)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(target: Path) -> None:
    """Puts right what a kill between the renames left (only where the system cannot exchange two names)."""
    old = target.with_name(target.name + ".old")
    if old.exists() and not target.exists():
        os.rename(old, target)
    shutil.rmtree(old, ignore_errors=True)
    for rest in target.parent.glob(f".{target.name}-*.tmp"):
        shutil.rmtree(rest, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Linux's atomic exchange of two names; False where there is none."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    at_cwd, exchange = -100, 2
    return renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), exchange) == 0
