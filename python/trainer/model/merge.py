"""Weighted means of models of one shape ("model soups": Wortsman et al. 2022, arXiv 2203.05482), written as the first of them is written.

The files of a mixture are the first model's: names, header, order and dtypes of the tensors, config and tokenizer to the byte; only
the numbers are others. So what a subnet locks to a king's files stays locked when the king is the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open

from ..errors import TrainerError
from ..events import Events
from ..files import read_object
from .layout import copy_rest, layout, raw, tensor_files

_PIECE_ELEMENTS = 1 << 24
"""Of a tensor at once: 64 MB in fp32 for each model and mixture."""
_SAME_ORIGIN = "Merge models that go back to the same one."
_NEUTRAL_KEYS = {"dtype", "torch_dtype", "transformers_version", "_name_or_path", "use_cache"}
"""Of config.json: those that do not change what the weights mean."""


def merge_folders(folders: list[Path], mixtures: dict[Path, list[float]], events: Events, stop_if_asked: Callable[[], None]) -> None:
    """Makes a folder for each of `mixtures` (weights in the order of `folders`). Sums are fp32, rounded once to the first model's dtypes.

    Raises TrainerError `merge_differ` where the models have not one shape and one config, `merge_not_finite` for weights that are none.
    """
    _same_configs(folders)
    first, *_ = parts = [tensor_files(folder) for folder in folders]
    for folder, part in zip(folders[1:], parts[1:], strict=True):
        missing, more = sorted(set(first) - set(part)), sorted(set(part) - set(first))
        if missing or more:
            raise TrainerError("merge_differ", f"{folder} has other tensors than {folders[0]}: {', '.join([*missing, *more][:5])}.", ["pt check FOLDER   # what each is"])
    with ExitStack() as stack:
        readers = [_open(stack, part) for part in parts]
        files = sorted(set(first.values()))
        for at, file in enumerate(files):
            header, names = layout(file)
            outputs = [stack.enter_context(open(_made(out) / file.name, "wb")) for out in mixtures]
            for output in outputs:
                output.write(header)
            with events.phase("merging", f"file {at + 1} of {len(files)}"):
                for name in names:
                    stop_if_asked()
                    _merge_tensor(name, readers, folders, list(mixtures.values()), outputs)
            for output in outputs:
                output.close()
    for out in mixtures:
        copy_rest(folders[0], out)


def _same_configs(folders: list[Path]) -> None:
    """Raises TrainerError `merge_differ` where a config says something else than the first, or a tokenizer is another."""
    configs = [read_object(folder / "config.json", "bad_model", [f"pt check {folder}"]) for folder in folders]
    for folder, config in zip(folders[1:], configs[1:], strict=True):
        differing = sorted(key for key in configs[0].keys() | config.keys() if key not in _NEUTRAL_KEYS and configs[0].get(key) != config.get(key))
        if differing:
            raise TrainerError("merge_differ", f"{folder} has another config than {folders[0]}: {', '.join(differing[:8])}.", [_SAME_ORIGIN])
        if _bytes_of(folders[0] / "tokenizer.json") != _bytes_of(folder / "tokenizer.json"):
            raise TrainerError("merge_differ", f"{folder} has another tokenizer.json than {folders[0]}.", [_SAME_ORIGIN])


def _merge_tensor(name: str, readers: list[dict[str, Any]], folders: list[Path], mixtures: list[list[float]], outputs: Sequence[BinaryIO]) -> None:
    slices = [reader[name].get_slice(name) for reader in readers]
    shapes = [part.get_shape() for part in slices]
    for folder, shape in zip(folders[1:], shapes[1:], strict=True):
        if shape != shapes[0]:
            raise TrainerError("merge_differ", f"{name} is {shape} in {folder} and {shapes[0]} in {folders[0]}.", [_SAME_ORIGIN])
    for rows in _pieces(shapes[0]):
        pieces = [part[rows] if rows is not None else reader[name].get_tensor(name) for part, reader in zip(slices, readers, strict=True)]
        dtype = pieces[0].dtype
        if not dtype.is_floating_point:
            if any(not torch.equal(pieces[0], piece) for piece in pieces[1:]):
                raise TrainerError("merge_differ", f"{name} holds whole numbers, and they differ.", [_SAME_ORIGIN])
            for output in outputs:
                output.write(raw(pieces[0]))
            continue
        for weights, output in zip(mixtures, outputs, strict=True):
            total = torch.zeros(pieces[0].shape, dtype=torch.float32)
            for weight, piece in zip(weights, pieces, strict=True):
                if weight != 0:
                    total.add_(piece.float(), alpha=weight)
            if not torch.isfinite(total).all():
                raise TrainerError("merge_not_finite", f"{name} becomes NaN or infinite.", ["pt check FOLDER   # which model has such weights"])
            output.write(raw(total.to(dtype)))


def _pieces(shape: list[int]) -> Iterator[slice | None]:
    """Rows to take at once; None: the tensor whole, which has no rows."""
    if not shape:
        yield None
        return
    width = max(1, torch.Size(shape[1:]).numel())
    step = max(1, _PIECE_ELEMENTS // width)
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _open(stack: ExitStack, files: dict[str, Path]) -> dict[str, Any]:
    """A reader for each tensor: mapped files, which take no memory."""
    opened = {file: stack.enter_context(safe_open(file, framework="pt")) for file in set(files.values())}
    return {name: opened[file] for name, file in files.items()}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _bytes_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
