"""Parquet files as shards, one a row group."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow
import pyarrow.parquet

from ..errors import TrainerError
from .shards import Shard, file_key

_TEXT_COLUMNS = ("text", "content")
_BATCH_ROWS = 1024


def parquet_shards(file: Path, column: str | None = None) -> list[Shard]:
    """One shard a row group; the text is in `column`, else in `text` or `content`, else in the only text column.

    Raises TrainerError `bad_data` for a file that is no parquet or has no such column.
    """
    with open_parquet(file) as opened:
        column = text_column(opened.schema_arrow, column, file.name)
        groups = opened.num_row_groups
    key = file_key(file)
    return [
        Shard(f"parquet|{key}|{column}|{i}", f"{file.name} row group {i + 1} of {groups}", partial(row_group, file, column, i))
        for i in range(groups)
    ]


def row_group(file: Path, column: str, index: int) -> Iterator[str]:
    """The column's texts in one row group; a null is an empty document."""
    with open_parquet(file) as opened:
        try:
            for batch in opened.iter_batches(_BATCH_ROWS, row_groups=[index], columns=[column]):
                for value in batch.column(0):
                    yield value.as_py() or ""
        except (pyarrow.ArrowException, OSError) as error:
            raise _bad(file, str(error)) from error


def open_parquet(file: Path) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(file, memory_map=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise _bad(file, str(error)) from error


def text_column(schema: pyarrow.Schema, wanted: str | None, name: str) -> str:
    texts = [field.name for field in schema if pyarrow.types.is_string(field.type) or pyarrow.types.is_large_string(field.type)]
    for candidate in (wanted,) if wanted else _TEXT_COLUMNS:
        if candidate in texts:
            return candidate
    if wanted is None and len(texts) == 1:
        return texts[0]
    raise TrainerError(
        "bad_data",
        f"{name} has no text column {wanted or ' or '.join(_TEXT_COLUMNS)}; its columns: {', '.join(schema.names[:12])}.",
        ["Rename the text column to text"],
    )


def _bad(file: Path, why: str) -> TrainerError:
    return TrainerError("bad_data", f"{file} cannot be read as parquet: {why}", ["Fetch the file again"])
