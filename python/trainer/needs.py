"""Whether a run fits whose model is not here yet: told from the model's config, before anything is downloaded."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import torch

from .config import Recipe, Source
from .events import Events
from .files import write_json
from .machine.device import choose_attention, choose_device, compute_dtype
from .machine.distributed import World
from .model.load import count_parameters, load_config, skeleton
from .plan import split_batch
from .request import read_config
from .setup import decide_compile, estimate_fit, fit_sequence_length


def run_fits(raw: dict, events: Events) -> dict:
    """`raw`: `run` (run.json, whose source is not looked at), `config` (config.json of the model to start from), `processes` and `processes_here`
    (that train together, and on this machine), `run_dir`. The result is empty; raises TrainerError `too_large` as the trainer would at its start.
    """
    folder = Path(raw["run_dir"])
    start = folder / "start"
    start.mkdir()
    write_json(start / "config.json", raw["config"])
    write_json(folder / "run.json", {**raw["run"], "run_dir": str(folder), "source": {"kind": "model_dir", "path": str(start), "config": None}})
    config = read_config(folder / "run.json")
    os.environ["LOCAL_WORLD_SIZE"] = str(raw["processes_here"])
    world = World(0, raw["processes"], choose_device(config.device), None, None, False)
    dtype = compute_dtype(config.dtype, world.device)
    attention = choose_attention(config.attention, world.device, events, config.recipe.document_masking)
    model = load_config(config.source, config.recipe)
    fit_sequence_length(config, model)
    micro = split_batch(config.recipe, world.size).micro
    teacher = None if config.teacher is None else load_config(Source("model_dir", config.teacher), Recipe())
    compiled = decide_compile(config, world, config.max_steps, functools.cache(lambda: count_parameters(skeleton(model, attention, torch.float32))))
    with events.phase("estimating", "memory of the run"):
        estimate_fit(config, world, events, model, dtype, attention, micro, None, compiled, teacher)
    return {}
