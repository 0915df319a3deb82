"""Local files as shards: parquet by row group, jsonl and long text by byte range, small text files in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ..errors import TrainerError
from .parquet import parquet_shards
from .shards import Shard, file_key
from .text import jsonl_documents, text_documents

_RANGE = 16 << 20
_LINES = {".jsonl", ".ndjson", ".json"}
_TEXT = {".txt", ".text", ".md", ".rst"}
_PACKED = {".gz", ".zst"}
_KNOWN = "parquet, jsonl, json (an object a line), txt, md, rst; the last five also as .gz or .zst"


def local_shards(path: Path) -> list[Shard]:
    """Shards of a file or of every known file below a folder, in order of their paths.

    Raises TrainerError: `data_missing` (no file of a known kind), `data_empty`, `data_binary`, `bad_data`.
    """
    files = sorted(f for f in path.rglob("*") if f.is_file() and not _hidden(f, path)) if path.is_dir() else [path]
    known = [file for file in files if _kind(file)]
    if not known:
        raise TrainerError(
            "data_missing",
            f"{path} holds no file of a kind that can be read ({_KNOWN})." if path.is_dir() else f"{path} is of no known kind ({_KNOWN}).",
            ["Rename it to what it is", "--data builtin"],
        )
    filled = [file for file in known if file.stat().st_size]
    if not filled:
        raise TrainerError("data_empty", f"{path} is empty.", ["Name other data with --data", "--data builtin"])
    shards: list[Shard] = []
    small: list[Path] = []
    for file in filled:
        kind = _kind(file)
        if kind == "parquet":
            shards += parquet_shards(file)
        elif kind == "text" and file.stat().st_size < _RANGE and len(filled) > 1:
            small.append(file)
        else:
            shards += _ranges(file, jsonl_documents if kind == "lines" else text_documents)
    return shards + _groups(small)


def _kind(file: Path) -> str | None:
    suffix = file.suffix.lower()
    if suffix in _PACKED:
        suffix = Path(file.stem).suffix.lower()
    if suffix == ".parquet":
        return "parquet" if file.suffix.lower() == ".parquet" else None
    return "lines" if suffix in _LINES else "text" if suffix in _TEXT else None


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _ranges(file: Path, documents: Callable[..., Iterator[str]]) -> list[Shard]:
    key = file_key(file)
    if file.suffix.lower() in _PACKED:  # cannot be entered in the middle
        return [Shard(f"{documents.__name__}|{key}", file.name, partial(documents, file, 0, None))]
    size = file.stat().st_size
    return [
        Shard(f"{documents.__name__}|{key}|{start}", f"{file.name} at {start >> 20} MB", partial(documents, file, start, start + _RANGE))
        for start in range(0, size, _RANGE)
    ]


def _groups(files: list[Path]) -> list[Shard]:
    shards, group, size = [], [], 0
    for file in files:
        group.append(file)
        size += file.stat().st_size
        if size >= _RANGE or file is files[-1]:
            key = "|".join(file_key(member) for member in group)
            shards.append(Shard(f"text|{key}", f"{len(group)} files from {group[0].name}", partial(_all_texts, group)))
            group, size = [], 0
    return shards


def _all_texts(files: list[Path]) -> Iterator[str]:
    for file in files:
        yield from text_documents(file, 0, None)
