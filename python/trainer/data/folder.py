"""What lies below a folder: the files that are read, of which kind, and what is left unread with its reason."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import TrainerError
from .utf8 import PACKED

KINDS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".jsonl": "json",
    ".ndjson": "json",
    ".jl": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".rst": "text",
}
KNOWN = "parquet, arrow, feather, jsonl, ndjson, jl, json, csv, tsv, txt, text, md, rst; all but the first three also as .gz, .bz2, .xz or .zst"
_BINARY = ("parquet", "arrow")
# What tells about a data set beside its data.
_CARDS = re.compile(r"(readme|licen[cs]e)([^a-z].*)?|notice|citation|dataset_card|contributing|code_of_conduct|security|changelog")
_INFOS = {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "croissant.json"}
_NEVER_DATA = {".git", ".cache", ".gitattributes", ".gitignore", ".ds_store", ".huggingface", ".locks", ".no_exist"}


@dataclass
class Found:
    files: list[Path] = field(default_factory=list)
    """In order of their paths."""
    unread: list[str] = field(default_factory=list)
    """`path: reason`, for people."""


def kind_of(file: Path) -> str | None:
    """By the ending, in any case of letters; None for a kind that is not read."""
    kind = KINDS.get(ending_of(file))
    return None if file.suffix.lower() in PACKED and kind in _BINARY else kind


def ending_of(file: Path) -> str:
    """In small letters; of a packed file the one before."""
    suffix = file.suffix.lower()
    return Path(file.stem).suffix.lower() if suffix in PACKED else suffix


def find_files(root: Path) -> Found:
    """Every file below `root` that is data, through links to folders and files; each once, however many links lead to it.

    Folders that `datasets` saved are read as it would: of a DatasetDict the split `train`, of a data set the files that its state names.
    Raises TrainerError `data_missing` (a folder that cannot be opened, a link that leads nowhere), `bad_data` (a saved data set is not whole).
    """
    found = Found()
    _walk(root, root, found, set())
    tables = any(kind_of(file) not in ("text", None) for file in found.files)
    kept = []
    for file in found.files:
        if _is_card(file, tables):
            found.unread.append(f"{file.relative_to(root)}: tells about the data, is none")
        else:
            kept.append(file)
    found.files = kept
    return found


def _walk(folder: Path, root: Path, found: Found, seen: set[str]) -> None:
    real = os.path.realpath(folder)
    if real in seen:
        found.unread.append(f"{folder.relative_to(root)}: a link to a folder that is read already")
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise TrainerError("data_missing", f"{folder} cannot be opened: {error.strerror}", ["Check its permissions"]) from error
    named = {entry.name for entry in entries}
    if "dataset_dict.json" in named:
        entries = _train_split(folder, root, found)
    elif {"state.json", "dataset_info.json"} <= named:
        entries = _saved_files(folder, root, found, entries)
    for entry in entries:
        name = entry.relative_to(root)
        if entry.name.startswith("."):
            if entry.name.lower() not in _NEVER_DATA:
                found.unread.append(f"{name}: hidden")
        elif entry.is_dir():
            _walk(entry, root, found, seen)
        elif not entry.exists():
            raise TrainerError("data_missing", f"{entry} is a link that leads nowhere.", ["Fetch what it stands for (git lfs pull)", f"rm {entry}"])
        elif not entry.is_file():
            found.unread.append(f"{name}: no file")
        elif kind_of(entry) is None:
            found.unread.append(f"{name}: of no kind that is read")
        elif entry.stat().st_size == 0:
            found.unread.append(f"{name}: empty")
        elif os.path.realpath(entry) in seen:
            found.unread.append(f"{name}: a link to a file that is read already")
        else:
            seen.add(os.path.realpath(entry))
            found.files.append(entry)


def _train_split(folder: Path, root: Path, found: Found) -> list[Path]:
    splits = _read(folder / "dataset_dict.json").get("splits")
    if not isinstance(splits, list) or not all(isinstance(split, str) and split and "/" not in split and not split.startswith(".") for split in splits):
        raise TrainerError("bad_data", f"{folder / 'dataset_dict.json'} names no splits.", ["Save the data set again: save_to_disk"])
    if "train" not in splits:
        named = [f"--data {folder / split}" for split in splits[:4]]
        raise TrainerError("bad_data", f"{folder} holds the splits {', '.join(splits)} and none that is called train.", ["Name one of them", *named])
    found.unread += [f"{(folder / split).relative_to(root)}: another split; --data {folder / split} reads it" for split in splits if split != "train"]
    others = sorted(entry for entry in folder.iterdir() if entry.name not in splits and entry.name != "dataset_dict.json")
    found.unread += [f"{entry.relative_to(root)}: no part of the saved DatasetDict" for entry in others if entry.name.lower() not in _NEVER_DATA]
    if not (folder / "train").is_dir():
        raise TrainerError("bad_data", f"{folder} names the split train, and that folder is missing.", ["Save the data set again: save_to_disk"])
    return [folder / "train"]


def _saved_files(folder: Path, root: Path, found: Found, entries: list[Path]) -> list[Path]:
    state = _read(folder / "state.json")
    parts = state.get("_data_files")
    names = [part.get("filename") if isinstance(part, dict) else None for part in parts] if isinstance(parts, list) else [None]
    if not all(isinstance(name, str) and name and Path(name).name == name for name in names):
        return entries  # some other program's state.json
    files = [folder / str(name) for name in names]
    for file in files:
        if not file.is_file():
            raise TrainerError("bad_data", f"{folder / 'state.json'} names {file.name}, which is missing.", ["Save the data set again: save_to_disk"])
    if state.get("_indices_data_files"):
        raise TrainerError(
            "bad_data", f"{folder} was saved with indices over its rows, which pt does not read.", ["In Python: dataset.flatten_indices().save_to_disk(DIR)"]
        )
    left = [entry for entry in entries if entry not in files and entry.name not in _INFOS and entry.name.lower() not in _NEVER_DATA]
    found.unread += [f"{entry.relative_to(root)}: no part of the saved data set" for entry in left]
    return files


def _read(file: Path) -> dict:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise TrainerError("bad_data", f"{file} cannot be read: {error}", ["Save the data set again: save_to_disk"]) from error
    return value if isinstance(value, dict) else {}


def _is_card(file: Path, tables: bool) -> bool:
    name = file.name.lower()
    if name in _INFOS:
        return True
    if kind_of(file) != "text" or not _CARDS.fullmatch(name.split(".")[0]):
        return False
    if tables:
        return True
    with file.open("rb") as stream:
        return name.startswith("readme") and stream.read(64).lstrip(b"\xef\xbb\xbf").startswith((b"---\n", b"---\r\n"))
