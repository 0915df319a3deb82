"""What a safetensors file says about itself, and the architecture that its tensors' names and shapes tell."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

from ..constants import architecture_of, is_buffer, layout_of
from ..errors import TrainerError

MAX_HEADER = 100_000_000


def read_header(path: Path) -> dict[str, list[int]]:
    """Shapes by tensor name. Reads the header only. Raises TrainerError `bad_model`."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER:
                raise ValueError(f"header of {length} bytes")
            header = json.loads(file.read(length))
        return {name: list(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise TrainerError("bad_model", f"{path} is no safetensors file: {error}", [f"pt check {path.parent}"]) from error


def config_from_tensors(shapes: dict[str, list[int]]) -> dict:
    """The config keys of the causal LM with these tensors: llama (and mistral's equal shape), gpt_neox, gpt2, phi.

    Sizes are exact. What leaves no trace in shapes (head width where heads are not told, rope base) takes the architecture's
    usual value. Raises TrainerError `bad_model` when the names belong to no known architecture.
    """
    shapes = {_short(name): shape for name, shape in shapes.items()}
    for kind in _TOLD:
        config = _config_of(kind, shapes)
        if config is not None:
            return config
    raise TrainerError(
        "bad_model",
        f"The architecture cannot be told from the tensors' names ({', '.join(sorted(shapes)[:4])}, ...).",
        ["Put the model's config.json beside the file", "pt train --load-model-dir FOLDER"],
    )


# Those whose other settings have values that nearly every model of the kind has.
_TOLD = ("gpt_neox", "gpt2", "phi", "llama")


def _short(name: str) -> str:
    """Without the base model's prefix, which files have or lack."""
    return re.sub(r"^(model|gpt_neox|transformer)\.", "", name)


def _config_of(kind: str, shapes: dict[str, list[int]]) -> dict | None:
    """The config of a class of constants/architectures.json with these tensors (names shortened); None where they are not the class's."""
    facts = architecture_of(kind)
    assert facts is not None
    layout, flags = layout_of(facts), facts["flags"]
    rows = {_short(row["name"]).replace("*", "0"): row for part in ("first", "layer", "last") for row in layout[part] if _possible(row, flags)}
    layer = _short(layout["layer"][0]["name"]).split("*")[0]
    strange = [name for name in shapes if name.startswith(f"{layer}0.") and name not in rows and not is_buffer(name, shapes[name])]
    if strange or any(name not in shapes for name, row in rows.items() if "when" not in row):
        return None
    sizes = {"layers": len({name.removeprefix(layer).split(".")[0] for name in shapes if name.startswith(layer)})}
    config: dict = {"model_type": kind}
    for name, row in rows.items():
        for flag in row.get("when", []):
            if flag == "!tied":
                # A class that ties by itself does so in its files too, whichever names they hold.
                if not facts["tied"]:
                    config["tie_word_embeddings"] = name not in shapes
            elif isinstance(flags[flag], dict) and config.setdefault(flags[flag]["key"], name in shapes) != (name in shapes):
                return None
        if name in shapes:
            if len(shapes[name]) != len(row["shape"]):
                return None
            if any(sizes.setdefault(size, found) != found for size, found in zip(row["shape"], shapes[name], strict=True)):
                return None
    query, key = sizes.get("heads * head", sizes["hidden"]), sizes.get("kv * head", 0)
    head = _head_width(query)
    while key % head:
        head //= 2
    sizes |= {"head": head, "heads": query // head, "kv": key // head}
    return config | {size["keys"][0]: sizes[name] for name, size in facts["sizes"].items() if size["keys"] and sizes.get(name)}


def _possible(row: dict, flags: dict) -> bool:
    """Whether some config of the class has that tensor."""
    return all(flags.get(flag) is not False for flag in row.get("when", []))


def _head_width(width: int) -> int:
    """The usual width of an attention head: the largest of 128, 64, 32, ... that divides, small models taking less."""
    candidates = (128, 64) if width >= 2048 else (64, 128, 32, 16, 8, 4, 2)
    return next((size for size in candidates if width % size == 0 and width > size), width)
