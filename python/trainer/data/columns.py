"""Which column is the text, and its values as documents, in whatever form Arrow keeps them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow
import pyarrow.compute
from pyarrow import types

from ..errors import TrainerError
from .shards import BadRow
from .utf8 import seven_bits

DEFAULT_COLUMN = "text"
_LONGEST_NAME = 60


def check_column(schema: pyarrow.Schema, column: str, file: Path | str) -> None:
    """Raises TrainerError `bad_data`, with the columns that there are, unless `column` holds texts."""
    fields = schema.get_all_field_indices(column)
    if len(fields) != 1 or not _holds_text(schema.field(fields[0]).type):
        raise no_column(file, column, {field.name: str(field.type) for field in schema}, twice=len(fields) > 1)


def no_column(file: Path | str, column: str, have: Mapping[str, str], twice: bool = False) -> TrainerError:
    """`have`: the columns' names with their types."""
    named = [(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...", kind) for name, kind in list(have.items())[:20]]
    names = ", ".join(f"{name} ({kind})" for name, kind in named) + (", ..." if len(have) > 20 else "")
    if twice:
        problem = f"has several columns {column}"
    elif column in have:
        problem = f"has a column {column} that holds {have[column]}, not text"
    else:
        problem = f"has no column {column}"
    tokens = " It holds tokens (input_ids) of some tokenizer, not text: name the data set that they were made from." if "input_ids" in have else ""
    # A table without a header has a text in the place of a name.
    texts = [name for name, kind in have.items() if name != column and len(name) <= _LONGEST_NAME and ("string" in kind or "binary" in kind)]
    steps = [f"--text-column {shlex.quote(name)}" for name in texts[:3]] if texts and not tokens else []
    return TrainerError("bad_data", f"{file} {problem}; its columns: {names or 'none'}.{tokens}", [*steps, "Name other data with --data"])


def texts_of(values: pyarrow.Array, file: Path | str, first_row: int) -> Iterator[str | BadRow]:
    """The documents of one array of such a column; null is an empty one. `first_row` is the number (from 1) of its first row, for people."""
    if types.is_run_end_encoded(values.type):
        values = pyarrow.compute.call_function("run_end_decode", [values])
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        found = values.to_pylist()
    except UnicodeDecodeError:
        found = None
    for i in range(len(values)):
        try:
            value = values[i].as_py() if found is None else found[i]
            text = "" if value is None else value if isinstance(value, str) else bytes(value).decode()
        except UnicodeDecodeError as error:
            yield BadRow(_where(file, first_row + i), f"not UTF-8 text (byte {error.start} of it)")
            continue
        encoding = seven_bits(text)
        yield text if encoding is None else BadRow(_where(file, first_row + i), f"text in {encoding}, not in UTF-8")


def _where(file: Path | str, row: int) -> str:
    return f"{file}, row {row:,}"


def _holds_text(kind: pyarrow.DataType) -> bool:
    if types.is_run_end_encoded(kind):
        return _holds_text(kind.value_type)
    if types.is_dictionary(kind):
        return _holds_text(kind.value_type) and not types.is_dictionary(kind.value_type)
    # A file in which no row has a text is written as a column of nulls.
    tests = (types.is_null, types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(test(kind) for test in tests)
