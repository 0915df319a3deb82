"""Configs that mean the same in the transformers that validators pin (4.38, 4.44) and in today's.

transformers 5 saves `rope_parameters` and `dtype`; older ones ignore both without a word and compute wrong logits for any
rope setting but the default. So a saved model carries the old keys too, with equal values.
"""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path

from ..constants import architecture_of, fate_of, usual_keys
from ..errors import TrainerError
from ..files import read_object, write_json

_SCALINGS = {"linear", "dynamic"}
_LONG = {"longrope", "su"}
# Looked at together by `pt check`: a window that no sequence fills changes nothing.
_WINDOWS = {"sliding_window", "use_sliding_window", "max_window_layers", "layer_types"}
# The keys of most classes, for one that is not known.
_USUAL_ROPE = {"theta": "rope_theta", "partial": "partial_rotary_factor", "partial_default": 1}


def name_in_file(model_type: str, name: str) -> str:
    """A tensor's name as it must be saved. Under another name old releases start that tensor with random numbers, with a mere warning."""
    return _names_in_files(model_type).get(name, name)


def name_in_model(model_type: str, name: str, known: Container[str]) -> str:
    """The other way round, for the names that the installed transformers gives its tensors."""
    for ours, theirs in _names_in_files(model_type).items():
        if name == theirs and theirs not in known:
            return ours
    return name


def _names_in_files(model_type: str) -> dict[str, str]:
    """What today's classes call a tensor, and what every release reads from a file."""
    return (architecture_of(model_type) or {}).get("names_in_files", {})


def _rope_keys(config: dict) -> dict:
    return (architecture_of(config.get("model_type")) or {}).get("rope") or _USUAL_ROPE


def compat_config(config: dict) -> dict:
    """A copy of a config.json's content with old and new keys both, saying the same; keys that are there already win nothing.

    `rope_parameters` decides when it is there, the old keys otherwise. Applying it twice changes nothing more.
    """
    out = dict(config)
    dtype = out.get("dtype") or out.get("torch_dtype")
    if isinstance(dtype, str):
        out["dtype"] = out["torch_dtype"] = dtype.removeprefix("torch.")
    rope = _rope(out)
    if rope is None:
        return out
    keys = _rope_keys(out)
    out["rope_parameters"] = rope
    if "rope_theta" in rope:
        out["rope_theta"] = out[keys["theta"]] = rope["rope_theta"]
    factor = rope.get("partial_rotary_factor")
    if factor is not None:
        out["partial_rotary_factor"] = out[keys["partial"]] = factor
    out["rope_scaling"] = _old_scaling(rope)
    return out


def compat_problems(config: dict) -> list[str]:
    """What no old key can say: settings for which transformers 4.38 or 4.44 fail or compute something else. Empty: none known."""
    problems = []
    rope = _rope(config) or {}
    kind = rope.get("rope_type", "default")
    model = config.get("model_type")
    known = architecture_of(model) is not None
    if kind != "default":
        written = "longrope:type" if kind in _LONG else f"{kind}:type" if kind in _SCALINGS else f"{kind}:rope_type"
        problems += _unread(model, f"rope_scaling.{written}", f"rope_type {kind}", "use default")
        if kind not in _SCALINGS | _LONG and not problems:
            problems.append(f"rope_type {kind} is unknown to transformers 4.38; use default or linear")
        elif kind in _SCALINGS and not known:
            problems.append(f"whether older transformers scale positions by rope_type {kind} for {model} is not known here; use default")
    factor = rope.get("partial_rotary_factor", 1.0)
    if factor not in (None, 1.0):
        problems += _unread(model, _rope_keys(config)["partial"], f"partial_rotary_factor {factor}", "use 1.0")
        if not known:
            problems.append(f"whether older transformers read partial_rotary_factor for {model} is not known here; use 1.0")
    heads, size, head_dim = config.get("num_attention_heads"), config.get("hidden_size"), config.get("head_dim")
    if head_dim and heads and size and head_dim * heads != size:
        problems += _unread(model, "head_dim", f"head_dim {head_dim}, which is not hidden_size / num_attention_heads,", "make them equal")
    return problems + _unread_keys(config)


def _unread_keys(config: dict) -> list[str]:
    """The keys with a value of their own that some pinned release does not read; those whose default is made of sizes or of other keys are no business of this."""
    model = config.get("model_type")
    facts = architecture_of(model)
    if facts is None:
        return []
    rope = facts.get("rope") or {}
    related = {"head_dim", "rope_parameters", *_WINDOWS, *facts["activations"], *(rope[name] for name in ("theta", "partial") if rope.get(name))}
    related |= {key for size in facts["sizes"].values() for key in size["keys"] if isinstance(size.get("default"), str)}
    problems = []
    for key, usual in usual_keys(model).items():
        value = config.get(key)
        if key not in related and value is not None and value != usual:
            problems += _unread(model, key, f"{key} {json.dumps(value)}", f"use {json.dumps(usual)}" if usual is not None else "leave it out")
    return problems


def _unread(model: object, key: str, what: str, change: str) -> list[str]:
    """A sentence where some pinned release does not do with the key what today's does."""
    fates = {version: fate for version, fate in fate_of(model, key).items() if fate != "read"}
    if not fates:
        return []
    words = {
        "ignored": "is ignored",
        "refused": "is refused",
        "differs": "means something else",
        "lost": "gives no loss",
        "misfit": "is ignored, so that the weights do not fit,",
        "untold": "is not told of",
    }
    said = " and ".join(f"{words[fate]} by {version}" for version, fate in fates.items())
    return [f"{what} of {model} {said} of transformers; {change}"]


def fix_folder(folder: str | Path) -> list[str]:
    """Rewrites config.json and the tokenizer of a model folder so that old and new transformers agree; weights stay as they are.

    Returns what was changed, in words; empty: nothing had to be. Each file is replaced atomically. Raises TrainerError `bad_model`.
    """
    folder = Path(folder)
    changed = []
    config = _read(folder / "config.json", needed=True)
    try:
        fixed = compat_config(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        rope = config.get("rope_parameters") or config.get("rope_scaling")
        message = f"{folder / 'config.json'}: the rope settings cannot be read: {json.dumps(rope)[:200]}."
        raise TrainerError("bad_model", message, ["Write a number as factor"]) from error
    if fixed != config:
        names = sorted(key for key in fixed if key not in config or fixed[key] != config[key])
        write_json(folder / "config.json", fixed, end="\n")
        changed.append(f"config.json: {', '.join(names)}")
    changed += _fix_tokenizer(folder)
    return changed


def problems_left(folder: str | Path) -> list[str]:
    """What no key of config.json can mend, in words: `compat_problems` of a folder."""
    return compat_problems(_read(Path(folder) / "config.json", needed=True))


def string_merges(form: dict) -> dict:
    """A tokenizer.json's content with BPE merges as "a b": the only form that tokenizers before 0.20 read. Pairs with a space stay."""
    model = form.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("merges"), list):
        return form
    pairs = [pair for pair in model["merges"] if isinstance(pair, list)]
    if not pairs or any(len(pair) != 2 or " " in pair[0] or " " in pair[1] for pair in pairs):
        return form
    return {**form, "model": {**model, "merges": [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]}}


def _fix_tokenizer(folder: Path) -> list[str]:
    changed = []
    form = _read(folder / "tokenizer.json", needed=False)
    fixed = string_merges(form)
    model = fixed.get("model")
    # Fields that tokenizers 0.15 does not know are refused by it only when they change the meaning; ignore_merges came with 0.20.
    if isinstance(model, dict) and model.get("ignore_merges") is False:
        fixed = {**fixed, "model": {key: value for key, value in model.items() if key != "ignore_merges"}}
    if fixed != form:
        write_json(folder / "tokenizer.json", fixed, end="\n")
        changed.append("tokenizer.json: merges as strings")
    settings = _read(folder / "tokenizer_config.json", needed=False)
    if form and settings.get("tokenizer_class") in (None, "TokenizersBackend", "PreTrainedTokenizer"):
        write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "PreTrainedTokenizerFast"}, end="\n")
        changed.append("tokenizer_config.json: tokenizer_class")
    return changed


def _rope(config: dict) -> dict | None:
    """The rope settings in the new form, from whichever keys are there; None for a model without them."""
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and rope and all(isinstance(value, dict) for value in rope.values()):
        return None  # one set for each layer type: no such architecture is in any schedule
    rope = dict(rope) if isinstance(rope, dict) else {}
    scaling = config.get("rope_scaling")
    if not rope and isinstance(scaling, dict):
        rope = {("rope_type" if key == "type" else key): value for key, value in scaling.items()}
    keys = _rope_keys(config)
    theta = config.get("rope_theta", config.get(keys["theta"]))
    if theta is not None:
        rope.setdefault("rope_theta", theta)
    factor = config.get("partial_rotary_factor", config.get(keys["partial"]))
    if factor is not None:
        rope.setdefault("partial_rotary_factor", factor)
    if not rope:
        return None
    if keys["partial_default"] != 1:
        rope.setdefault("partial_rotary_factor", keys["partial_default"])
    rope.setdefault("rope_type", "default")
    return rope


def _old_scaling(rope: dict) -> dict | None:
    kind = rope.get("rope_type", "default")
    if kind in _SCALINGS:
        # Exactly these two: 4.38 refuses any other form.
        return {"type": kind, "factor": float(rope["factor"])}
    if kind in _LONG:
        return {"type": "longrope", "short_factor": rope["short_factor"], "long_factor": rope["long_factor"]}
    if kind == "default":
        return None
    return {key: value for key, value in rope.items() if key not in ("rope_theta", "partial_rotary_factor")}


def _read(file: Path, needed: bool) -> dict:
    return read_object(file, "bad_model", ["pt check DIR"]) if needed or file.exists() else {}
