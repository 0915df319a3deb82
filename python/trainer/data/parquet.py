"""Parquet files as shards: a row group, or a run of rows of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow
import pyarrow.parquet

from ..errors import TrainerError
from .columns import check_column, texts_of
from .shards import BadRow, Shard, Version

_BATCH_ROWS = 1024
# Of text, before compression: a shard's tokens are held in memory, eight shards at a time. Each part of a row group reads what lies before it.
_SHARD_BYTES = 16 << 20


def parquet_shards(file: Path, column: str) -> list[Shard]:
    """Raises TrainerError `bad_data` for a file that is no parquet or has no such column of text."""
    with open_parquet(file) as opened:
        check_column(opened.schema_arrow, column, file)
        sizes = [opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups)]
        rows = [rows_a_shard(opened, i, column, _SHARD_BYTES) for i in range(opened.num_row_groups)]
    version = Version(file)
    shards, before = [], 0
    for i, (size, most) in enumerate(zip(sizes, rows)):
        for start in range(0, size, most):
            part = "" if most >= size else f", rows {start + 1:,} to {min(size, start + most):,}"
            shards.append(
                Shard(
                    f"parquet|{version.key}|{column}|{i}|{start}",
                    f"{file.name} row group {i + 1} of {len(sizes)}{part}",
                    partial(version.read, partial(_documents, file, column, i, start, min(size, start + most), before)),
                )
            )
        before += size
    return shards


def rows_a_shard(opened: pyarrow.parquet.ParquetFile, group: int, column: str, most_bytes: int) -> int:
    """How many rows of a row group make a shard of about that many bytes of text."""
    found = opened.metadata.row_group(group)
    size = sum(
        found.column(i).total_uncompressed_size for i in range(found.num_columns) if found.column(i).path_in_schema.split(".")[0] == column
    )
    return max(1, found.num_rows * most_bytes // max(size, most_bytes))


def read_column(opened: pyarrow.parquet.ParquetFile, columns: list[str], group: int, start: int, end: int) -> Iterator[tuple[int, pyarrow.RecordBatch]]:
    """Rows [start, end) of a row group in batches, each with its first row's place in the group; no more than a batch is decoded at a time."""
    at = 0
    for batch in opened.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns):
        wanted = batch.slice(max(0, start - at), max(0, min(end, at + len(batch)) - max(start, at)))
        if len(wanted):
            yield max(start, at), wanted
        at += len(batch)
        if at >= end:
            return


def _documents(file: Path, column: str, group: int, start: int, end: int, before: int) -> Iterator[str | BadRow]:
    with open_parquet(file) as opened:
        try:
            for at, batch in read_column(opened, [column], group, start, end):
                yield from texts_of(batch.column(0), file, before + at + 1)
        except (pyarrow.ArrowException, OSError) as error:
            raise _bad(file, str(error)) from error


def open_parquet(file: Path) -> pyarrow.parquet.ParquetFile:
    try:
        # No memory map: a file that is cut while it is read would kill the process (SIGBUS).
        return pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise _bad(file, str(error)) from error


def _bad(file: Path, why: str) -> TrainerError:
    return TrainerError("bad_data", f"{file} cannot be read as parquet: {why}", ["Fetch the file again"])
