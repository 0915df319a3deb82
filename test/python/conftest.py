"""Puts `python/` on the import path, so that tests import `trainer` as train.py does."""

import os
import sys
from pathlib import Path

# One thread: tiny models gain nothing from a second, which takes as much of a processor to wait for them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
