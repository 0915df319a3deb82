"""Local files as shards: tables by row group, rows and long text by byte range, small text files in groups."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ..errors import TrainerError
from .arrow import arrow_shards
from .cache import room_for_tokens, too_large
from .columns import DEFAULT_COLUMN
from .folder import KNOWN, ending_of, find_files, kind_of
from .parquet import parquet_shards
from .rows import array_documents, csv_documents, is_array, line_documents
from .shards import BadRow, Shard, Source, Version, listed
from .text import text_documents
from .utf8 import PACKED, enterable

_RANGE = 16 << 20
# Text is seldom packed to more than half its size, and a token is seldom more than 8 bytes of it: what is refused by these would not have fitted.
_PACKED, _BYTES_A_TOKEN = 2, 8
# How what stands in the place of data that was never fetched begins.
_POINTERS = {
    b"version https://git-lfs.github.com/spec/": ("Git LFS", "lfs pull"),
    b"/annex/objects/": ("git-annex", "annex get ."),
    b"# xet version ": ("git-xet", "xet checkout"),
}


def local_source(path: Path, column: str | None = None) -> Source:
    """A file, or every file of a known kind below a folder, in order of their paths. The text of those with columns is in `column`,
    which is `text` where none is named.

    Raises TrainerError: `data_missing` (no file of a known kind), `data_empty`, `data_binary`, `bad_data`.
    """
    files, unread = [path], []
    if path.is_dir():
        found = find_files(path)
        files, unread = found.files, found.unread
    elif kind_of(path) is None:
        raise TrainerError("data_missing", f"{path} is of no known kind ({KNOWN}).", ["Rename it to what it is", "--data builtin"])
    elif path.stat().st_size == 0:
        raise TrainerError("data_empty", f"{path} is empty.", ["Name other data with --data", "--data builtin"])
    if not files:
        empty = [line for line in unread if line.endswith(": empty")]
        what = f" It holds {listed(unread)}." if unread else " It is empty."
        code = "data_empty" if empty and len(empty) == len(unread) else "data_missing"
        raise TrainerError(code, f"{path} holds no file that can be read ({KNOWN}).{what}", ["Name other data with --data", "--data builtin"])
    wanted = column or DEFAULT_COLUMN
    shards: list[Shard] = []
    small: list[Path] = []
    for file in files:
        _refuse_pointer(file)
        kind = kind_of(file)
        if kind == "parquet":
            shards += parquet_shards(file, wanted)
        elif kind == "arrow":
            shards += arrow_shards(file, wanted)
        elif kind == "csv":
            delimiter = "\t" if ending_of(file) == ".tsv" else ","
            shards += [_whole(file, f"csv|{delimiter}|{wanted}", partial(csv_documents, file, wanted, delimiter))]
        elif kind == "json" and is_array(file):
            shards += [_whole(file, f"array|{wanted}", partial(array_documents, file, wanted))]
        elif kind == "json":
            shards += _ranges(file, f"lines|{wanted}", partial(line_documents, file, wanted))
        elif file.stat().st_size < _RANGE and len(files) > 1:
            small.append(file)
        else:
            shards += _ranges(file, "text", partial(text_documents, file))
    shards += _groups(small)
    key = hashlib.sha256("\n".join(shard.key for shard in shards).encode()).hexdigest()
    tables = any(kind_of(file) != "text" for file in files)
    return Source(key, [lambda: shards], complete=True, column=wanted if tables else None, unread=tuple(unread))


def _refuse_pointer(file: Path) -> None:
    with file.open("rb") as stream:
        first = stream.read(max(map(len, _POINTERS)))
    for mark, (store, fetch) in _POINTERS.items():
        if first.startswith(mark):
            fetched = f"git -C {shlex.quote(str(file.parent))} {fetch}"
            raise TrainerError("bad_data", f"{file} is a {store} pointer: the data itself was never fetched.", [fetched])


def _whole(file: Path, form: str, read: Callable[[], Iterator[str | BadRow]]) -> Shard:
    """One part, however large: what of it plainly does not fit into memory is refused before it is read."""
    size = file.stat().st_size * (_PACKED if file.suffix.lower() in PACKED else 1)
    if size / _BYTES_A_TOKEN > room_for_tokens():
        raise too_large(str(file), f"about {size // _BYTES_A_TOKEN:,} of them")
    version = Version(file)
    return Shard(f"{form}|{_key(version)}", file.name, partial(version.read, read))


def _ranges(file: Path, form: str, read: Callable[..., Iterator[str | BadRow]]) -> list[Shard]:
    if not enterable(file):
        return [_whole(file, form, read)]
    version = Version(file)
    return [
        Shard(f"{form}|{_key(version)}|{start}", f"{file.name} at {start >> 20} MB", partial(version.read, partial(read, start, start + _RANGE)))
        for start in range(0, file.stat().st_size, _RANGE)
    ]


def _groups(files: list[Path]) -> list[Shard]:
    shards, group, size = [], [], 0
    for file in files:
        group.append(Version(file))
        size += file.stat().st_size
        if size >= _RANGE or file is files[-1]:
            key = "|".join(_key(member) for member in group)
            shards.append(Shard(f"text|{key}", f"{len(group)} files from {group[0].file.name}", partial(_all_texts, group)))
            group, size = [], 0
    return shards


def _key(version: Version) -> str:
    """The same bytes are other text when they are unpacked or not."""
    suffix = version.file.suffix.lower()
    return version.key + (suffix if suffix in PACKED else "")


def _all_texts(versions: list[Version]) -> Iterator[str | BadRow]:
    for version in versions:
        yield from version.read(partial(text_documents, version.file))
