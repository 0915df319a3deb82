"""The text that models are scored on: what is asked for, and the batches it gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..data.cache import TokenCache
from ..data.packing import cut, join, pad, truncate
from ..data.pages import sample_pages
from ..data.sources import open_source
from ..errors import TrainerError
from ..events import Events
from ..tokenizer import end_of_text, load_tokenizer
from .scoring import batches_of


@dataclass(frozen=True)
class Task:
    name: str
    data: str
    """`builtin`, a path, or a known data set's name."""
    weight: float = 1.0
    pages: int = 22
    rows_per_page: int = 50
    sequences: int | None = None
    """Pages are drawn until there are so many, and the rest is left; null: all of `pages`."""
    skip: int = 0
    """Sequences before those, which another sample of the same seed has."""
    reserve: int = 0
    """Sequences after those that are looked for and not scored: text to confirm a choice on."""
    whole: bool = False
    """All documents of local data, not only those that training holds out: of text that nothing is trained on."""


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
    ignore_memory: bool = False
    """Load a model that does not look as if it fits."""
    keep_sample: str | None = None
    """Folder that the sequences are written to, for the duels of a run (`duel.py`); one task's after another's."""
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
    reserved: int = 0
    """Sequences found of the task's `reserve`."""
    key: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(f"{self.eos}".encode())
        for batch in self.batches:
            digest.update(str(batch.shape).encode() + np.ascontiguousarray(batch, np.uint32).tobytes())
        self.key = digest.hexdigest()


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
    if not asked.tasks or any(task.weight <= 0 or task.pages < 1 or task.rows_per_page < 1 or (task.sequences or 1) < 1 or min(task.skip, task.reserve) < 0 for task in asked.tasks):
        return "tasks: weight, pages, rows_per_page, sequences above 0, skip and reserve from 0 on"
    if asked.sequence_length < 2 or asked.batch_size < 1:
        return "sequence_length at least 2, batch_size at least 1"
    if asked.packing not in ("packed", "unpacked"):
        return "packing: packed or unpacked"
    return None


def _bad_config(problem: str) -> TrainerError:
    return TrainerError("bad_config", f"The evaluation's config is wrong: {problem}.", ["docs/run-folder.md has the form"])


def tokenizer_key(folder: Path) -> str:
    """The same for folders with the same tokenizer files."""
    digest = hashlib.sha256()
    for file in sorted(path for name in ("*token*", "vocab.*", "merges.txt") for path in folder.glob(name) if path.is_file()):
        digest.update(f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()};".encode())
    return digest.hexdigest()


def draw_samples(asked: Evaluation, tokenizer_name: str, events: Events) -> list[Sample]:
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
        pages, batches, reserved = _draw(asked, task, source, cache, seed, end_of_text(tokenizer), limit, tell)
        if not batches:
            raise TrainerError(
                "data_too_short",
                f"{task.data}: its text makes no batch of {asked.batch_size} x {asked.sequence_length}.",
                ["Ask for more pages", "Name more text with --data"],
            )
        if asked.batches_limit is not None and len(batches) > asked.batches_limit:
            order = np.random.default_rng(seed).permutation(len(batches))
            batches = [batches[i] for i in order[: asked.batches_limit]]
        samples.append(Sample(task, batches, end_of_text(tokenizer), pages, reserved))
    return samples


def _draw(asked: Evaluation, task: Task, source, cache: TokenCache, seed: list[int], eos: int, limit: int | None, tell) -> tuple[int, list[np.ndarray], int]:
    """How many pages were found, their batches, and how many of the reserve. More pages of the same seed go on where fewer ended, so a larger
    sample begins with the smaller."""
    wanted, found = task.pages, -1
    batches_for = lambda sequences: -(-sequences // asked.batch_size)  # noqa: E731
    while True:
        pages = sample_pages(source, cache, wanted, task.rows_per_page, seed, asked.sequence_length, asked.held_out_tokens, tell, task.whole)
        stream = join([truncate(document, limit) for page in pages for document in page])
        sequences = pad(stream, eos, asked.sequence_length) if asked.packing == "unpacked" else cut(stream, asked.sequence_length)
        batches = batches_of(sequences, asked.batch_size)
        first = batches_for(task.skip)
        if task.sequences is None:
            return len(pages), batches[first:], 0
        last = first + batches_for(task.sequences)
        end = last + batches_for(task.reserve)
        if len(batches) >= end or len(pages) == found:
            return len(pages), batches[first:last], len(batches[last:end])
        wanted, found = 2 * wanted, len(pages)
