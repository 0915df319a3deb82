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
from huggingface_hub.utils import build_hf_headers

from ..errors import TrainerError
from .parquet import text_column
from .range_file import RangeFile, get_bytes, patiently
from .shards import Shard, Source

_DATASETS = Path(__file__).resolve().parents[3] / "constants" / "datasets.json"
_OBJECT_THREADS = 16


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
    for entry in json.loads(_DATASETS.read_text())["datasets"]:
        if wanted in (known.casefold() for known in (entry["name"], *entry["aliases"])):
            return entry
    return None


def known_names() -> list[str]:
    return [entry["name"] for entry in json.loads(_DATASETS.read_text())["datasets"]]


def hub_source(entry: dict, cache_dir: Path, endpoint: str | None, on_progress: Callable[[str], None]) -> Source:
    """The data set at its newest commit, or at the commit that an earlier call kept in cache_dir (so that a run can resume).

    Raises TrainerError `data_unreachable`, `data_missing` (no file matches).
    """
    kept = cache_dir / "datasets" / f"{_slug(entry, endpoint)}.json"
    if not kept.is_file():
        listing = patiently(partial(_list_files, entry, endpoint), f"listing {entry['repo']}{_at(endpoint)}", on_progress)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".part").write_text(json.dumps(listing))
        kept.with_suffix(".part").replace(kept)
    listing = json.loads(kept.read_text())
    groups = []
    for path, size in listing["files"]:
        url = hf_hub_url(entry["repo"], path, repo_type="dataset", revision=listing["revision"], endpoint=endpoint)
        file = HubFile(url, path, size, f"{entry['repo']}@{listing['revision']}/{path}")
        groups.append(partial(_file_shards, file, entry, on_progress))
    return Source(f"{entry['repo']}@{listing['revision']}|{','.join(entry['files'])}|{len(groups)}", groups, complete=False)


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
        if hasattr(item, "size") and any(fnmatch.fnmatchcase(item.path, pattern) for pattern in entry["files"])
    ]
    if not files:
        raise TrainerError("data_missing", f"{entry['repo']} has no files {', '.join(entry['files'])}.", ["--data PATH", "--data builtin"])
    return {"revision": revision, "files": sorted(files)}


def _file_shards(file: HubFile, entry: dict, on_progress: Callable[[str], None]) -> list[Shard]:
    def footer() -> tuple[int, str]:
        opened = _open(file)
        wanted = (entry.get("content") or {}).get("id_column") or entry.get("text_column")
        return opened.num_row_groups, text_column(opened.schema_arrow, wanted, file.path)

    groups, column = patiently(footer, f"opening {file.path} of {entry['repo']}{_at(file.url)}", on_progress)
    return [
        Shard(
            f"hub|{file.key}|{column}|{i}",
            f"{file.path} row group {i + 1} of {groups}",
            partial(_documents, file, entry, column, i, on_progress),
            remote=True,
        )
        for i in range(groups)
    ]


def _documents(file: HubFile, entry: dict, column: str, group: int, on_progress: Callable[[str], None]) -> Iterator[str]:
    what = f"fetching {file.path} row group {group + 1} of {entry['repo']}{_at(file.url)}"
    content = entry.get("content")
    columns = [column] if content is None else [column, content["encoding_column"]]
    table = patiently(lambda: _open(file).read_row_group(group, columns=columns), what, on_progress)
    if content is None:
        yield from (value.as_py() or "" for value in table.column(0))
        return
    rows = list(zip(table.column(content["id_column"]).to_pylist(), table.column(content["encoding_column"]).to_pylist()))
    with ThreadPoolExecutor(_OBJECT_THREADS) as pool:
        yield from pool.map(lambda row: patiently(lambda: _object(content, *row), what, on_progress), rows)


def _object(content: dict, identity: str, encoding: str | None) -> str:
    """A text kept apart from the table, one compressed object a row."""
    if not identity.isalnum():
        raise TrainerError("bad_data", f"The object id {identity[:80]!r} is none.", ["Leave this data set out of --data"])
    # No headers: the objects are public, and this is another server than the Hub, which must not see its token.
    packed = get_bytes(content["url"].format(blob_id=identity), {})
    raw = pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), content["compression"]).read()
    try:
        return raw.decode(encoding or "utf-8", "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _open(file: HubFile) -> pyarrow.parquet.ParquetFile:
    source = RangeFile(file.url, file.size, build_hf_headers())
    return pyarrow.parquet.ParquetFile(pyarrow.PythonFile(source, mode="r"), pre_buffer=True)


def _at(url: str | None) -> str:
    """The server, when it is not the one that everybody means."""
    return "" if url is None else f" at {urlsplit(url).netloc}"


def _slug(entry: dict, endpoint: str | None) -> str:
    digest = hashlib.sha256(f"{endpoint}|{entry['files']}".encode()).hexdigest()[:8]
    return f"{entry['repo'].replace('/', '--')}-{digest}"
