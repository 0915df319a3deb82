"""Data sets of the competitions as parquet on a Hub: files listed once, row groups fetched as they are wanted."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow
import pyarrow.parquet
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers

from ..constants import read_constants
from ..errors import TrainerError
from ..files import write_json
from .columns import check_column, texts_of
from .parquet import read_column, rows_a_shard
from .range_file import RangeFile, get_bytes, patiently
from .shards import BadRow, Shard, Source

_OBJECT_THREADS = 16
# Of text; larger than a local shard, because each part of a row group fetches all of it.
_SHARD_BYTES = 128 << 20


@dataclass(frozen=True)
class HubFile:
    """One parquet file of a data set at a fixed commit."""

    url: str
    path: str
    size: int
    key: str


def known_dataset(name: str) -> dict | None:
    """The entry of constants/datasets.json with that name or alias, in any case of letters."""
    wanted = name.casefold()
    for entry in read_constants("datasets.json")["datasets"]:
        if wanted in (known.casefold() for known in (entry["name"], *entry["aliases"])):
            return entry
    return None


def known_names() -> list[str]:
    return [entry["name"] for entry in read_constants("datasets.json")["datasets"]]


def hub_source(
    entry: dict, cache_dir: Path, endpoint: str | None, on_progress: Callable[[str], None], column: str | None = None
) -> Source:
    """The data set at its newest commit, or at the commit that an earlier call kept in cache_dir (so that a run can resume).

    `column` is read instead of the data set's own. Raises TrainerError `data_unreachable`, `data_missing` (no file matches).
    """
    if column is not None and "content" not in entry:
        entry = {**entry, "text_column": column}
    kept = cache_dir / "datasets" / f"{_slug(entry, endpoint)}.json"
    if not kept.is_file():
        listing = patiently(partial(_list_files, entry, endpoint), f"listing {entry['repo']}{_at(endpoint)}", on_progress)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, listing)
    listing = json.loads(kept.read_text())
    groups = []
    for path, size in listing["files"]:
        url = hf_hub_url(entry["repo"], path, repo_type="dataset", revision=listing["revision"], endpoint=endpoint)
        file = HubFile(url, path, size, f"{entry['repo']}@{listing['revision']}/{path}")
        groups.append(partial(_file_shards, file, entry, on_progress))
    return Source(f"{entry['repo']}@{listing['revision']}|{','.join(entry['files'])}|{len(groups)}", groups, complete=False, column=entry["text_column"])


def _list_files(entry: dict, endpoint: str | None) -> dict:
    api = HfApi(endpoint=endpoint)
    revision = api.dataset_info(entry["repo"]).sha
    # The folder that all patterns share saves listing the rest of a large repository.
    folders = {pattern.split("/")[0] for pattern in entry["files"]}
    folder = folders.pop() if len(folders) == 1 and "*" not in next(iter(folders)) else None
    entries = api.list_repo_tree(entry["repo"], folder, recursive=True, revision=revision, repo_type="dataset")
    files = [
        [item.path, item.size]
        for item in entries
        if isinstance(item, RepoFile) and any(fnmatch.fnmatchcase(item.path, pattern) for pattern in entry["files"])
    ]
    if not files:
        raise TrainerError("data_missing", f"{entry['repo']} has no files {', '.join(entry['files'])}.", ["--data PATH", "--data builtin"])
    return {"revision": revision, "files": sorted(files)}


def _file_shards(file: HubFile, entry: dict, on_progress: Callable[[str], None]) -> list[Shard]:
    column = (entry.get("content") or {}).get("id_column") or entry["text_column"]

    def footer() -> list[tuple[int, int]]:
        opened = _open(file, entry, on_progress)
        check_column(opened.schema_arrow, column, file.path)
        return [(opened.metadata.row_group(i).num_rows, rows_a_shard(opened, i, column, _SHARD_BYTES)) for i in range(opened.num_row_groups)]

    groups = footer()
    shards, before = [], 0
    for i, (rows, most) in enumerate(groups):
        for start in range(0, rows, most):
            part = "" if most >= rows else f", rows {start + 1:,} to {min(rows, start + most):,}"
            shards.append(
                Shard(
                    f"hub|{file.key}|{column}|{i}|{start}",
                    f"{file.path} row group {i + 1} of {len(groups)}{part}",
                    partial(_documents, file, entry, column, i, (start, min(rows, start + most)), before, on_progress),
                    remote=True,
                )
            )
        before += rows
    return shards


def _documents(
    file: HubFile, entry: dict, column: str, group: int, rows: tuple[int, int], before: int, on_progress: Callable[[str], None]
) -> Iterator[str | BadRow]:
    content = entry.get("content")
    opened = _open(file, entry, on_progress)
    if content is None:
        for at, batch in read_column(opened, [column], group, *rows):
            yield from texts_of(batch.column(0), file.path, before + at + 1)
        return
    what = f"fetching an object of {file.path} of {entry['repo']}"
    with ThreadPoolExecutor(_OBJECT_THREADS) as pool:
        for at, batch in read_column(opened, [content["id_column"], content["encoding_column"]], group, *rows):
            objects = zip(batch.column(content["id_column"]).to_pylist(), batch.column(content["encoding_column"]).to_pylist())
            fetched = pool.map(lambda row: patiently(lambda: _object(content, *row), what, on_progress), objects)
            for row, text in enumerate(fetched, before + at + 1):
                yield text if isinstance(text, str) else BadRow(f"{file.path}, row {row:,}", text[0])


def _object(content: dict, identity: str, encoding: str | None) -> str | tuple[str]:
    """A text kept apart from the table, one compressed object a row; in a tuple of one what is wrong with it."""
    if not identity.isalnum():
        raise TrainerError("bad_data", f"The object id {identity[:80]!r} is none.", ["Leave this data set out of --data"])
    # No headers: the objects are public, and this is another server than the Hub, which must not see its token.
    packed = get_bytes(content["url"].format(blob_id=identity), {})
    raw = pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), content["compression"]).read()
    try:
        text = raw.decode(encoding or "utf-8")
        text.encode()
    except (UnicodeError, LookupError) as error:
        return (f"its object is not text in the encoding that the row names, {encoding or 'UTF-8'} ({error})",)
    return text


def _open(file: HubFile, entry: dict, on_progress: Callable[[str], None]) -> pyarrow.parquet.ParquetFile:
    what = f"reading {file.path} of {entry['repo']}{_at(file.url)}"
    source = RangeFile(file.url, file.size, build_hf_headers(), partial(patiently, what=what, on_progress=on_progress))
    try:
        return pyarrow.parquet.ParquetFile(pyarrow.PythonFile(source, mode="r"), pre_buffer=True, page_checksum_verification=True)
    except pyarrow.ArrowException as error:
        raise TrainerError("bad_data", f"{file.path} of {entry['repo']} cannot be read as parquet: {error}", ["Leave this data set out of --data"]) from error


def _at(url: str | None) -> str:
    """The server, when it is not the one that everybody means."""
    return "" if url is None else f" at {urlsplit(url).netloc}"


def _slug(entry: dict, endpoint: str | None) -> str:
    digest = hashlib.sha256(f"{endpoint}|{entry['files']}".encode()).hexdigest()[:8]
    return f"{entry['repo'].replace('/', '--')}-{digest}"
