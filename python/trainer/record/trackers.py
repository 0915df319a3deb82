"""Where curves can be watched: W&B, trackio, TensorBoard, each only when asked for and installed. `metrics.jsonl` is always there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import TrainerError


class Trackers:
    """Sends numbers to each tracker of `report_to`; one that fails later is dropped with a warning, training goes on."""

    def __init__(self, config: RunConfig, active: bool, warn: Callable[[str], None]):
        self._warn = warn
        self._sinks: dict[str, tuple[Callable[[dict, int], Any], Callable[[], Any]]] = {}
        for name in config.report_to if active else []:
            if name not in _OPENERS:
                raise TrainerError("bad_recipe", f"report_to: {name!r} is no tracker.", [f"Known: {', '.join(_OPENERS)}"])
            self._sinks[name] = _OPENERS[name](config)

    def log(self, fields: Mapping[str, object], step: int) -> None:
        numbers = {key: value for key, value in fields.items() if isinstance(value, (int, float)) and key != "step"}
        for name, (log, _) in list(self._sinks.items()):
            self._attempt(name, partial(log, numbers, step))

    def close(self) -> None:
        for name, (_, close) in list(self._sinks.items()):
            self._attempt(name, close)

    def _attempt(self, name: str, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:  # a tracker's fault must not cost a training run
            del self._sinks[name]
            self._warn(f"{name} failed and is left out from here on: {type(error).__name__}: {error}")


def _wandb(config: RunConfig):
    wandb = _package("wandb")
    mode = "offline" if config.offline or not os.environ.get("WANDB_API_KEY") else "online"
    name = Path(config.run_dir).name
    # The same id for a resumed run: one curve, not two.
    run = wandb.init(
        entity=config.wandb.entity, project=config.wandb.project or "pt", dir=config.run_dir, mode=mode, name=name, id=name, resume="allow"
    )
    return (lambda numbers, step: run.log(numbers, step=step)), run.finish


def _trackio(config: RunConfig):
    os.environ.setdefault("TRACKIO_DIR", str(Path(config.run_dir) / "trackio"))  # read when it is imported
    trackio = _package("trackio")
    run = trackio.init(project=config.wandb.project or "pt", name=Path(config.run_dir).name, resume="allow", embed=False)
    return (lambda numbers, step: run.log(numbers, step=step)), run.finish


def _tensorboard(config: RunConfig):
    _package("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(Path(config.run_dir) / "tensorboard"))
    return (lambda numbers, step: [writer.add_scalar(key, value, step) for key, value in numbers.items()]), writer.close


def _package(name: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TrainerError("missing_package", f"--report-to {name}: the package {name} is not installed.", [install_command(name), "pt train --report-to none"]) from error


def install_command(name: str) -> str:
    """For this very environment, which may have been made by uv and have no pip."""
    if importlib.util.find_spec("pip") is not None:
        return f"{sys.executable} -m pip install {name}"
    return f"uv pip install --python {sys.executable} {name}"


_OPENERS = {"wandb": _wandb, "trackio": _trackio, "tensorboard": _tensorboard}
