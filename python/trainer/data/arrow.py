"""Arrow IPC files, as `datasets` keeps them on disk (streams) and as Feather is (files), as shards of record batches."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow
from pyarrow import ipc, types

from ..errors import TrainerError
from .columns import check_column, texts_of
from .shards import BadRow, Shard, Version

_SHARD_BYTES = 16 << 20


@dataclass(frozen=True)
class _Run:
    """Record batches that follow one another in a file, or in one of the streams that a file is made of."""

    first: int
    """Number of its first batch in the file."""
    batches: int
    rows_before: int
    head: tuple[int, int] | None
    """Of a stream: where its schema begins and ends."""
    begin: int = 0
    """Of a stream: where reading begins after the schema."""
    passed: int = 0
    """Of a stream: batches from there to the first."""


def arrow_shards(file: Path, column: str) -> list[Shard]:
    """Runs of record batches with about 16 MiB of the column. Raises TrainerError `bad_data`."""
    version = Version(file)
    try:
        # From the memory map: batches that are only counted cost nothing.
        with pyarrow.memory_map(str(file)) as source:
            runs = list(_runs(source, column, file))
    except (pyarrow.ArrowException, OSError) as error:
        raise _bad(file, error) from error
    return [
        Shard(
            f"arrow|{version.key}|{column}|{run.first}|{run.first + run.batches}",
            f"{file.name} part {i + 1} of {len(runs)}",
            partial(version.read, partial(_documents, file, column, run)),
        )
        for i, run in enumerate(runs)
    ]


def _runs(source: pyarrow.NativeFile, column: str, file: Path) -> Iterator[_Run]:
    first = rows = 0
    if source.read(6) == b"ARROW1":
        reader = ipc.open_file(source)
        check_column(reader.schema, column, file)
        sizes = ((batch.column(column).nbytes, len(batch), 0) for batch in map(reader.get_batch, range(reader.num_record_batches)))
        for batches, many, _ in _cut(sizes):
            yield _Run(first, batches, rows, None)
            first, rows = first + batches, rows + many
        return
    source.seek(0)
    # Several streams one after the other are one file, as `cat` makes it; a reader ends at the end of the first.
    while source.tell() < source.size():
        begin = source.tell()
        reader = ipc.open_stream(source)
        check_column(reader.schema, column, file)
        head, passed = (begin, source.tell()), 0
        # Texts that are numbers of a dictionary need all of it that came before.
        whole = any(types.is_dictionary(field.type) for field in reader.schema)
        sizes = ((batch.column(column).nbytes, len(batch), source.tell()) for batch in reader)
        at = head[1]
        for batches, many, end in _cut(sizes):
            yield _Run(first, batches, rows, head, head[1] if whole else at, passed if whole else 0)
            first, rows, at, passed = first + batches, rows + many, end, passed + batches


def _cut(sizes: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Batches of (bytes, rows, end) as runs of (batches, rows, end)."""
    batches = rows = size = end = 0
    for of_column, many, end in sizes:
        batches, rows, size = batches + 1, rows + many, size + of_column
        if size >= _SHARD_BYTES:
            yield batches, rows, end
            batches = rows = size = 0
    if batches:
        yield batches, rows, end


def _documents(file: Path, column: str, run: _Run) -> Iterator[str | BadRow]:
    row = run.rows_before + 1
    # Not from a memory map: a file that is cut while it is read would kill the process (SIGBUS).
    try:
        with open(file, "rb") as opened:
            for values in _columns(opened, column, run):
                for at in range(0, len(values), 1024):
                    yield from texts_of(values.slice(at, 1024), file, row + at)
                row += len(values)
    except (pyarrow.ArrowException, OSError) as error:
        raise _bad(file, error) from error


def _columns(opened: io.BufferedReader, column: str, run: _Run) -> Iterator[pyarrow.Array]:
    if run.head is None:
        reader = ipc.open_file(opened)
        one = ipc.IpcReadOptions(included_fields=[reader.schema.get_field_index(column)])
        reader = ipc.open_file(opened, options=one)
        for i in range(run.first, run.first + run.batches):
            yield reader.get_batch(i).column(0)
        return
    begin, end = run.head
    opened.seek(begin)
    schema = opened.read(end - begin)
    one = ipc.IpcReadOptions(included_fields=[ipc.read_schema(pyarrow.py_buffer(schema)).get_field_index(column)])
    opened.seek(run.begin)
    reader = ipc.open_stream(pyarrow.PythonFile(_After(schema, opened), mode="r"), options=one)
    for number in range(run.passed + run.batches):
        batch = reader.read_next_batch()
        if number >= run.passed:
            yield batch.column(0)


class _After(io.RawIOBase):
    """Some bytes, and a file from where it stands."""

    def __init__(self, first: bytes, file: io.BufferedReader):
        self._first, self._file = first, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._first:
            return self._file.readinto(buffer)
        part, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _bad(file: Path, error: Exception) -> TrainerError:
    return TrainerError("bad_data", f"{file} cannot be read as Arrow: {error}", ["Make or fetch it again"])
