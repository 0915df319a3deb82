"""`best/`: the model as validators load it, with any transformers from 4.38 to today's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from ..errors import TrainerError
from ..files import write_json
from .compat import compat_config, name_in_file
from .layout import copy_rest, layout, raw, tensor_files

SHARD_BYTES = 5_000_000_000
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


# Written by transformers for other kinds of models; they only blur the file.
_NOISE = ("_name_or_path", "_attn_implementation_autoset", "id2label", "label2id", "problem_type", "chunk_size_feed_forward",
          "is_encoder_decoder", "output_hidden_states", "output_attentions", "return_dict")  # fmt: skip


def save_model(folder: Path, config: PretrainedConfig, architecture: str, tensors: dict[str, Tensor], tokenizer: PreTrainedTokenizerFast | None, dtype: torch.dtype) -> None:
    """Writes config.json, safetensors (in parts of at most 5 GB) and the tokenizer into `folder`, which must not exist.

    `tensors` are whole, on the CPU, named as `file_tensors` or the transformers class names them; tied copies may be left out.
    """
    from huggingface_hub import save_torch_state_dict

    folder.mkdir(parents=True)
    tensors = {name_in_file(config.model_type, name): _of_its_own(tensor.to(dtype)) for name, tensor in tensors.items()}
    save_torch_state_dict(tensors, folder, max_shard_size=SHARD_BYTES, metadata={"format": "pt"})
    write_json(folder / "config.json", compatible_config(config, architecture, dtype))
    if tokenizer is not None:
        save_tokenizer(folder, tokenizer)


def file_tensors(model: PreTrainedModel, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under the names, and in the shapes, that files hold: experts that the class keeps in one tensor are one each there."""
    if any(tensor.dim() == 3 for tensor in tensors.values()):
        from transformers.core_model_loading import revert_weight_conversion

        tensors = revert_weight_conversion(model, tensors)
    return {name_in_file(model.config.model_type, name): tensor for name, tensor in tensors.items()}


def _of_its_own(tensor: Tensor) -> Tensor:
    """An expert is a view of the tensor that holds them all, and files are written by storage."""
    return tensor.clone() if tensor.numel() * tensor.element_size() != tensor.untyped_storage().nbytes() else tensor


def save_as(folder: Path, source: Path, tensors: Mapping[str, Tensor], tied: dict[str, str]) -> None:
    """Writes the model `tensors` (as `file_tensors` names them) into `folder` with the files of `source`: other numbers, all else to the byte.

    Each of `tensors` is asked for when its place in a file is reached. `tied`: names that are copies, and of what. A tensor of `source` that is neither stays as it is there.
    Raises TrainerError `bad_model` where `source` has no place, or another, for a tensor.
    """
    folder.mkdir(parents=True)
    files = tensor_files(source)
    homeless = sorted(name for name in tensors if name not in files)
    if homeless:
        raise TrainerError("bad_model", f"{source} has no place for {', '.join(homeless[:5])}.", [f"pt check {source}"])
    for file in sorted(set(files.values())):
        header, dtypes = layout(file)
        with open(folder / file.name, "wb") as output, safe_open(file, framework="pt") as old:
            output.write(header)
            for name, dtype in dtypes.items():
                tensor = tensors.get(name)
                tensor = tensors.get(tied.get(name, "")) if tensor is None else tensor
                shape = old.get_slice(name).get_shape()
                if tensor is None:
                    output.write(raw(old.get_tensor(name)))
                elif list(tensor.shape) != shape:
                    raise TrainerError("bad_model", f"{name} is {list(tensor.shape)}, and {shape} in {source}.", [f"pt check {source}"])
                else:
                    output.write(raw(tensor.to(DTYPES.get(dtype, tensor.dtype))))
    copy_rest(source, folder)


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
