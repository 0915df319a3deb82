"""Real English text that every CPython carries: `--data builtin` needs no download and no network.

It is the topics of `help()`: the language reference, about 375 kB of prose once repeated paragraphs are dropped. A document is a
few paragraphs of one topic, so that the held-out ones are of the same kind as the rest. The text depends only on the Python version.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

# Raise it when the choice of text below changes: caches of tokens are keyed by it.
BUILTIN_VERSION = 3
_DOCUMENT_CHARACTERS = 1500
_SHORTEST_DOCUMENT = 200
# Shorter paragraphs (headings, single lines of grammar) may repeat.
_SHORTEST_UNIQUE = 40


def builtin_key() -> str:
    """Names the text: equal keys mean equal documents in equal order."""
    return f"builtin-{BUILTIN_VERSION}-{platform.python_implementation()}-{platform.python_version()}"


def builtin_documents() -> Iterator[str]:
    """Every document, in an order that depends only on the Python version. No paragraph stands in two of them: topics repeat each
    other, and what is held out must not be met in training."""
    from pydoc_data.topics import topics

    seen: set[str] = set()
    for name in sorted(topics):
        document: list[str] = []
        for paragraph in topics[name].strip().split("\n\n"):
            if len(paragraph) >= _SHORTEST_UNIQUE:
                if paragraph in seen:
                    continue
                seen.add(paragraph)
            document.append(paragraph)
            if sum(map(len, document)) >= _DOCUMENT_CHARACTERS:
                yield "\n\n".join(document)
                document = []
        rest = "\n\n".join(document)
        if len(rest) >= _SHORTEST_DOCUMENT:
            yield rest
