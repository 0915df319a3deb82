"""Real English text that every CPython carries: `--data builtin` needs no download and no network.

Documents are the topics of `help()` (the language reference, about 465 kB) and the docstrings of the standard library, one
document a module, read as text and never imported. The text depends only on the Python version.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Raise it when the choice of text below changes: caches of tokens are keyed by it.
BUILTIN_VERSION = 2
# At the top of a file after its comments, or right after a line that opens a block. A parser would find the same ten times slower.
_DOCSTRING = re.compile(r'(?:\A(?:[ \t]*(?:#[^\n]*)?\n)*|:[ \t]*\n)\s*[rR]?"""(.*?)"""', re.DOTALL)
_SHORTEST_DOCSTRING = 60
_SHORTEST_DOCUMENT = 200
_SKIPPED_FOLDERS = {"test", "tests", "idle_test", "site-packages", "__pycache__"}


def builtin_key() -> str:
    """Names the text: equal keys mean equal documents in equal order."""
    return f"builtin-{BUILTIN_VERSION}-{platform.python_implementation()}-{platform.python_version()}"


def builtin_documents() -> Iterator[str]:
    """Every document, longest-lived source first, each text once, in an order that depends only on the Python version."""
    seen: set[bytes] = set()
    for text in (*_topics(), *_standard_library()):
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        if len(text) >= _SHORTEST_DOCUMENT and digest not in seen:
            seen.add(digest)
            yield text


def _topics() -> Iterator[str]:
    from pydoc_data.topics import topics

    for name in sorted(topics):
        yield topics[name].strip()


def _standard_library() -> Iterator[str]:
    root = Path(os.__file__).parent
    seen: set[str] = set()
    for name in sorted(sys.stdlib_module_names):
        for file in _module_files(root, name):
            docstrings = [text for text in _docstrings(file) if text not in seen]
            seen.update(docstrings)
            if docstrings:
                yield "\n\n".join(docstrings)


def _module_files(root: Path, name: str) -> list[Path]:
    single = root / f"{name}.py"
    if single.is_file():
        return [single]
    return sorted(file for file in (root / name).rglob("*.py") if not _SKIPPED_FOLDERS.intersection(file.parts[len(root.parts) :]))


def _docstrings(file: Path) -> Iterator[str]:
    try:
        source = file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):  # a few modules are in other encodings on purpose
        return
    for found in _DOCSTRING.finditer(source):
        text = inspect.cleandoc(found[1])
        if len(text) >= _SHORTEST_DOCSTRING:
            yield text
