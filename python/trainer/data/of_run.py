"""The data of a run: its request out of run.json, and what was read told and kept in the run folder."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from ..config import RunConfig
from ..events import Events
from ..files import write_json
from ..finetuning import smallest_epsilon
from ..machine.distributed import World
from ..own_recipe import OwnRecipe
from .loader import Data, open_data
from .request import DataRequest

_FEW_HELD_OUT = 65_536
# What decides between two models needs more text (docs/data.md), where evaluating on it is cheap.
_MANY_HELD_OUT = 1 << 20
# Evaluating on so many every 250 steps of half a million tokens costs a hundredth of the run.
_MOST_HELD_OUT = 1 << 22


def open_text(config: RunConfig, world: World, events: Events, tokenizer: PreTrainedTokenizerFast, model_config: PretrainedConfig, batch_size: int, own: OwnRecipe | None) -> Data:
    """Opens it; rank 0 tokenizes first, the others find its cache. Emits `data` (docs/run-folder.md)."""

    def progress(detail: str) -> None:
        events.emit_throttled("phase", name="tokenizing", detail=detail)

    sources: list[dict] = [{"name": source.name, "weight": source.weight} for source in config.data]
    if own is not None and "data" in own:
        sources = [{"name": f"data() of {own.name}", "weight": 1.0, "source": own.data(config.recipe)}]
    request = DataRequest(
        sources=sources,
        tokenizer=tokenizer,
        sequence_length=config.recipe.sequence_length,
        batch_size=batch_size,
        seed=config.seed,
        rank=world.rank,
        world_size=world.size,
        cache_dir=Path(os.environ.get("PT_HOME") or Path.home() / ".pt") / "cache",
        offline=config.offline,
        hub_endpoint=config.hub_endpoint,
        pages_per_epoch=config.pages_per_epoch,
        held_out_tokens=held_out_tokens(config, world),
        text_column=config.text_column,
        skip_bad_rows=config.skip_bad_rows,
        vocabulary_size=model_config.get_text_config().vocab_size,
        on_progress=progress,
        on_warning=lambda code, message: events.emit("warning", code=code, message=message),
    )
    with events.phase("tokenizing", ", ".join(source["name"] for source in sources)):
        if world.size > 1 and not world.first:
            torch.distributed.barrier(world.control)
        data = open_data(request)
        wanted = enough_held_out(data, config, world)
        if wanted > request.held_out_tokens:
            data = open_data(replace(request, held_out_tokens=wanted))
        if world.size > 1 and world.first:
            torch.distributed.barrier(world.control)
    if world.first:
        tell(config, events, data)
    return data


def tell(config: RunConfig, events: Events, data: Data) -> None:
    """Writes what was read until now to `data.json` and says it."""
    report = data.report()
    report["held_out"] |= {"epsilon": smallest_epsilon(config.competition) or None, "needed": needed_tokens(data, config)}
    write_json(Path(config.run_dir) / "data.json", report)
    events.emit("data", sources=report["sources"], held_out=report["held_out"])


def needed_tokens(data: Data, config: RunConfig) -> int | None:
    """Held-out tokens whose choice moves a loss by no more than the competition's epsilon (its smallest); None: no rule is known, or too little text to tell.

    What the choice of text moves falls with the root of its size.
    """
    epsilon, held_out = smallest_epsilon(config.competition), data.report()["held_out"]
    if not epsilon or held_out["resolution"] is None:
        return None
    return math.ceil(held_out["tokens"] * (held_out["resolution"] / epsilon) ** 2)


def enough_held_out(data: Data, config: RunConfig, world: World) -> int:
    """What to hold out once `data` has told how even its text is: where evaluating is quick and a run begins, what an epsilon needs, within bounds."""
    if not _chooses(config, world):
        return 0
    return min(_MOST_HELD_OUT, needed_tokens(data, config) or 0)


def held_out_tokens(config: RunConfig, world: World) -> int:
    """A run that goes on keeps what it held out, on whatever device; a new one holds out more where evaluating is quick."""
    if config.resume or world.restarted:
        try:
            return int(json.loads((Path(config.run_dir) / "data.json").read_text())["held_out"]["wanted"])
        except (OSError, ValueError, KeyError, TypeError):
            return _FEW_HELD_OUT  # as runs did that kept no report
    return _MANY_HELD_OUT if _chooses(config, world) else _FEW_HELD_OUT


def _chooses(config: RunConfig, world: World) -> bool:
    return not (config.resume or world.restarted) and world.device.type == "cuda" and config.recipe.eval_sequences is None
