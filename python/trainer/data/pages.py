"""The documents that models are compared on: pages of consecutive rows, drawn by a seed that everybody can know."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from ..errors import TrainerError
from .account import Account, SkipLimit
from .cache import TokenCache
from .shards import Source
from .split import split

_TRIES_A_PAGE = 20

Document = np.ndarray
"""uint32 tokens, EOS last."""


def sample_pages(
    source: Source,
    cache: TokenCache,
    pages: int,
    rows: int,
    seed: int | list[int],
    sequence_length: int,
    held_out_tokens: int,
    on_progress: Callable[[str], None],
    whole: bool = False,
) -> list[list[Document]]:
    """At most `pages` pages of at most `rows` documents, the same for the same seed whatever models are scored.

    Local data gives only documents that `open_data` holds out from training (`whole`: all, of text that nothing is trained on), each once, so a
    small source gives fewer pages; a data set of the Hub gives rows from anywhere, as validators draw them. Raises TrainerError `data_too_short`, and what reading raises.
    """
    random = np.random.default_rng(seed)
    # A row without text is scored for no model: it is said and passed over.
    account = Account(SkipLimit(sys.maxsize, on_progress))
    if source.complete:
        documents = _all_documents(source, cache, account) if whole else split(source, "The data", cache, account, held_out_tokens, sequence_length).documents()
        return _pages_of(documents, pages, rows, random, sequence_length)
    found: dict[tuple[int, int, int], list[Document]] = {}
    for _ in range(pages * _TRIES_A_PAGE):
        if len(found) == pages:
            break
        on_progress(f"page {len(found) + 1} of {pages}")
        file = int(random.integers(len(source.groups)))
        shards = source.groups[file]()
        group = int(random.integers(len(shards)))
        documents = cache.get(shards[group], account).documents()
        # Pages begin at multiples of their size from a common offset, as the reference's do: none overlaps another.
        page = int(random.integers(max(1, len(documents) // rows)))
        found.setdefault((file, group, page), documents[page * rows : (page + 1) * rows])
    return list(found.values())


def _all_documents(source: Source, cache: TokenCache, account: Account) -> dict[int, Document]:
    """By hash of their text: one that stands there twice counts once."""
    found = {}
    for group in source.groups:
        for shard in group():
            tokens = cache.get(shard, account)
            found.update(zip(tokens.hashes.tolist(), tokens.documents()))
    return found


def _pages_of(documents: dict[int, Document], pages: int, rows: int, random: np.random.Generator, length: int) -> list[list[Document]]:
    if not documents:
        raise TrainerError(
            "data_too_short",
            f"The data holds too little to score on: not one held-out sequence of {length} tokens.",
            ["Name more text with --data", "Use a shorter --sl"],
        )
    keys = sorted(documents)
    order = [keys[i] for i in random.permutation(len(keys))]
    return [[documents[key] for key in order[i : i + rows]] for i in range(0, min(len(order), pages * rows), rows)]
