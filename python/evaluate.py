"""Scores models as validators do: `python evaluate.py --config evaluate.json`; the form is in docs/run-folder.md.

Every model is scored on the same batches, one model in memory at a time; losses are kept by content and reused.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.importing import importing
from trainer.script import run_script


def evaluate(config: dict, events, stop_if_asked) -> dict:
    with importing(events):
        from trainer.score.evaluating import evaluate_models
    return evaluate_models(config, events, stop_if_asked)


if __name__ == "__main__":
    sys.exit(run_script(__doc__, evaluate))
