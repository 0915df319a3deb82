"""Any text file as a stream of UTF-8 bytes: unpacked, without byte order mark, UTF-16 and UTF-32 turned into UTF-8 where a mark declares them.

Nothing is guessed: what is not valid in the encoding that it declares (UTF-8 where it declares none) is refused.
"""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import TrainerError

PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
# UTF-32's mark begins with UTF-16's.
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONGEST_MARK = 4
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
        # Python's own take several members one after the other, and know a file that was cut off.
        if codec == "gzip":
            import gzip as library
        elif codec == "bzip2":
            import bz2 as library
        else:
            import lzma as library
        return io.BufferedReader(library.open(file, "rb"), _PIECE)
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
