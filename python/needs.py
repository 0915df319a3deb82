"""What models take here that may not be here yet: `python needs.py --config needs.json`; the form is in docs/run-folder.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.importing import importing
from trainer.script import run_script


def needs(config: dict, events, stop_if_asked) -> dict:
    with importing(events):
        from trainer.needs import run_fits
        from trainer.score.needs import scoring_needs
    return run_fits(config, events) if "run" in config else scoring_needs(config, events, stop_if_asked)


if __name__ == "__main__":
    sys.exit(run_script(__doc__, needs))
