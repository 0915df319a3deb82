"""Several models on the same sample of pages: what `evaluate.py` does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import PreTrainedModel

from ..errors import TrainerError
from ..events import Events
from ..files import write_json
from ..machine.device import choose_attention, choose_device, compute_dtype
from ..model.layers import input_table
from ..model.speed import forward_flops
from ..tokenizer import load_tokenizer
from .duel import keep_sample
from .loading import folder_key, load_for_scoring, release
from .rate import keep_rate
from .sampling import Sample, draw_samples, parse, tokenizer_key
from .scoring import mean, outputs_problem, score, with_heartbeat

# Raise it when the way of scoring changes: kept losses are keyed by it.
_FORM = 3


def evaluate_models(raw: dict, events: Events, stop_if_asked: Callable[[], None]) -> dict:
    """The `result` event: each model's losses for each task, batch by batch in the same order.

    A model that cannot be scored has `error` and null losses; the others go on. Raises TrainerError for what concerns all of them.
    """
    asked = parse(raw)
    torch.manual_seed(0)
    device = choose_device(asked.device)
    dtype = compute_dtype(asked.dtype, device)
    attention = choose_attention(asked.attention, device, events)
    drawn: dict[str, list[Sample]] = {}

    def samples_of(model: dict) -> list[Sample]:
        """Text is read once, however many models have the same tokenizer."""
        name = asked.tokenizer or model["dir"]
        key = asked.tokenizer or tokenizer_key(Path(name).expanduser())
        if key not in drawn:
            drawn[key] = draw_samples(asked, name, events)
        return drawn[key]

    if asked.keep_sample is not None:
        name = asked.tokenizer or asked.models[0]["dir"]
        keep_sample(Path(asked.keep_sample), [batch for sample in samples_of(asked.models[0]) for batch in sample.batches], load_tokenizer(name, asked.offline, asked.hub_endpoint))
    scored = []
    for model in asked.models:
        stop_if_asked()
        started = time.monotonic()
        outcome = _score_or_say(asked, model, samples_of, device, dtype, attention, events, stop_if_asked)
        scored.append({"name": model["name"], "dir": model["dir"], **outcome, "seconds": time.monotonic() - started})
        release(device)
    return {
        "models": scored,
        "seed": asked.seed,
        "sequence_length": asked.sequence_length,
        "batch_size": asked.batch_size,
        "packing": asked.packing,
        "device": str(device),
        "dtype": "bf16" if dtype == torch.bfloat16 else "fp32",
        "attention": attention,
    }


def _score_or_say(asked, model, samples_of, device, dtype, attention, events, stop_if_asked) -> dict:
    """The model's part of the result; what is wrong with this model alone becomes its `error`."""
    try:
        return _score_model(asked, model, samples_of(model), device, dtype, attention, events, stop_if_asked)
    except TrainerError as error:
        if error.code.startswith("data_"):
            raise
        problem = {"code": error.code, "message": error.message, "next_steps": error.next_steps}
    except (torch.OutOfMemoryError, MemoryError) as error:
        problem = {"code": "out_of_memory", "message": f"Memory ran out: {error}", "next_steps": ["Use a machine with more memory"]}
    return {"loss": None, "reasonable": None, "not_finite": 0, "reused": False, "tasks": [], "error": problem}


def _score_model(asked, model, samples, device, dtype, attention, events: Events, stop_if_asked) -> dict:
    folder = Path(model["dir"]).expanduser()
    key = hashlib.sha256(json.dumps([_FORM, folder_key(folder), str(dtype), device.type, attention, asked.packing]).encode()).hexdigest()
    store = LossStore(Path(asked.cache_dir).expanduser() / "losses" / f"{key}.json")
    wanted_check = asked.check_output and not _too_short_to_check(samples)
    loaded = None
    losses: list[list[float]] = []
    total = sum(len(sample.batches) for sample in samples)
    done = 0

    def ready():
        nonlocal loaded
        if loaded is None:
            with events.phase("evaluating", f"loading {model['name']}"):
                loaded = load_for_scoring(folder, dtype, device, attention, asked.ignore_memory)
            _require_vocabulary(loaded, samples, folder)
        return loaded

    first: float | None = None

    def tell(count: int, loss: float) -> None:
        nonlocal first
        stop_if_asked()
        first = first or time.monotonic()
        (events.emit if done + count == total else events.emit_throttled)("score", model=model["name"], batch=done + count, batches=total, loss=loss)

    for sample in samples:
        kept = store.losses(sample.key)
        if kept is None:
            eos = sample.eos if asked.packing == "unpacked" else None
            first = None
            kept = with_heartbeat(score(ready(), sample.batches, eos), tell)
            if first is not None and len(kept) > 1:  # the first has warmed up what the others use
                tokens = sum(batch.size for batch in sample.batches[1:])
                _note_speed(asked, ready(), model["name"], tokens, time.monotonic() - first, device, dtype)
            store.put_losses(sample.key, kept)
        losses.append(kept)
        done += len(kept)
    reasonable = None
    if wanted_check:
        prompts = [batch for sample in samples for batch in sample.batches][:2]
        reasonable = store.reasonable(samples[0].key)
        if reasonable is None:
            with events.phase("evaluating", f"{model['name']}: repetition check"):
                reasonable = outputs_problem(ready(), prompts, samples[0].eos) is None
            store.put_reasonable(samples[0].key, reasonable)
    means = [mean(values) for values in losses]
    weights = [sample.task.weight for sample in samples]
    loss = math.fsum(m * w for m, w in zip(means, weights)) / math.fsum(weights)
    return {
        "loss": _finite(loss),
        "reasonable": reasonable,
        "not_finite": sum(not math.isfinite(value) for values in losses for value in values),
        "reused": loaded is None,
        "tasks": [
            {
                **asdict(sample.task),
                "loss": _finite(m),
                "losses": [_finite(value) for value in values],
                "sample": sample.key,
                "pages_found": sample.pages,
                "reserved": sample.reserved,
            }
            for sample, m, values in zip(samples, means, losses)
        ],
        "error": None,
    }


def _note_speed(asked, model: PreTrainedModel, name: str, tokens: int, seconds: float, device: torch.device, dtype: torch.dtype) -> None:
    """For `pt evaluate --plan`; a class whose sizes have other names is not noted."""
    with contextlib.suppress(AttributeError):
        flops = forward_flops(model, asked.sequence_length)
        keep_rate(Path(asked.cache_dir).expanduser(), device, dtype, name, asked.sequence_length, flops, tokens, seconds)


def _finite(value: float) -> float | None:
    """JSON has no NaN; `not_finite` counts them."""
    return value if math.isfinite(value) else None


def _too_short_to_check(samples: list[Sample]) -> bool:
    return sum(len(sample.batches) for sample in samples) < 2


def _require_vocabulary(model: PreTrainedModel, samples: list[Sample], folder: Path) -> None:
    rows = input_table(model).weight.shape[0]
    largest = max(int(batch.max()) for sample in samples for batch in sample.batches)
    if largest >= rows:
        raise TrainerError(
            "tokenizer_too_large",
            f"{folder}: the text has token {largest:,}, and the model's embedding {rows:,} rows.",
            ["Score it with the model's own tokenizer", "Train with the competition's tokenizer"],
        )


class LossStore:
    """Losses of one model's content, by sample, in one small JSON file that is replaced atomically."""

    def __init__(self, file: Path):
        self._file = file
        try:
            self._content = json.loads(file.read_text())
        except (OSError, ValueError):
            self._content = {"losses": {}, "reasonable": {}}

    def losses(self, sample: str) -> list[float] | None:
        return self._content["losses"].get(sample)

    def put_losses(self, sample: str, losses: list[float]) -> None:
        self._content["losses"][sample] = losses
        self._save()

    def reasonable(self, sample: str) -> bool | None:
        return self._content["reasonable"].get(sample)

    def put_reasonable(self, sample: str, value: bool) -> None:
        self._content["reasonable"][sample] = value
        self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._file, self._content, indent=None)
