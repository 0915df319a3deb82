"""Any text file as a stream of UTF-8 bytes: unpacked, without byte order mark, UTF-16 and UTF-32 turned into UTF-8 where a mark declares them.

Nothing is guessed: what is not valid in the encoding that it declares (UTF-8 where it declares none) is refused.
"""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import TrainerError

PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
# UTF-32's mark begins with UTF-16's.
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONGEST_MARK = 4
_ISO_2022 = {"ISO-2022-JP": ("@", "B", "(D", "(Q"), "ISO-2022-KR": (")C",), "ISO-2022-CN": (")A", ")G", ")E", "*H")}
_ESCAPE = re.compile(f"\\x1b\\$({'|'.join(re.escape(mark) for marks in _ISO_2022.values() for mark in marks)})")
_HZ_RUN = re.compile(r"~\{((?:[!-w][!-~])+)~\}")
# Fewer may be a format directive of Lisp.
_HZ_CHARACTERS = 8
_PIECE = 1 << 20


@contextmanager
def utf8_stream(file: Path) -> Iterator[io.BufferedReader]:
    """The file's text as UTF-8 bytes. Seekable, by the file's own positions, where `enterable(file)`.

    Raises TrainerError `data_missing` (cannot be opened), `bad_data` (cannot be unpacked), `data_binary` (not in its declared encoding).
    """
    raw = _unpacked(file)
    with raw:
        try:
            first = raw.peek(_LONGEST_MARK)[:_LONGEST_MARK]
            encoding = _declared(first)
            if encoding is not None:
                yield io.BufferedReader(_Transcoded(raw, encoding, file), _PIECE)
                return
            if first.startswith(codecs.BOM_UTF8):
                raw.read(len(codecs.BOM_UTF8))
            yield raw
        except (OSError, EOFError, zlib.error, _lzma_error()) as error:
            raise TrainerError("bad_data", f"{file} cannot be unpacked or read: {error}", ["Fetch the file again"]) from error


def enterable(file: Path) -> bool:
    """Whether reading can begin in the middle: the file is neither packed nor in another encoding."""
    if file.suffix.lower() in PACKED:
        return False
    with file.open("rb") as stream:
        return _declared(stream.read(_LONGEST_MARK)) is None


def not_utf8(file: Path, where: str) -> TrainerError:
    return TrainerError(
        "data_binary",
        f"{file}{where} is not UTF-8 text, and it declares no other encoding.",
        [f"Convert it, if you know its encoding: iconv -f ENCODING -t UTF-8 {file.name} > new.txt", "Name other data with --data"],
    )


def seven_bits(text: str) -> str | None:
    """The encoding of Chinese, Japanese or Korean whose bytes all pass for ASCII, known by its marks: the escapes of ISO-2022, or several
    characters of HZ that all exist.
    """
    if "\x1b$" in text and (escape := _ESCAPE.search(text)):
        return next(name for name, marks in _ISO_2022.items() if escape[1] in marks)
    if "~{" in text and (runs := _HZ_RUN.findall(text)) and sum(map(len, runs)) >= 2 * _HZ_CHARACTERS:
        try:
            bytes(ord(letter) | 0x80 for letter in "".join(runs)).decode("gb2312")
        except UnicodeDecodeError:
            return None
        return "HZ"
    return None


def _declared(first: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if first.startswith(mark)), None)


def _unpacked(file: Path) -> io.BufferedReader:
    codec = PACKED.get(file.suffix.lower())
    try:
        if codec is None:
            return io.BufferedReader(io.FileIO(file), _PIECE)
        if codec == "zstd":
            import pyarrow

            return io.BufferedReader(pyarrow.input_stream(str(file), compression=codec), _PIECE)
        if codec == "gzip":
            import gzip

            return io.BufferedReader(gzip.open(file, "rb"), _PIECE)
        if codec == "bzip2":
            from bz2 import BZ2Decompressor as member
        else:
            from lzma import LZMADecompressor as member
        return io.BufferedReader(_Members(file, member), _PIECE)
    except ImportError as error:
        raise TrainerError("missing_package", f"{file.name}: this Python cannot unpack {codec}: {error}", ["Unpack it first"]) from error
    except OSError as error:
        raise TrainerError("data_missing", f"{file} cannot be opened: {error}", ["Check its permissions"]) from error


def _lzma_error() -> type[Exception]:
    try:
        from lzma import LZMAError
    except ImportError:
        return OSError
    return LZMAError


class _Members(io.RawIOBase):
    """What a file holds in packed members one after the other, with or without zero bytes between and after them.

    Python's own readers of bzip2 and xz take a member that is damaged at its beginning for the end of the file. Reading raises EOFError for
    one that is cut off, and what the library raises.
    """

    def __init__(self, file: Path, begin: Callable[[], Any]):
        """`begin` makes what unpacks one member."""
        self._source, self._begin = io.FileIO(file), begin
        self._member, self._rest = None, b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._source.close()
        super().close()

    def readinto(self, buffer) -> int:
        while True:
            if self._member is None:
                self._rest = self._rest.lstrip(b"\0")
                while not self._rest:
                    piece = self._source.read(_PIECE)
                    if not piece:
                        return 0
                    self._rest = piece.lstrip(b"\0")
                self._member = self._begin()
            if self._member.needs_input and not self._rest:
                self._rest = self._source.read(_PIECE)
                if not self._rest:
                    raise EOFError("it is cut off")
            found, self._rest = self._member.decompress(self._rest, len(buffer)), b""
            if self._member.eof:
                self._member, self._rest = None, self._member.unused_data
            if found:
                buffer[: len(found)] = found
                return len(found)


class _Transcoded(io.RawIOBase):
    """Bytes of another encoding, read as UTF-8."""

    def __init__(self, source: io.BufferedIOBase, encoding: str, file: Path):
        self._source, self._file, self._encoding = source, file, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._ready and not self._ended:
            piece = self._source.read(_PIECE)
            self._ended = not piece
            try:
                self._ready = self._decoder.decode(piece, final=self._ended).encode()
            except UnicodeError as error:
                raise TrainerError(
                    "data_binary",
                    f"{self._file} declares {self._encoding.upper()} and is not: {getattr(error, 'reason', error)}.",
                    ["Convert it to UTF-8", "Name other data with --data"],
                ) from error
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
