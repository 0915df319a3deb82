"""What evaluate.py and deep_check.py share: a config in, events out, the exit codes of train.py."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from .errors import naming_run
from .events import Events
from .failures import explain
from .files import read_object
from .machine.signals import StopFlag
from .secret import mask_output

FAILED, CANCELLED = 7, 130


class Cancelled(Exception):
    """A signal asked to stop."""


def run_script(doc: str | None, work: Callable[[dict, Events, Callable[[], None]], dict]) -> int:
    """Reads `--config FILE`, calls work(config, events, stop_if_asked) and writes what it returns as the `result` event, then `done`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="path of the JSON file with what is asked")
    path = Path(parser.parse_args().config)
    mask_output()
    stop = StopFlag.install()
    run_dir = path.resolve().parent
    events: Events | None = None

    def stop_if_asked() -> None:
        if events:
            events.alive()
        if stop.is_set():
            raise Cancelled

    try:
        config = read_object(path, "bad_config", ["Name the right file with --config"])
        run_dir = Path(config.get("run_dir") or run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        events = Events(run_dir / "events.jsonl")
        result = work(config, events, stop_if_asked)
        events.emit("result", **result)
        events.emit("done", reason="finished")
        return 0
    except Cancelled:
        if events:
            events.emit("done", reason="cancelled")
        return CANCELLED
    except Exception as error:
        traceback.print_exception(error)
        known = explain(error, None)
        if run_dir.is_dir():
            text = "".join(traceback.format_exception(error))
            events = events or Events(run_dir / "events.jsonl")
            events.emit("error", code=known.code, message=known.message, next_steps=naming_run(known.next_steps, run_dir), traceback=text)
        sys.stderr.flush()
        os._exit(FAILED)
    finally:
        if events:
            events.close()
