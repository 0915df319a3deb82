"""Documents out of files of rows: JSON (an object a line, or an array of objects) and CSV or TSV with a header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import TrainerError
from .columns import no_column
from .shards import BadRow
from .utf8 import not_utf8, seven_bits, utf8_stream

_PIECE = 1 << 20
# A row is held in memory as a whole.
_LONGEST_ROW = 1 << 30
_SPACES = b" \t\r\n"
_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_KINDS = {str: "string", bool: "boolean", int: "number", float: "number", list: "list", dict: "object", type(None): "null"}


def is_array(file: Path) -> bool:
    """Whether the file is one JSON array instead of an object a line."""
    with utf8_stream(file) as stream:
        while piece := stream.read(_PIECE):
            if text := piece.lstrip(_SPACES):
                return text.startswith(b"[")
    return False


def line_documents(file: Path, column: str, start: int = 0, end: int | None = None) -> Iterator[str | BadRow]:
    """The column's text of each object whose line begins in [start, end)."""
    with utf8_stream(file) as stream:
        base = _Lines(file, start)
        position = stream.tell() if end is not None else 0
        if start:
            stream.seek(start - 1)
            position = start - 1 + _to_line_end(stream)  # the line that began before belongs to the range before
        number = 0
        while end is None or position < end:
            raw = stream.readline(_LONGEST_ROW)
            if not raw:
                return
            position += len(raw)
            number += 1
            if not raw.strip():
                continue
            given = _text_of_line(raw, column)
            if isinstance(given, str):
                yield given
            else:
                yield BadRow(f"{file}, row {base.before() + number}", given[0])
            if len(raw) == _LONGEST_ROW and not raw.endswith(b"\n"):
                position += _to_line_end(stream)


def array_documents(file: Path, column: str) -> Iterator[str | BadRow]:
    """The column's text of each object of a JSON array, which is read piece by piece."""
    for number, (given, source) in enumerate(_values(file), 1):
        text = _text_of(given, source, column)
        yield text if isinstance(text, str) else BadRow(f"{file}, row {number}", text[0])


def csv_documents(file: Path, column: str, delimiter: str) -> Iterator[str | BadRow]:
    """The column's text of each row after the header. Raises TrainerError `bad_data` where a quote is never closed."""
    csv.field_size_limit(_LONGEST_ROW)
    with utf8_stream(file) as stream:
        # Bad bytes become lone surrogates, which no text has: so they are found in the row that they belong to.
        lines = io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline="")
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        names = header(file, rows)
        if column not in names:
            raise no_column(file, column, dict.fromkeys(names, "string"))
        if names.count(column) > 1:
            raise TrainerError("bad_data", f"{file} has {names.count(column)} columns {column}.", ["Rename all but one"])
        index = names.index(column)
        while True:
            began = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error):
                    raise TrainerError(
                        "bad_data", f"{file}, row {began}: a quote that opens there is never closed.", ["Correct that row", "Fetch the file again"]
                    ) from error
                yield BadRow(f"{file}, row {began}", f"no row of a CSV file ({error})")
                continue
            if not row:
                continue
            if len(row) != len(names):
                yield BadRow(f"{file}, row {began}", f"{len(row)} fields where the header names {len(names)}")
            elif "\0" in row[index]:
                yield BadRow(f"{file}, row {began}", f"the column {column} holds a NUL")
            elif not _encodable(row[index]):
                yield BadRow(f"{file}, row {began}", "not UTF-8 text")
            elif encoding := seven_bits(row[index]):
                yield BadRow(f"{file}, row {began}", f"text in {encoding}, not in UTF-8")
            else:
                yield row[index]


def header(file: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        names = next(rows, [])
    except csv.Error as error:
        raise TrainerError("bad_data", f"{file}: its first row is no header ({error}).", ["Give the file a row of column names"]) from error
    if not all(map(_encodable, names)):
        raise not_utf8(file, " (row 1)")
    return names


class _Lines:
    """How many lines of the file come before a position; counted when it is first asked, because rows are rarely bad."""

    def __init__(self, file: Path, start: int):
        self._file, self._start = file, start
        self._count: int | None = None

    def before(self) -> int:
        if self._count is None:
            self._count, left = 0, self._start
            with self._file.open("rb") as stream:
                while left > 0 and (piece := stream.read(min(_PIECE, left))):
                    self._count += piece.count(b"\n")
                    left -= len(piece)
                if self._start:
                    stream.seek(self._start - 1)
                    # The line that is under way there is the range's before.
                    self._count += stream.read(1) != b"\n"
        return self._count


def _to_line_end(stream: io.BufferedIOBase) -> int:
    """Reads up to and with the next line end; gives the bytes read."""
    read = 0
    while piece := stream.readline(_PIECE):
        read += len(piece)
        if piece.endswith(b"\n"):
            break
    return read


def _text_of_line(raw: bytes, column: str) -> str | tuple[str]:
    if len(raw) >= _LONGEST_ROW:
        return (f"a line of more than {_LONGEST_ROW >> 20:,} MiB",)
    try:
        text = raw.decode()
        row = json.loads(text)
    except UnicodeDecodeError:
        return ("not UTF-8 text",)
    except (ValueError, RecursionError) as error:
        return (f"no JSON object in one line ({error})",)
    return _text_of(row, text, column)


def _text_of(row: object, source: str, column: str) -> str | tuple[str]:
    """The text of an object that was read from `source`, or in a tuple of one what is wrong."""
    if not isinstance(row, dict):
        return (f"a {_KINDS[type(row)]}, not an object with the column {column}",)
    if column not in row:
        have = ", ".join(f"{name} ({_KINDS[type(value)]})" for name, value in list(row.items())[:12])
        tokens = "; it holds tokens (input_ids), not text" if "input_ids" in row else ""
        return (f"no column {column}; its columns: {have or 'none'}{tokens}",)
    if source.count(json.dumps(column)) > 1 and [name for name, _ in json.loads(source, object_pairs_hook=list)].count(column) > 1:
        return (f"several columns {column}",)
    value = row[column]
    if value is None:
        return ""
    if not isinstance(value, str):
        return (f"the column {column} holds a {_KINDS[type(value)]}, not a text",)
    if not _encodable(value):
        return (f"the column {column} holds half a character (a lone surrogate)",)
    encoding = seven_bits(value)
    return value if encoding is None else (f"text in {encoding}, not in UTF-8",)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _values(file: Path) -> Iterator[tuple[object, str]]:
    """The values of a JSON array, one after the other, each with what it was read from. Raises TrainerError `bad_data` with the value's number."""
    decoder = json.JSONDecoder()
    with utf8_stream(file) as stream:
        text = io.TextIOWrapper(stream, "utf-8", "strict")
        # `at`: how far the buffer is used; cutting it after every value would copy it as often.
        number, buffer, at = 0, "", 0

        def bad(why: str, place: int) -> TrainerError:
            return TrainerError("bad_data", f"{file}, row {place}: {why}.", ["Correct the file; an object a line (.jsonl) lets single rows be skipped"])

        def more() -> bool:
            nonlocal buffer, at
            buffer, at = buffer[at:], 0
            if len(buffer) > _LONGEST_ROW:
                raise bad(f"a value of more than {_LONGEST_ROW >> 20:,} MiB", number + 1)
            try:
                read = text.read(max(_PIECE, len(buffer)))
            except UnicodeDecodeError as error:
                raise not_utf8(file, f" (about row {number + 1})") from error
            buffer += read
            return bool(read)

        def token() -> str:
            """The next character that is no white space, not used yet; "" at the end."""
            nonlocal at
            while True:
                found = _NOT_SPACE.search(buffer, at)
                at = found.start() if found else len(buffer)
                if at < len(buffer) or not more():
                    return buffer[at : at + 1]

        opening = token()
        assert opening == "["
        at += 1
        if token() != "]":
            while True:
                token()
                while True:
                    try:
                        value, end = decoder.raw_decode(buffer, at)
                    except (ValueError, RecursionError) as error:
                        if isinstance(error, RecursionError) or not more():
                            raise bad(f"no JSON ({getattr(error, 'msg', error)})", number + 1) from error
                        continue
                    # A number at the end of what was read may go on, after "e+" too.
                    size = end - at
                    if end + 2 < len(buffer) or not more():
                        break
                number += 1
                source, at = buffer[at : at + size], at + size
                yield value, source
                after = token()
                if after == "]":
                    break
                if after != ",":
                    raise bad("the array is cut off after it" if not after else f"{after!r} follows it where a comma or ] should", number)
                at += 1
        at += 1
        if token():
            raise bad("the file goes on after the array's end", number)
