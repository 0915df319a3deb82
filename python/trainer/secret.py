"""What is secret, kept out of what the trainer and a user's own recipe print and report: the rules of src/secret.ts, held to it by test/secret-vectors.json.

Only what this process was given is known here: its environment.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, TextIO
from urllib.parse import quote

MASK = "***"
_SHORTEST = 6
_NAME = re.compile(r"(TOKEN|KEY|SECRET|PASSWORD)$", re.IGNORECASE)
_PUBLIC = re.compile(r"(HOT|PUB|PUBLIC_?)KEY$", re.IGNORECASE)
_TOKEN = re.compile(r"\b(hf_|api_org_|sk-|ghp_)[A-Za-z0-9_-]{6,}", re.ASCII)


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Every form of every secret of an environment, the longest first; a path is none."""
    values = [value.strip() for name, value in environment.items() if _NAME.search(name) and not _PUBLIC.search(name) and value[:1] not in "~./"]
    # Whatever an encoder of addresses may leave: !'()* beside letters and digits.
    forms = {form for value in values if len(value) >= _SHORTEST for form in (value, quote(value, safe="!'()*"), json.dumps(value, ensure_ascii=False)[1:-1])}
    return sorted(forms, key=len, reverse=True)


def mask(text: str) -> str:
    """`text` without what is secret in this process's environment, and without what looks like an access token."""
    for secret in _known():
        text = text.replace(secret, MASK)
    return _TOKEN.sub(rf"\g<1>{MASK}", text)


@cache
def _known() -> list[str]:
    return secrets_of(os.environ)


def mask_output() -> None:
    """From here on, all that Python code of this process prints is masked."""
    sys.stdout, sys.stderr = _Masked(sys.stdout), _Masked(sys.stderr)


class _Masked:
    """A stream that masks what is written to it."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(mask(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
