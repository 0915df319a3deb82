"""A file of the Hub that is read by byte ranges, so that a row group costs its own bytes and not the whole file's."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session, hf_raise_for_status

from ..errors import TrainerError

T = TypeVar("T")
# Together about five minutes of a source that is away, before a run gives up on it.
ATTEMPTS = 12
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
_TIMEOUT_SECONDS = 30.0
_FINAL_STATUS = {400, 401, 403, 404, 410, 451}


class RangeFile(io.RawIOBase):
    """Read-only and seekable; each read is one request, which `again` (patiently) repeats after a failure or a short answer."""

    def __init__(self, url: str, size: int, headers: dict[str, str], again: Callable[[Callable[[], bytes]], bytes]):
        self._url, self._size, self._headers, self._again = url, size, headers, again
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        content = self._again(lambda: self._fetch(end))
        buffer[: len(content)] = content
        self._at = end
        return len(content)

    def _fetch(self, end: int) -> bytes:
        content = get_bytes(self._url, {**self._headers, "range": f"bytes={self._at}-{end - 1}"})
        if len(content) != end - self._at:
            raise OSError(f"{len(content)} bytes came instead of {end - self._at}")
        return content


def get_bytes(url: str, headers: dict[str, str]) -> bytes:
    """One GET, redirects followed; every failure is an exception of the Hub's client or of its HTTP library."""
    response = get_session().get(url, headers=headers, timeout=_TIMEOUT_SECONDS, follow_redirects=True)
    hf_raise_for_status(response)
    return response.content


def patiently(work: Callable[[], T], what: str, on_progress: Callable[[str], None]) -> T:
    """Does `work`, again after a growing wait when the connection or the server fails, as long as a server asks for.

    Raises TrainerError `data_unreachable` when it will not work or did not in ATTEMPTS attempts; TrainerErrors pass.
    """
    wait = FIRST_WAIT_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except TrainerError:
            raise
        except Exception as error:  # HTTP libraries, pyarrow and sockets each have classes of their own
            status = _status(error)
            if status in _FINAL_STATUS or attempt == ATTEMPTS:
                raise _unreachable(what, error, status) from error
            pause = min(LONGEST_WAIT_SECONDS, max(_asked_for(error), wait * random.uniform(0.5, 1.5)))
            on_progress(f"{what}: {type(error).__name__}; attempt {attempt + 1} of {ATTEMPTS} in {pause:.0f} s")
            time.sleep(pause)
            wait *= 2
    raise AssertionError("unreachable")


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None) if isinstance(error, HfHubHTTPError) or response is not None else None


def _asked_for(error: Exception) -> float:
    headers = getattr(getattr(error, "response", None), "headers", {}) or {}
    try:
        return float(headers.get("retry-after", 0))
    except ValueError:
        return 0.0


def _unreachable(what: str, error: Exception, status: int | None) -> TrainerError:
    if status in (401, 403):
        why, step = f"access is refused ({status})", "Accept the data set's terms on its page and set HF_ACCESS_TOKEN"
    elif status is not None:
        why, step = f"the server answers {status}", "Check the name and HF_ENDPOINT"
    else:
        why, step = f"{type(error).__name__}: {str(error)[:200]}", "Check the connection: pt doctor"
    return TrainerError("data_unreachable", f"{what}: {why}.", [step, "pt train --resume   # later, from the last checkpoint", "--data PATH"])
