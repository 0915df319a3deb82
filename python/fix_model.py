"""Gives a model folder the keys that older transformers read: `python fix_model.py --config fix.json` with `{"dir", "run_dir"}`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.script import run_script


def fix(config: dict, events, stop_if_asked) -> dict:
    from trainer.model.compat import fix_folder, problems_left

    stop_if_asked()
    return {"dir": config["dir"], "changed": fix_folder(config["dir"]), "left": problems_left(config["dir"])}


if __name__ == "__main__":
    sys.exit(run_script(__doc__, fix))
