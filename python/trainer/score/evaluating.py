"""Several models on the same sample of pages: what `evaluate.py` does."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from ..data.cache import TokenCache
from ..data.packing import cut, join, pad, truncate
from ..data.pages import sample_pages
from ..data.sources import open_source
from ..errors import TrainerError
from ..events import Events
from ..files import write_json
from ..machine.device import choose_attention, choose_device, compute_dtype
from ..model.layers import input_table
from ..tokenizer import end_of_text, load_tokenizer
from .loading import folder_key, load_for_scoring, release
from .scoring import batches_of, mean, outputs_problem, score, with_heartbeat

# Raise it when the way of scoring changes: kept losses are keyed by it.
_FORM = 3


@dataclass(frozen=True)
class Task:
    name: str
    data: str
    """`builtin`, a path, or a known data set's name."""
    weight: float = 1.0
    pages: int = 22
    rows_per_page: int = 50


@dataclass(frozen=True)
class Evaluation:
    """The form of evaluate.json."""

    models: list[dict]
    """[{"name", "dir", "content_hash"?}]"""
    tasks: list[Task]
    sequence_length: int
    tokenizer: str | None = None
    """Null: each model's own."""
    run_dir: str | None = None
    version: int = 1
    batch_size: int = 1
    batches_limit: int | None = None
    """Batches a task, drawn by the seed, as release 6.0 cuts them; null: all."""
    packing: str = "packed"
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    attention: str = "auto"
    check_output: bool = True
    held_out_tokens: int = 65_536
    text_column: str | None = None
    cache_dir: str = "~/.pt/cache"
    offline: bool = True
    hub_endpoint: str | None = None


@dataclass
class Sample:
    """One task's batches for one tokenizer."""

    task: Task
    batches: list[np.ndarray]
    eos: int
    pages: int
    key: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(f"{self.eos}".encode())
        for batch in self.batches:
            digest.update(str(batch.shape).encode() + np.ascontiguousarray(batch, np.uint32).tobytes())
        self.key = digest.hexdigest()


def evaluate_models(raw: dict, events: Events, stop_if_asked: Callable[[], None]) -> dict:
    """The `result` event: each model's losses for each task, batch by batch in the same order.

    A model that cannot be scored has `error` and null losses; the others go on. Raises TrainerError for what concerns all of them.
    """
    asked = parse(raw)
    torch.manual_seed(0)
    device = choose_device(asked.device)
    dtype = compute_dtype(asked.dtype, device)
    attention = choose_attention(asked.attention, device, events)
    shared = _samples(asked, asked.tokenizer, events) if asked.tokenizer else None
    scored = []
    for model in asked.models:
        stop_if_asked()
        started = time.monotonic()
        outcome = _score_or_say(asked, model, shared, device, dtype, attention, events, stop_if_asked)
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


def _score_or_say(asked, model, shared, device, dtype, attention, events, stop_if_asked) -> dict:
    """The model's part of the result; what is wrong with this model alone becomes its `error`."""
    try:
        samples = shared if shared is not None else _samples(asked, model["dir"], events)
        return _score_model(asked, model, samples, device, dtype, attention, events, stop_if_asked)
    except TrainerError as error:
        if error.code.startswith("data_"):
            raise
        problem = {"code": error.code, "message": error.message, "next_steps": error.next_steps}
    except (torch.OutOfMemoryError, MemoryError) as error:
        problem = {"code": "out_of_memory", "message": f"Memory ran out: {error}", "next_steps": ["Use a machine with more memory"]}
    return {"loss": None, "reasonable": None, "not_finite": 0, "reused": False, "tasks": [], "error": problem}


def parse(raw: dict) -> Evaluation:
    """Raises TrainerError `bad_config` naming the key."""
    try:
        tasks = [Task(**task) for task in raw["tasks"]]
        asked = Evaluation(**{**raw, "tasks": tasks})
        problem = _fault(asked)
    except (TypeError, KeyError) as error:
        raise _bad_config(str(error)) from error
    if problem is not None:
        raise _bad_config(problem)
    return asked


def _fault(asked: Evaluation) -> str | None:
    if not asked.models or not all(isinstance(model, dict) and {"name", "dir"} <= set(model) for model in asked.models):
        return "models: name and dir each"
    if not asked.tasks or any(task.weight <= 0 or task.pages < 1 or task.rows_per_page < 1 for task in asked.tasks):
        return "tasks: weight, pages, rows_per_page above 0"
    if asked.sequence_length < 2 or asked.batch_size < 1:
        return "sequence_length at least 2, batch_size at least 1"
    if asked.packing not in ("packed", "unpacked"):
        return "packing: packed or unpacked"
    return None


def _bad_config(problem: str) -> TrainerError:
    return TrainerError("bad_config", f"The evaluation's config is wrong: {problem}.", ["docs/run-folder.md has the form"])


def _samples(asked: Evaluation, tokenizer_name: str, events: Events) -> list[Sample]:
    tokenizer = load_tokenizer(tokenizer_name, asked.offline, asked.hub_endpoint)
    cache_dir = Path(asked.cache_dir).expanduser()

    def tell(detail: str) -> None:
        events.emit_throttled("phase", name="evaluating", detail=detail)

    cache = TokenCache(cache_dir, tokenizer, tell)
    limit = tokenizer.model_max_length if tokenizer.model_max_length < 1e9 else None
    samples = []
    for number, task in enumerate(asked.tasks):
        source = open_source(task.data, cache_dir, asked.offline, asked.hub_endpoint, tell, asked.text_column)
        seed = [asked.seed, number]
        pages = sample_pages(source, cache, task.pages, task.rows_per_page, seed, asked.sequence_length, asked.held_out_tokens, tell)
        stream = join([truncate(document, limit) for page in pages for document in page])
        unpacked = asked.packing == "unpacked"
        sequences = pad(stream, end_of_text(tokenizer), asked.sequence_length) if unpacked else cut(stream, asked.sequence_length)
        batches = batches_of(sequences, asked.batch_size)
        if not batches:
            raise TrainerError(
                "data_too_short",
                f"{task.data}: {len(stream):,} tokens make no batch of {asked.batch_size} x {asked.sequence_length}.",
                ["Ask for more pages", "Name more text with --data"],
            )
        if asked.batches_limit is not None and len(batches) > asked.batches_limit:
            order = np.random.default_rng(seed).permutation(len(batches))
            batches = [batches[i] for i in order[: asked.batches_limit]]
        samples.append(Sample(task, batches, end_of_text(tokenizer), len(pages)))
    return samples


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
                loaded = load_for_scoring(folder, dtype, device, attention)
            _require_vocabulary(loaded, samples, folder)
        return loaded

    def tell(count: int, loss: float) -> None:
        stop_if_asked()
        events.emit_throttled("score", model=model["name"], batch=done + count, batches=total, loss=loss)

    for sample in samples:
        kept = store.losses(sample.key)
        if kept is None:
            eos = sample.eos if asked.packing == "unpacked" else None
            kept = with_heartbeat(score(ready(), sample.batches, eos), tell)
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
            }
            for sample, m, values in zip(samples, means, losses)
        ],
        "error": None,
    }


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
