"""Loads a stranger's model folder for scoring: sizes are told from headers first, no code of the folder runs, no pickle is opened."""

from __future__ import annotations

import gc
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from ..data.shards import file_key
from ..errors import TrainerError
from ..files import read_object
from ..machine.free_memory import free_memory
from ..model.load import load_folder, make_config, put

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
# Activations, the logits of one batch and the loader's own buffers, beside the weights.
_HEADROOM = 1.15


@dataclass(frozen=True)
class FolderFacts:
    """What headers say, before anything is loaded."""

    files: list[Path]
    elements: int
    """Elements of all tensors (tied ones once if saved once)."""
    bytes: int
    dtypes: list[str]


def read_headers(folder: Path) -> FolderFacts:
    """Raises TrainerError `bad_model` when the folder has no readable safetensors or its index names files that are not there."""
    files = _weight_files(folder)
    elements = size = 0
    dtypes: set[str] = set()
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():
                    part = opened.get_slice(name)
                    count = 1
                    for side in part.get_shape():
                        count *= side
                    elements += count
                    size += count * _BYTES.get(part.get_dtype(), 4)
                    dtypes.add(part.get_dtype())
        except (SafetensorError, OSError) as error:
            raise TrainerError("bad_model", f"{file} is no whole safetensors file: {error}", [f"pt check {folder}"]) from error
    return FolderFacts(files, elements, size, sorted(dtypes))


def folder_key(folder: Path) -> str:
    """Changes when the config or any weight file does."""
    digest = hashlib.sha256()
    for file in [folder / "config.json", folder / "generation_config.json", *_weight_files(folder)]:
        if file.is_file():
            digest.update(f"{file.name}:{file_key(file)};".encode())
    return digest.hexdigest()


def load_for_scoring(folder: Path, dtype: torch.dtype, device: torch.device, attention: str, ignore_memory: bool = False) -> PreTrainedModel:
    """The folder's causal LM in evaluation mode. Raises TrainerError: `bad_model` (cannot be loaded, weights missing), `too_large`."""
    facts = read_headers(folder)
    if not ignore_memory:
        require_memory(facts.elements * dtype.itemsize, device, str(folder))
    raw = read_object(folder / "config.json", "bad_model", [f"pt check {folder}"])
    config = make_config(raw, str(folder / "config.json"))
    try:
        model = load_folder(folder, config, attention, dtype)
    except (TrainerError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # transformers raises many kinds for a folder that is not what it says
        raise TrainerError("bad_model", f"{folder} cannot be loaded: {str(error)[:500]}", [f"pt check {folder}"]) from error
    return put(model, device).eval()


def release(device: torch.device) -> None:
    """Gives a dropped model's memory back before the next one is loaded."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def with_headroom(weights: int) -> int:
    """Bytes that loading so many bytes of weights takes where they are computed with."""
    return int(weights * _HEADROOM)


def require_memory(weights: int, device: torch.device, what: str, past: str | None = None) -> None:
    """Raises TrainerError `too_large` when so many bytes of weights cannot fit: in the device's memory, or in the machine's, where they are loaded first."""

    def too_large(message: str) -> TrainerError:
        steps = ["Use a machine with more memory", "Close other programs that use this memory"]
        return TrainerError("too_large", message, steps if past is None else [*steps, past])

    free = free_memory(device)
    if free is not None and with_headroom(weights) > free:
        raise too_large(f"{what} needs {with_headroom(weights) / 1e9:.1f} GB on {device}, and {free / 1e9:.1f} GB are free.")
    host = None if device.type == "cpu" else free_memory(torch.device("cpu"))
    if host is not None and weights > host:
        raise too_large(f"{what} is loaded into this machine's memory first, {weights / 1e9:.1f} GB, and {host / 1e9:.1f} GB are free.")


def _weight_files(folder: Path) -> list[Path]:
    """A single file wins over an index, as in the library that validators use."""
    if not folder.is_dir():
        raise TrainerError("bad_model", f"{folder} is no folder.", ["pt check DIR"])
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return [single]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except FileNotFoundError as error:
        raise TrainerError("bad_model", f"{folder} holds no model.safetensors.", [f"pt check {folder}"]) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise TrainerError("bad_model", f"{index} cannot be read: {error}", [f"pt check {folder}"]) from error
    files = []
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
            raise TrainerError("bad_model", f"{index} names {name!r}, which is no file beside it.", [f"pt check {folder}"])
        files.append(folder / name)
    return files
