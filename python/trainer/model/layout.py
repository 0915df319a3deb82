"""The files of a model folder as they lie there: what is written as they are keeps their names, headers, order and dtypes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor


def layout(file: Path) -> tuple[bytes, dict[str, str]]:
    """The header as it lies in the file, its length before it, and the dtype of each tensor (`BF16`), in the order of their bytes."""
    with open(file, "rb") as opened:
        length = opened.read(8)
        header = opened.read(int.from_bytes(length, "little"))
    entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
    return length + header, {name: entries[name]["dtype"] for name in sorted(entries, key=lambda name: entries[name]["data_offsets"])}


def tensor_files(folder: Path) -> dict[str, Path]:
    """The file of each tensor."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            found |= dict.fromkeys(opened.keys(), file)
    return found


def raw(tensor: Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def copy_rest(source: Path, target: Path) -> None:
    """Every file but those with weights."""
    for file in source.iterdir():
        if file.is_file() and file.suffix != ".safetensors":
            shutil.copyfile(file, target / file.name)
