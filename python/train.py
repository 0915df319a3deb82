"""Trains a causal language model as `run.json` asks: `python train.py --config run.json`, alone or under torchrun.

Everything that comes back is a file in the run folder (docs/run-folder.md). Exit codes: 0 finished, 130 stopped by a signal after a
checkpoint, 7 an `error` event was written.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.config import RunConfig, describe
from trainer.errors import TrainerError, naming_run
from trainer.events import Events
from trainer.importing import importing
from trainer.machine.signals import StopFlag
from trainer.request import read_config
from trainer.secret import mask_output

FAILED, CANCELLED = 7, 130


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="run.json:\n" + describe(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="path of run.json")
    path = Path(parser.parse_args().config)
    mask_output()
    stop = StopFlag.install()
    first = os.environ.get("RANK", "0") == "0"
    try:
        config = read_config(path)
    except TrainerError as error:
        return report(error, path.resolve().parent)
    events = Events(Path(config.run_dir) / "events.jsonl" if first else None)
    try:
        return train(config, events, stop)
    except BaseException as error:
        return report(error, Path(config.run_dir), config)
    finally:
        events.close()


def train(config: RunConfig, events: Events, stop: StopFlag) -> int:
    with importing(events):
        from trainer.data.of_run import tell
        from trainer.loop import Trainer
        from trainer.machine.distributed import join, leave
        from trainer.record.trackers import Trackers
        from trainer.setup import prepare, start_event
    world = join(config.device)
    trackers = Trackers(config, world.first, lambda message: events.emit("warning", code="tracker", message=message))
    parts = prepare(config, world, events)
    trainer = Trainer(config, world, events, parts, trackers, stop)
    events.emit("start", **start_event(config, world, parts, trainer.resume() if config.resume or world.restarted else None))
    reason = trainer.run()
    if world.first and not parts.data.counted:
        tell(config, events, parts.data)
    trackers.close()
    progress = trainer.progress
    spikes = {"skipped": progress.spikes.skipped, "rollbacks": progress.spikes.rollbacks}
    events.emit("done", reason=reason, steps=progress.step, tokens=progress.tokens, best_loss=progress.best_loss, seconds=progress.seconds, **spikes)
    leave()
    return CANCELLED if reason == "cancelled" else 0


def restarts_left() -> bool:
    """True under torchrun, while it will start a failed process again: losing a neighbour is then no end of the run."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) < int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0"))


def report(error: BaseException, run_dir: Path, config: RunConfig | None = None) -> int:
    """Writes the `error` event (any rank may) and prints the traceback for the log."""
    from trainer.failures import explain

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    traceback.print_exception(error)
    known = explain(error, config)
    if run_dir.is_dir():
        text = "".join(traceback.format_exception(error))
        events = Events(run_dir / "events.jsonl")
        if not isinstance(error, TrainerError) and restarts_left():
            message = f"{known.message} torchrun starts all processes again from the last checkpoint."
            events.emit("warning", code="restarting", message=message)
            os._exit(FAILED)
        events.emit("error", code=known.code, message=known.message, next_steps=naming_run(known.next_steps, run_dir), traceback=text)
    sys.stderr.flush()
    # Other threads (a checkpoint under way, a collective that will never end) must not keep a failed process alive.
    os._exit(FAILED)


if __name__ == "__main__":
    sys.exit(main())
