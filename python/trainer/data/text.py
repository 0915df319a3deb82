"""Documents out of plain text."""

from __future__ import annotations

import codecs
import io
import shlex
from collections.abc import Iterator
from pathlib import Path

from ..errors import TrainerError
from .utf8 import not_utf8, seven_bits, utf8_stream

# A long text is cut into documents at its paragraphs, so that some can be held out and the rest permuted.
DOCUMENT_CHARACTERS = 4_000
_LONGEST_DOCUMENT = 4 * DOCUMENT_CHARACTERS
# A file without line ends is taken in pieces of this many bytes.
_PIECE = 16 << 10
_BOUNDARY_WITHIN = 64 << 10


def text_documents(file: Path, start: int = 0, end: int | None = None) -> Iterator[str]:
    """Pieces of about 4,000 characters of what lies in [start, end), cut at blank lines, else at the end of a line or at a space.

    Neighbouring ranges agree on where one ends and the next begins. Line ends become \\n. Raises TrainerError `data_binary`.
    """
    with utf8_stream(file) as stream:
        if end is not None:
            size = file.stat().st_size
            first, last = stream.tell() if start == 0 else _boundary(stream, start, size), _boundary(stream, end, size)
            stream.seek(first)
            pieces = _pieces(file, stream, first, last)
        else:
            pieces = _pieces(file, stream, 0, None)
        document = ""
        for piece in pieces:
            document += piece
            ended = piece.endswith("\n")
            if (len(document) >= DOCUMENT_CHARACTERS and ended and not piece.strip()) or (len(document) >= _LONGEST_DOCUMENT and ended):
                yield _clean(file, document)
                document = ""
            while len(document) >= 2 * _LONGEST_DOCUMENT:
                at = cut_at(document, _LONGEST_DOCUMENT)
                yield _clean(file, document[:at])
                document = document[at:]
        if document:
            yield _clean(file, document)


def cut_at(text: str, most: int) -> int:
    """Where to cut a text that is longer than `most` characters: after a blank line, a line end or a space in its last half, else at `most`."""
    if len(text) <= most:
        return len(text)
    for mark in ("\n\n", "\n", " "):
        at = text.rfind(mark, most // 2, most)
        if at >= 0:
            return at + len(mark)
    return most


def cut_document(text: str, most: int) -> Iterator[str]:
    """The text in pieces of at most `most` characters; nothing is lost or added."""
    start = 0
    while len(text) - start > most:
        at = start + cut_at(text[start : start + most + 1], most)
        yield text[start:at]
        start = at
    yield text[start:]


def _pieces(file: Path, stream: io.BufferedIOBase, position: int, last: int | None) -> Iterator[str]:
    """Lines with their ends; a line that is longer than a piece comes in several."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    while last is None or position < last:
        raw = stream.readline(_PIECE if last is None else min(_PIECE, last - position))
        if b"\0" in raw:
            raise not_utf8(file, f" (a NUL at byte {position + raw.index(0):,})")
        try:
            yield decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise not_utf8(file, f" (at byte {position + error.start:,})") from error
        if not raw:
            return
        position += len(raw)
    if decoder.getstate()[0]:
        raise not_utf8(file, f" (at byte {position:,})")


def _boundary(stream: io.BufferedIOBase, at: int, size: int) -> int:
    """The first place from `at` on where a document may begin: after a line end or a space that is not far, else at a character."""
    if at >= size:
        return size
    stream.seek(at - 1)
    window = stream.read(_BOUNDARY_WITHIN)
    for mark in (b"\n", b" "):
        found = window.find(mark)
        if found >= 0:
            return at + found
    return at - 1 + next((i for i in range(1, len(window)) if window[i] & 0xC0 != 0x80), len(window))


def _clean(file: Path, document: str) -> str:
    if encoding := seven_bits(document):
        raise TrainerError(
            "data_binary",
            f"{file} is text in {encoding}, not in UTF-8.",
            [f"iconv -f {encoding} -t UTF-8 {shlex.quote(file.name)} > new.txt", "Name other data with --data"],
        )
    return document.replace("\r\n", "\n").replace("\r", "\n").strip()
