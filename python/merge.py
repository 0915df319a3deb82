"""Writes checkpoints of runs as models, and weighted means of models that have one shape: `python merge.py --config merge.json`; the form is in docs/run-folder.md.

Tensor by tensor, of means a piece at a time: memory stays the same whatever the models' size.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.importing import importing
from trainer.script import run_script


def merge(config: dict, events, stop_if_asked) -> dict:
    with importing(events):
        from trainer.model.merge import merge_folders
        from trainer.record.export import export_checkpoint
        from trainer.request import read_config
    for wanted in config.get("checkpoints", []):
        checkpoint = Path(wanted["checkpoint"])
        with events.phase("exporting", checkpoint.name):
            export_checkpoint(checkpoint, Path(wanted["best"]), read_config(wanted["run"]), Path(wanted["out"]), stop_if_asked)
    mixtures = {Path(mixture["out"]): mixture["weights"] for mixture in config["mixtures"]}
    if mixtures:
        merge_folders([Path(folder) for folder in config["folders"]], mixtures, events, stop_if_asked)
    return {}


if __name__ == "__main__":
    sys.exit(run_script(__doc__, merge))
