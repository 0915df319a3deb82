"""Puts `python/` on the import path, so that tests import `trainer` as train.py does."""

import os
import sys
from pathlib import Path

# Two threads: the machine is shared, and tiny models gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
