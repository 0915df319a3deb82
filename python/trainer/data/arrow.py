"""Arrow IPC files, as `datasets` keeps them on disk (streams) and as Feather is (files), as shards of record batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow
from pyarrow import ipc

from ..errors import TrainerError
from .columns import check_column, texts_of
from .shards import BadRow, Shard, file_key

_SHARD_BYTES = 16 << 20


def arrow_shards(file: Path, column: str) -> list[Shard]:
    """Runs of record batches with about 16 MiB of the column. Raises TrainerError `bad_data`."""
    runs: list[tuple[int, int, int]] = []  # first batch, batch after the last, rows before
    first = size = rows = before = number = 0
    for number, batch in enumerate(_batches(file, column), 1):
        size += batch.column(0).nbytes
        rows += len(batch)
        if size >= _SHARD_BYTES:
            runs.append((first, number, before))
            first, size, before = number, 0, rows
    if first < number:
        runs.append((first, number, before))
    key = file_key(file)
    return [
        Shard(f"arrow|{key}|{column}|{start}|{end}", f"{file.name} part {i + 1} of {len(runs)}", partial(_documents, file, column, start, end, before))
        for i, (start, end, before) in enumerate(runs)
    ]


def _documents(file: Path, column: str, start: int, end: int, before: int) -> Iterator[str | BadRow]:
    row = before + 1
    for number, batch in enumerate(_batches(file, column)):
        if number >= end:
            return
        if number >= start:
            for at in range(0, len(batch), 1024):
                yield from texts_of(batch.column(0).slice(at, 1024), file, row + at)
            row += len(batch)


def _batches(file: Path, column: str) -> Iterator[pyarrow.RecordBatch]:
    """The file's record batches with that column alone, from the memory map: those passed over cost nothing."""
    try:
        with pyarrow.memory_map(str(file)) as source:
            if source.read(6) == b"ARROW1":
                reader = ipc.open_file(source)
                check_column(reader.schema, column, file)
                for i in range(reader.num_record_batches):
                    yield reader.get_batch(i).select([column])
            else:
                source.seek(0)
                reader = ipc.open_stream(source)
                check_column(reader.schema, column, file)
                for batch in reader:
                    yield batch.select([column])
    except (pyarrow.ArrowException, OSError) as error:
        raise TrainerError("bad_data", f"{file} cannot be read as Arrow: {error}", ["Make or fetch it again"]) from error
