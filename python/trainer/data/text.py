"""Documents out of text and jsonl files, plain or compressed."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow

from ..errors import TrainerError

_CODECS = {".gz": "gzip", ".zst": "zstd"}
_TEXT_FIELDS = ("text", "content")
_BROKEN_SHARE = 0.05
# A long text is cut into documents at its paragraphs, so that some can be held out and the rest permuted.
_DOCUMENT_CHARACTERS = 4_000


def jsonl_documents(file: Path, start: int, end: int | None) -> Iterator[str]:
    """The `text` (or `content`) of each object whose line begins in [start, end). Raises `bad_data` naming the line's position."""
    for position, line in _lines(file, start, end):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _bad(file, position, f"no JSON object in one line ({error})") from error
        text = text_of(row)
        if text is None:
            have = ", ".join(sorted(row)[:8]) if isinstance(row, dict) else type(row).__name__
            raise _bad(file, position, f"no text in the fields {' or '.join(_TEXT_FIELDS)}; found: {have}")
        yield text


def text_documents(file: Path, start: int, end: int | None) -> Iterator[str]:
    """Pieces of about 4,000 characters, cut at blank lines where there are any; a short file is one document."""
    piece: list[str] = []
    size = 0
    for _, line in _lines(file, start, end):
        piece.append(line)
        size += len(line)
        if size >= _DOCUMENT_CHARACTERS and not line.strip() or size >= 4 * _DOCUMENT_CHARACTERS:
            yield "".join(piece).strip()
            piece, size = [], 0
    if piece:
        yield "".join(piece).strip()


def text_of(row: object) -> str | None:
    if isinstance(row, dict):
        for field in _TEXT_FIELDS:
            if isinstance(row.get(field), str):
                return row[field]
    return None


def _lines(file: Path, start: int, end: int | None) -> Iterator[tuple[int, str]]:
    """(byte position, text with its newline) of lines that begin in [start, end)."""
    broken = characters = 0
    with _open(file) as stream:
        position = start
        if start:
            stream.seek(start - 1)
            position += len(stream.readline()) - 1  # the line that began before belongs to the range before
        while end is None or position < end:
            try:
                # A "line" without end is cut: a binary or a one-line file must not fill the memory.
                raw = stream.readline(1 << 26)
            except (OSError, EOFError, zlib.error) as error:
                raise TrainerError("bad_data", f"{file} cannot be unpacked: {error}", ["Fetch the file again"]) from error
            if not raw:
                return
            if b"\0" in raw[:65536]:
                raise _binary(file)
            text = raw.decode("utf-8", "replace")
            broken += text.count("�")
            characters += len(text)
            if broken > 100 and broken > characters * _BROKEN_SHARE:
                raise _binary(file)
            yield position, text
            position += len(raw)


def _open(file: Path) -> io.BufferedIOBase:
    codec = _CODECS.get(file.suffix.lower())
    try:
        if codec is None:
            return file.open("rb")
        if codec == "gzip":  # pyarrow's takes a file that was cut off for a whole one
            return gzip.open(file, "rb")
        return io.BufferedReader(pyarrow.input_stream(str(file), compression=codec))
    except OSError as error:
        raise TrainerError("data_missing", f"{file} cannot be opened: {error}", ["Check its permissions"]) from error


def _bad(file: Path, position: int, what: str) -> TrainerError:
    return TrainerError("bad_data", f"{file} at byte {position:,}: {what}.", ['Give each line the form {"text": "..."}'])


def _binary(file: Path) -> TrainerError:
    return TrainerError(
        "data_binary", f"{file} is not UTF-8 text.", ["Name parquet, jsonl or text with --data", "Convert it: iconv -t utf-8 FILE"]
    )
