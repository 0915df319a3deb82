"""Imports of torch and transformers, which take most of a script's start."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from .events import Events


@contextmanager
def importing(events: Events) -> Iterator[None]:
    """Announces what is imported inside, and keeps the collector out of it, then and later.

    Nothing of a million objects that stay is rubbish: to look among them was a seventh of the CPU time of an import."""
    with events.phase("loading", "PyTorch"):
        gc.disable()
        try:
            yield
        finally:
            gc.enable()
            gc.freeze()
            # Libraries count at the end what of theirs was never let go, and would call this a leak.
            atexit.register(gc.unfreeze)
