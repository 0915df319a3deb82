"""What only loading a model can tell: what `deep_check.py` does. Findings have the form of `pt check`'s."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from ..data.builtin import builtin_documents
from ..data.packing import cut, join
from ..errors import TrainerError
from ..events import Events
from ..files import read_object
from ..machine.device import choose_attention, choose_device, compute_dtype
from ..model.compat import compat_problems, name_in_model
from ..model.layers import input_table, tied_names
from ..model.load import count_parameters, make_config
from ..tokenizer import end_of_text, load_tokenizer
from .loading import load_for_scoring, read_headers
from .scoring import batches_of, mean, outputs_problem, score

_BATCHES = 4


@dataclass(frozen=True)
class Check:
    """The form of check.json."""

    dir: str
    run_dir: str | None = None
    version: int = 1
    tokenizer: str | None = None
    """Null: the folder's own."""
    sequence_length: int = 1024
    device: str = "auto"
    dtype: str = "auto"
    attention: str = "auto"
    offline: bool = True
    hub_endpoint: str | None = None


def check_folder(raw: dict, events: Events, stop_if_asked: Callable[[], None]) -> dict:
    """The `result` event: findings `{rule, ok, actual, limit, message}`; ok null: could not be tried here, and message says why.

    A model that is wrong is a finding, never an exception.
    """
    try:
        asked = Check(**raw)
    except TypeError as error:
        raise TrainerError("bad_config", f"The check's config is wrong: {error}", ["docs/run-folder.md has the form"]) from error
    findings: list[dict] = []
    device = choose_device(asked.device)
    dtype = compute_dtype(asked.dtype, device)
    try:
        _try_all(asked, findings, device, dtype, events, stop_if_asked)
    except TrainerError as error:
        findings.append(finding(f"deep.{error.code}", False, None, None, f"{error.message} {' '.join(error.next_steps[:1])}"))
    except (torch.OutOfMemoryError, MemoryError) as error:
        findings.append(finding("deep.memory", None, None, None, f"Memory ran out on {device}: {error}", "unknown"))
    return {
        "dir": asked.dir,
        "findings": findings,
        "ok": all(item["ok"] is not False for item in findings),
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
    }


def finding(rule: str, ok: bool | None, actual: object, limit: object, message: str, verdict: str | None = None) -> dict:
    """A finding as `pt check` has them; `verdict` (cannot_score, unknown) where it is another than that of `ok` (false refuses)."""
    made = {"rule": rule, "ok": ok, "actual": actual, "limit": limit, "message": message}
    return made if verdict is None else {**made, "verdict": verdict}


def lost_unless(ok: bool, rule: str, actual: object, limit: object, message: str) -> dict:
    """A finding without which validators take the model and score it as infinity."""
    return finding(rule, ok, actual, limit, message, None if ok else "cannot_score")


def _try_all(asked: Check, findings: list[dict], device: torch.device, dtype: torch.dtype, events: Events, stop_if_asked: Callable[[], None]) -> None:
    folder = Path(asked.dir).expanduser()
    with events.phase("checking", "headers and shapes"):
        facts = read_headers(folder)
        config = read_object(folder / "config.json", "bad_model", [f"pt check {folder}"])
        findings += _compare_shapes(folder, facts.files, config)
        problems = compat_problems(config)
        # Which release a competition's validators pin, and so what decides, `pt check` knows (rule config_keys).
        said = "; ".join(problems) or "Older transformers read it alike."
        findings.append(finding("deep.compat", None if problems else True, problems or None, None, said))
    if any(item["ok"] is False for item in findings if item["rule"] == "deep.weights"):
        return
    stop_if_asked()
    attention = choose_attention(asked.attention, device, events)
    with events.phase("checking", "loading the weights"):
        model = load_for_scoring(folder, dtype, device, attention)
    findings.append(_about_attention(device, attention, dtype))
    stop_if_asked()
    with events.phase("checking", "tokenizer"):
        tokenizer = load_tokenizer(asked.tokenizer or str(folder), asked.offline, asked.hub_endpoint)
        rows, largest = input_table(model).weight.shape[0], max(tokenizer.get_vocab().values()) + 1
        findings.append(lost_unless(largest <= rows, "deep.tokenizer", largest, rows, f"The tokenizer has {largest:,} entries, the embedding {rows:,} rows."))
        if largest > rows:
            return
        batches = _sample(tokenizer, asked.sequence_length)
    if not _positions_fit(config, asked.sequence_length, findings):
        return
    with events.phase("checking", "loss"):
        losses = []
        for loss in score(model, batches):
            losses.append(loss)
            stop_if_asked()
        findings.append(_about_loss(losses, rows))
    with events.phase("checking", "repetition"):
        findings.append(_about_outputs(model, batches, end_of_text(tokenizer)))


def _compare_shapes(folder: Path, files: list[Path], raw: dict) -> list[dict]:
    """Builds the model on the meta device (no memory) and holds its tensors against the headers'."""
    config = make_config(raw, str(folder / "config.json"))
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    except Exception as error:  # a config that transformers accepts can still ask for an impossible shape
        raise TrainerError("bad_model", f"The config makes no model: {str(error)[:300]}", [f"pt check {folder}"]) from error
    wanted = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    found: dict[str, list[int]] = {}
    for file in files:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():
                found[name_in_model(config.model_type, name, wanted)] = list(opened.get_slice(name).get_shape())
    prefix = model.base_model_prefix + "."
    names = {candidate: shape for name, shape in found.items() for candidate in (name, prefix + name, name.removeprefix(prefix))}
    tied = tied_names(model)
    missing = sorted(name for name in wanted if name not in names and name not in tied)
    other = sorted(name for name, shape in wanted.items() if name in names and names[name] != shape)
    parameters = count_parameters(model)
    problem = "; ".join(f"{what}: {', '.join(some[:5])}" for what, some in (("missing", missing), ("other shapes", other)) if some)
    architecture = type(model).__name__
    return [
        finding("deep.architecture", True, architecture, None, f"The config makes a {architecture} of {parameters:,} parameters."),
        finding("deep.weights", not problem, len(found), len(wanted), problem or f"The headers hold every tensor of {architecture}."),
    ]


def _positions_fit(config: dict, length: int, findings: list[dict]) -> bool:
    limit = config.get("max_position_embeddings", config.get("n_positions"))
    fits = not isinstance(limit, int) or limit >= length
    if not fits:
        findings.append(lost_unless(False, "deep.sequence_length", limit, length, f"The model has {limit} positions and is scored on {length}."))
    return fits


def _sample(tokenizer: PreTrainedTokenizerFast, length: int) -> list[np.ndarray]:
    """A few sequences of the built-in text: enough to see whether the loss is finite."""
    documents = []
    total = 0
    for text in builtin_documents():
        ids = [*tokenizer(text, truncation=False)["input_ids"], end_of_text(tokenizer)]
        documents.append(torch.tensor(ids).numpy())
        total += len(ids)
        if total >= _BATCHES * length:
            break
    return batches_of(cut(join(documents), length), 1)[:_BATCHES]


def _about_attention(device: torch.device, attention: str, dtype: torch.dtype) -> dict:
    if device.type != "cuda":
        return finding("deep.flash_attention", None, attention, "flash_attention_2", "Not tried: bf16 with flash attention needs a GPU.")
    ok = attention == "flash_attention_2" and dtype == torch.bfloat16
    message = f"Loaded and run with {attention} in {str(dtype).removeprefix('torch.')}."
    return finding("deep.flash_attention", True if ok else None, attention, "flash_attention_2", message)


def _about_loss(losses: list[float], vocabulary: int) -> dict:
    broken = sum(not math.isfinite(loss) for loss in losses)
    if broken:
        return lost_unless(False, "deep.loss", None, "finite", f"The loss of {broken} of {len(losses)} batches is NaN or infinite.")
    value, uniform = mean(losses), math.log(vocabulary)
    note = "" if value < uniform else " That is no better than guessing: is the tokenizer the one that the model was trained with?"
    return finding("deep.loss", True, value, "finite", f"Mean loss {value:.4f} on {len(losses)} sequences; guessing has {uniform:.2f}.{note}")


def _about_outputs(model: PreTrainedModel, batches: list[np.ndarray], pad: int) -> dict:
    problem = outputs_problem(model, batches, pad)
    return lost_unless(problem is None, "deep.repetition", None, None, problem or "Two sample outputs differ and do not repeat.")
