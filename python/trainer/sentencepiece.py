"""A sentencepiece `tokenizer.model` as a `tokenizers` tokenizer that gives the same tokens, or a refusal that says why it would not.

Its file is read here (protocol buffers: https://protobuf.dev/programming-guides/encoding/; fields: google/sentencepiece, sentencepiece_model.proto), because
what transformers 5.23 makes of one splits most texts otherwise than sentencepiece does (seen on ten models; docs/data.md).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

_SPACE = "\u2581"
_UNIGRAM, _BPE = 1, 2
_NORMAL, _UNKNOWN, _CONTROL, _USER, _UNUSED, _BYTE = range(1, 7)


class NotTheSame(ValueError):
    """Why this file's tokens cannot be had exactly, or why it is no such file."""


@dataclass(frozen=True)
class Piece:
    text: str
    score: float
    kind: int


@dataclass(frozen=True)
class SentencePiece:
    pieces: list[Piece]
    trainer: dict[int, bytes | int]
    normalizer: dict[int, bytes | int]

    def piece(self, field: int, default: int) -> str | None:
        """The special piece whose id stands in that field of the trainer's part; None: there is none."""
        at = int(self.trainer.get(field, default))
        return self.pieces[at].text if at < len(self.pieces) else None  # -1 is 2^64 - 1 here

    @property
    def eos(self) -> str | None:
        return self.piece(42, 2)

    @property
    def bos(self) -> str | None:
        return self.piece(41, 1)


def read_sentencepiece(file: Path) -> SentencePiece:
    """Raises NotTheSame for a file that is none."""
    try:
        pieces, trainer, normalizer = [], {}, {}
        for field, value in _fields(file.read_bytes()):
            if field == 1:
                found = dict(_fields(_bytes(value)))
                pieces.append(Piece(_bytes(found[1]).decode(), struct.unpack("<f", _bytes(found.get(2, b"\0\0\0\0")))[0], int(found.get(3, _NORMAL))))
            elif field in (2, 3):
                (trainer if field == 2 else normalizer).update(_fields(_bytes(value)))
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise NotTheSame("it is no sentencepiece model, or it is cut off") from error
    if not pieces or not trainer:
        raise NotTheSame("it is no sentencepiece model")
    return SentencePiece(pieces, trainer, normalizer)


def convert(model: SentencePiece) -> Tokenizer:
    """Raises NotTheSame where sentencepiece does what `tokenizers` cannot."""
    kind = int(model.trainer.get(3, _UNIGRAM))
    prefix, strip = bool(model.normalizer.get(3, 1)), bool(model.normalizer.get(4, 1))
    charsmap = _bytes(model.normalizer.get(2, b""))
    users = [piece.text for piece in model.pieces if piece.kind == _USER]
    unknown = [at for at, piece in enumerate(model.pieces) if piece.kind == _UNKNOWN]
    if kind != _BPE:
        # Unigram breaks ties between equally likely cuts in another order than `tokenizers`: 2 texts in 1,000 differed.
        raise NotTheSame("it is a unigram, character or word model, not BPE")
    if charsmap:
        raise NotTheSame("it rewrites characters (normalization other than identity)")
    if model.trainer.get(24) or not model.normalizer.get(5, 1):
        raise NotTheSame("it keeps white space in another way than before the word")
    if users and (prefix or strip or any(_SPACE in text or " " in text for text in users)):
        raise NotTheSame("it has user-defined symbols and changes white space, or has white space in them")
    if any(piece.kind == _UNUSED for piece in model.pieces):
        raise NotTheSame("it has unused pieces")
    if len(unknown) != 1 or len({piece.text for piece in model.pieces}) != len(model.pieces):
        raise NotTheSame("it has a piece twice, or not one for what is unknown")
    vocabulary = {piece.text: at for at, piece in enumerate(model.pieces)}
    unk = model.pieces[unknown[0]].text
    backend = Tokenizer(models.BPE(vocabulary, _merges(model.pieces), unk_token=unk, fuse_unk=True, byte_fallback=bool(model.trainer.get(35))))
    steps: list[normalizers.Normalizer] = []
    if strip:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex(r"\A | \z"), "")]
    if prefix:
        steps.append(normalizers.Prepend(_SPACE))
    backend.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", _SPACE)])
    texts = [piece.text for piece in model.pieces if piece.kind == _NORMAL]
    if _SPACE in texts and not any(_SPACE in text.lstrip(_SPACE) for text in texts):
        # No piece reaches over the beginning of a word, so words go through one by one, and those seen before are remembered.
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(f"{_SPACE}+[^{_SPACE}]*|[^{_SPACE}]+"), "isolated")
    ends = [decoders.Strip(" ", 1, 0)] if prefix else []
    backend.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *ends])
    backend.add_tokens([AddedToken(text, normalized=False) for text in users])
    return backend


def _merges(pieces: list[Piece]) -> list[tuple[str, str]]:
    """Every pair of pieces that makes a third, the best third first."""
    known = {piece.text for piece in pieces if piece.kind == _NORMAL}
    order = sorted((piece for piece in pieces if piece.kind == _NORMAL), key=lambda piece: -piece.score)
    return [
        (piece.text[:at], piece.text[at:])
        for piece in order
        for at in range(1, len(piece.text))
        if piece.text[:at] in known and piece.text[at:] in known
    ]


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """(number, value) of each field of a message: bytes, or a whole number where it is one. Raises IndexError, ValueError."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, form = tag >> 3, tag & 7
        if form == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if form == 2:
            size, at = _varint(message, at)
        elif form in (1, 5):
            size = 8 if form == 1 else 4
        else:
            raise ValueError("no field")
        if at + size > len(message):
            raise ValueError("cut off")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes should be")
    return value
