"""Runs of the real trainer (python/train.py's `train`), timed from the place where it looks for a signal."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Callable

from shapes import ROOT  # puts python/ on the import path

import torch

import train as entry
from trainer.config import RunConfig, apply_overrides, parse
from trainer.events import Events

assert Path(entry.__file__).parent == ROOT / "python"


class Enough(Exception):
    """The clock has seen all it wanted; the run ends without its last checkpoint."""


class Clock:
    """Times steps. Our loop asks `is_set` before its first step and after each, as it asks for a signal; rivals call `step`."""

    def __init__(self, warmup: int, steps: int, device: str, between: Callable[[], None] | None = None):
        """`between` runs untimed after every step. On a GPU only the first and the last step are waited for."""
        self.warmup, self.steps, self.cuda, self.between = warmup, steps, device == "cuda", between
        self.seen = -1
        self.durations: list[float] = []
        self.work: list[float] = []
        """Processor seconds of each step, of all threads: what else the machine does is not in them."""
        self.seconds = 0.0
        self._last = self._first = self._worked = 0.0

    def is_set(self) -> bool:
        if self.step():
            raise Enough
        return False

    def step(self) -> bool:
        """Ends a step (the first call only starts the clock); True when all were seen."""
        edge = self.seen + 1 in (self.warmup, self.warmup + self.steps)
        if self.cuda and edge:
            torch.cuda.synchronize()
        now, work = time.perf_counter(), time.process_time()
        self.seen += 1
        if self.seen == self.warmup:
            self._first = now
        elif self.seen > self.warmup:
            self.durations.append(now - self._last)
            self.work.append(work - self._worked)
            self.seconds = now - self._first
        if self.between is not None:
            self.between()
        self._last, self._worked = time.perf_counter(), time.process_time()
        return self.seen >= self.warmup + self.steps


def run_ours(recipe: dict, clock: Clock | None = None, run_dir: Path | None = None, **request) -> list[dict]:
    """Trains with this recipe until the clock has enough or the run is over; returns the lines of metrics.jsonl."""
    # What is read ahead may still write when a run is left in the middle.
    with tempfile.TemporaryDirectory(prefix="pt-bench-", ignore_cleanup_errors=True) as temporary:
        folder = run_dir or Path(temporary)
        os.environ.setdefault("PT_HOME", _home())
        config = request_of(folder, recipe, **request)
        events = Events(folder / "events.jsonl")
        try:
            entry.train(config, events, clock or Clock(0, 1 << 60, "cpu"))
        except Enough:
            pass
        finally:
            events.close()
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@functools.cache
def _home() -> str:
    """A cache of tokens for all runs of this process."""
    folder = tempfile.mkdtemp(prefix="pt-bench-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def request_of(folder: Path, recipe: dict, **request) -> RunConfig:
    """What run.json would hold, checked as train.py checks it."""
    raw = {"version": 1, "run_dir": str(folder), "recipe": recipe, "data": [{"name": "builtin", "weight": 1.0}], "offline": True, **request}
    return apply_overrides(parse(RunConfig, raw, "the bench's request"))
