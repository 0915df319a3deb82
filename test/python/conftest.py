"""Puts `python/` on the import path, so that tests import `trainer` as train.py does."""

import os
import sys
from pathlib import Path

import pytest

# One thread: tiny models gain nothing from a second, which takes as much of a processor to wait for them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for all runs of a module."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def text(place):
    """Real English in `place`, to train on."""
    from trainer_support import write_text

    return write_text(place)
