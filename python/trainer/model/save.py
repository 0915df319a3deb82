"""`best/`: the model as validators load it, with any transformers from 4.38 to today's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from ..files import write_json
from .compat import compat_config, name_in_file

SHARD_BYTES = 5_000_000_000


# Written by transformers for other kinds of models; they only blur the file.
_NOISE = ("_name_or_path", "_attn_implementation_autoset", "id2label", "label2id", "problem_type", "chunk_size_feed_forward",
          "is_encoder_decoder", "output_hidden_states", "output_attentions", "return_dict")  # fmt: skip


def save_model(folder: Path, config: PretrainedConfig, architecture: str, tensors: dict[str, Tensor], tokenizer: PreTrainedTokenizerFast | None, dtype: torch.dtype) -> None:
    """Writes config.json, safetensors (in parts of at most 5 GB) and the tokenizer into `folder`, which must not exist.

    `tensors` are whole, on the CPU, named as the transformers class names them; tied copies may be left out.
    """
    from huggingface_hub import save_torch_state_dict

    folder.mkdir(parents=True)
    tensors = {name_in_file(config.model_type, name): tensor.to(dtype) for name, tensor in tensors.items()}
    save_torch_state_dict(tensors, folder, max_shard_size=SHARD_BYTES, metadata={"format": "pt"})
    write_json(folder / "config.json", compatible_config(config, architecture, dtype))
    if tokenizer is not None:
        save_tokenizer(folder, tokenizer)


def compatible_config(config: PretrainedConfig, architecture: str, dtype: torch.dtype) -> dict[str, Any]:
    """config.json with today's keys and those that old releases read.

    transformers 5 writes only `rope_parameters` and `dtype`; 4.38 and 4.44 ignore them and would silently use the default rope base.
    """
    raw = {key: value for key, value in config.to_dict().items() if key not in _NOISE}
    raw["architectures"] = [architecture]
    raw["torch_dtype"] = raw["dtype"] = str(dtype).removeprefix("torch.")
    return compat_config(raw)


def save_tokenizer(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """As PreTrainedTokenizerFast, merges as strings: older `tokenizers` refuse the newer list form."""
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    merges = content.get("model", {}).get("merges")
    if merges and isinstance(merges[0], list):
        content["model"]["merges"] = [" ".join(pair) for pair in merges]
        write_json(file, content, indent=None)
    config_file = folder / "tokenizer_config.json"
    config = json.loads(config_file.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config.pop("backend", None)
    write_json(config_file, config)
