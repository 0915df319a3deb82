"""What scoring models takes on this machine, told from their configs and sizes alone: nothing of them is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from ..errors import TrainerError
from ..events import Events
from ..fit.memory import MARGIN, forward_holds
from ..machine.device import choose_attention, choose_device, compute_dtype, device_name
from ..machine.free_memory import free_memory
from ..model.load import make_config
from ..model.speed import forward_flops
from .loading import require_memory, with_headroom
from .rate import earlier_rate, product_flops
from .scoring import cross_entropy


@dataclass(frozen=True)
class Needs:
    """The form of needs.json."""

    models: list[dict]
    """[{"name", "config", "elements"}]: config.json as it is, and the elements of all its tensors."""
    sequence_length: int
    run_dir: str | None = None
    require: bool = False
    """Only whether each fits: raises what loading it would, with `past` as one of the next steps."""
    past: str | None = None
    batch_size: int = 1
    device: str = "auto"
    dtype: str = "auto"
    attention: str = "auto"
    cache_dir: str = "~/.pt/cache"


def scoring_needs(raw: dict, events: Events, stop_if_asked: Callable[[], None]) -> dict:
    """The `result` event. For each model bytes (null: not known), the arithmetic of a token, and tokens a second with where that comes from.
    Raises TrainerError `bad_config`; with `require` also `too_large`."""
    try:
        asked = Needs(**raw)
    except TypeError as error:
        raise TrainerError("bad_config", f"The request is wrong: {error}", ["docs/run-folder.md has the form"]) from error
    device = choose_device(asked.device)
    dtype = compute_dtype(asked.dtype, device)
    if asked.require:
        for model in asked.models:
            require_memory(model["elements"] * dtype.itemsize, device, model["name"], asked.past)
    attention = choose_attention(asked.attention, device, events)
    found = []
    for model in [] if asked.require else asked.models:
        stop_if_asked()
        with events.phase("estimating", model["name"]):
            found.append(_needs_of(model, asked, device, dtype, attention))
    return {
        "models": found,
        "device": str(device),
        "device_name": device_name(device),
        "dtype": "bf16" if dtype == torch.bfloat16 else "fp32",
        "free": free_memory(device),
        "free_host": free_memory(torch.device("cpu")),
    }


def _needs_of(model: dict, asked: Needs, device: torch.device, dtype: torch.dtype, attention: str) -> dict:
    weights = model["elements"] * dtype.itemsize
    problem = None

    @torch.no_grad()  # inference mode hides from the count what it asks of values
    def score_one(built: PreTrainedModel) -> None:
        tokens = torch.zeros(asked.batch_size, asked.sequence_length, dtype=torch.long)
        cross_entropy(built(input_ids=tokens, use_cache=False).logits, tokens)

    try:
        config = make_config(dict(model["config"]), model["name"])
        built, held = forward_holds(config, dtype, attention, score_one)
        flops = forward_flops(built, asked.sequence_length)
    except Exception as error:  # a class that transformers has not, or one that asks for values, which an estimate has not
        problem, held, flops = str(error)[:300], None, None
    return {
        "name": model["name"],
        "weights": weights,
        "held": held,
        "memory": max(with_headroom(weights), int(MARGIN * (weights + (held or 0)))),
        "memory_host": None if device.type == "cpu" else weights,
        "rate": None if flops is None else _rate(asked, device, dtype, flops),
        "problem": problem,
    }


def _rate(asked: Needs, device: torch.device, dtype: torch.dtype, flops: float) -> dict:
    """`{tokens_per_second, model, tokens, at, same}`; without a model it is a bound: no kernel here multiplies faster."""
    earlier = earlier_rate(Path(asked.cache_dir).expanduser(), device, dtype, asked.sequence_length, flops)
    if earlier is not None:
        return earlier
    return {"tokens_per_second": product_flops(device, dtype) / flops, "model": None, "tokens": None, "at": None, "same": False}
