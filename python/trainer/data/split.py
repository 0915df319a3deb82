"""What of a source is read before the first step, and which of its documents training never sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..errors import TrainerError
from .account import Account
from .cache import ShardTokens, TokenCache
from .held_out import choose_held_out
from .packing import pack
from .shards import CUT, BadRow, Shard, Source
from .text import DOCUMENT_CHARACTERS, cut_document

# Up to so many shards everything is tokenized before the first step, and the length of an epoch is exact.
EAGER_SHARDS = 64
# Of a larger source so many files at least, and a part of each one's text, are held out from.
_SPREAD = 8
_SHARE_OF_SHARD = 0.2
# The same documents are held out for every seed of training.
_HELD_OUT_SEED = 20_240


@dataclass(frozen=True)
class Split:
    source: Source
    """As it is to be read: its long documents are cut where none could be held out otherwise."""
    scanned: list[ShardTokens]
    part: float
    """Of the source, that was scanned; 0 if its size is not known."""
    held_out: set[int]
    """Hashes of documents."""
    files: int
    """Shards that the held-out documents come from."""

    def sequences(self, length: int) -> np.ndarray:
        """uint32 [n, length]: the held-out documents, packed in order of their hashes."""
        documents = self.documents()
        return pack([documents[key] for key in sorted(documents)], length)

    def documents(self) -> dict[int, np.ndarray]:
        """The held-out documents' tokens by hash."""
        found = {}
        for shard in self.scanned:
            for text_hash, document in zip(shard.hashes.tolist(), shard.documents()):
                if text_hash in self.held_out:
                    found[text_hash] = document
        return found


def split(source: Source, name: str, cache: TokenCache, account: Account, wanted: int, length: int) -> Split:
    """Holds out about `wanted` tokens of whole documents, at least one sequence of `length`; none if nothing can be spared.

    What is held out for a smaller `wanted` is part of what is held out for a larger one. Raises TrainerError `data_empty`.
    """
    found = _split(source, cache, account, wanted, length)
    if not any(shard.characters.any() for shard in found.scanned):
        skipped = account.total().skipped
        raise TrainerError("data_empty", f"{name} holds no text{f': {skipped:,} rows were skipped' if skipped else ''}.", ["Name other data with --data"])
    if not found.held_out:
        again = _split(cut_source(source), cache, account, wanted, length)
        return again if again.held_out else found
    return found


def cut_source(source: Source) -> Source:
    """The source with its documents cut into pieces as plain text is."""
    return replace(source, key=CUT + source.key, groups=[partial(_cut_shards, group) for group in source.groups])


def _split(source: Source, cache: TokenCache, account: Account, wanted: int, length: int) -> Split:
    shards = source.groups[0]() if source.complete and len(source.groups) == 1 else None
    if shards is not None and len(shards) <= EAGER_SHARDS:
        scanned = [cache.get(shard, account) for shard in shards]
        held_out = choose_held_out(scanned, wanted, length)
        return Split(source, scanned, 1.0, held_out, _giving(scanned, held_out))
    scanned, held_out, tokens, seen = [], set(), 0, 0
    for seen, shard in enumerate(_spread(source, shards), 1):
        scanned.append(cache.get(shard, account))
        held_out |= choose_held_out(scanned[-1:], -(-wanted // _SPREAD), 1, _SHARE_OF_SHARD)
        tokens = sum(int(np.diff(part.ends, prepend=0)[np.isin(part.hashes, list(held_out))].sum()) for part in scanned)
        if (seen >= _SPREAD and tokens >= max(wanted, length)) or seen >= EAGER_SHARDS:
            break
    part = seen / len(shards) if shards is not None else 0.0
    return Split(source, scanned, part, held_out if tokens >= length else set(), _giving(scanned, held_out))


def _spread(source: Source, shards: list[Shard] | None) -> Iterator[Shard]:
    """Shards from everywhere, in an order that is always the same; of a source of several files one of each of a few, and again."""
    random = np.random.default_rng(_HELD_OUT_SEED)
    if shards is not None:
        yield from (shards[i] for i in random.permutation(len(shards)))
        return
    groups = random.permutation(len(source.groups))
    for first in range(0, len(groups), _SPREAD):
        opened = []
        for i in groups[first : first + _SPREAD]:
            group = source.groups[i]()
            opened.append([group[j] for j in random.permutation(len(group))])
            if opened[-1]:
                yield opened[-1].pop()
        while any(opened):
            yield from (group.pop() for group in opened if group)


def _giving(scanned: list[ShardTokens], held_out: set[int]) -> int:
    chosen = np.array(sorted(held_out), np.uint64)
    return sum(bool(np.isin(shard.hashes, chosen).any()) for shard in scanned)


def _cut_shards(group) -> list[Shard]:
    return [replace(shard, key=CUT + shard.key, read=partial(_cut, shard.read)) for shard in group()]


def _cut(read) -> Iterator[str | BadRow]:
    for given in read():
        if isinstance(given, BadRow):
            yield given
        else:
            yield from cut_document(given, DOCUMENT_CHARACTERS)
