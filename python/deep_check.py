"""Loads a model folder and tries it as validators would: `python deep_check.py --config check.json`; the form is in docs/run-folder.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.importing import importing
from trainer.script import run_script


def check(config: dict, events, stop_if_asked) -> dict:
    with importing(events):
        from trainer.score.checking import check_folder
    return check_folder(config, events, stop_if_asked)


if __name__ == "__main__":
    sys.exit(run_script(__doc__, check))
