"""What a safetensors file says about itself, and the architecture that its tensors' names and shapes tell."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

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
    shapes = {re.sub(r"^(model|gpt_neox|transformer)\.", "", name): shape for name, shape in shapes.items()}
    for recognise in (_gpt_neox, _gpt2, _phi, _llama):
        config = recognise(shapes)
        if config is not None:
            return config
    raise TrainerError(
        "bad_model",
        f"The architecture cannot be told from the tensors' names ({', '.join(sorted(shapes)[:4])}, ...).",
        ["Put the model's config.json beside the file", "pt train --load-model-dir FOLDER"],
    )


def _layers(shapes: dict, pattern: str) -> int:
    found = [int(match.group(1)) for name in shapes if (match := re.match(pattern, name))]
    return max(found) + 1 if found else 0


def _head_width(width: int) -> int:
    """The usual width of an attention head: the largest of 128, 64, 32, ... that divides, small models taking less."""
    candidates = (128, 64) if width >= 2048 else (64, 128, 32, 16, 8, 4, 2)
    return next((size for size in candidates if width % size == 0 and width > size), width)


def _llama(shapes: dict) -> dict | None:
    query = shapes.get("layers.0.self_attn.q_proj.weight")
    gate = shapes.get("layers.0.mlp.gate_proj.weight")
    if query is None or gate is None or "norm.weight" not in shapes or "layers.0.self_attn.q_norm.weight" in shapes:
        return None
    vocabulary, width = shapes["embed_tokens.weight"]
    key_rows = shapes["layers.0.self_attn.k_proj.weight"][0]
    head = _head_width(query[0])
    while key_rows % head:
        head //= 2
    return {
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": gate[0],
        "num_hidden_layers": _layers(shapes, r"layers\.(\d+)\."),
        "num_attention_heads": query[0] // head,
        "num_key_value_heads": key_rows // head,
        "head_dim": head,
        "attention_bias": "layers.0.self_attn.q_proj.bias" in shapes,
        "mlp_bias": "layers.0.mlp.gate_proj.bias" in shapes,
        "tie_word_embeddings": "lm_head.weight" not in shapes,
    }


def _gpt_neox(shapes: dict) -> dict | None:
    if "layers.0.attention.query_key_value.weight" not in shapes or "embed_in.weight" not in shapes:
        return None
    vocabulary, width = shapes["embed_in.weight"]
    return {
        "model_type": "gpt_neox",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes["layers.0.mlp.dense_h_to_4h.weight"][0],
        "num_hidden_layers": _layers(shapes, r"layers\.(\d+)\."),
        "num_attention_heads": width // _head_width(width),
        "tie_word_embeddings": "embed_out.weight" not in shapes,
    }


def _gpt2(shapes: dict) -> dict | None:
    if "h.0.attn.c_attn.weight" not in shapes or "wpe.weight" not in shapes:
        return None
    vocabulary, width = shapes["wte.weight"]
    return {
        "model_type": "gpt2",
        "vocab_size": vocabulary,
        "n_embd": width,
        "n_positions": shapes["wpe.weight"][0],
        "n_layer": _layers(shapes, r"h\.(\d+)\."),
        "n_head": width // _head_width(width),
        "n_inner": shapes["h.0.mlp.c_fc.weight"][1],
    }


def _phi(shapes: dict) -> dict | None:
    if "layers.0.mlp.fc1.weight" not in shapes or "final_layernorm.weight" not in shapes:
        return None
    vocabulary, width = shapes["embed_tokens.weight"]
    head = _head_width(width)
    return {
        "model_type": "phi",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes["layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": _layers(shapes, r"layers\.(\d+)\."),
        "num_attention_heads": width // head,
        "num_key_value_heads": shapes["layers.0.self_attn.k_proj.weight"][0] // head,
        "tie_word_embeddings": "lm_head.weight" not in shapes,
    }
