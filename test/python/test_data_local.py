"""Text from every kind of local file, and a name for everything that can be wrong with it."""

import gzip
import json
import re
from itertools import islice

import pyarrow
import pytest

from data_support import ask, numbered_texts, write_parquet
from trainer.data.builtin import builtin_documents
from trainer.data.local import local_source
from trainer.data.shards import file_key
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

TEXTS = numbered_texts(60)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


def read(path, **asked) -> list[str]:
    return [text for group in local_source(path, **asked).groups for shard in group() for text in shard.read()]


def test_builtin_text_is_real_varied_and_always_the_same():
    documents = list(builtin_documents())
    text = "\n".join(documents)
    assert len(text) > 250_000 and len(documents) > 150
    assert len(set(re.findall(r"[a-z]+", text.lower()))) > 2_500
    paragraphs = [part for document in documents for part in document.split("\n\n") if len(part) >= 40]
    assert len(set(paragraphs)) == len(paragraphs)
    assert documents[:100] == list(islice(builtin_documents(), 100))


def test_parquet_by_row_group(tmp_path):
    write_parquet(tmp_path / "a.parquet", TEXTS, 25, column="content", url=["u"] * len(TEXTS))
    shards = local_source(tmp_path / "a.parquet", "content").groups[0]()
    assert len(shards) == 3 and len({shard.key for shard in shards}) == 3
    assert read(tmp_path / "a.parquet", column="content") == TEXTS


@pytest.mark.parametrize("pack", [None, "gz", "zst"])
def test_jsonl_plain_and_packed(tmp_path, pack):
    content = "\n".join(json.dumps({"text": text, "id": i}) for i, text in enumerate(TEXTS)).encode()
    file = tmp_path / ("rows.jsonl" + (f".{pack}" if pack else ""))
    file.write_bytes(gzip.compress(content) if pack == "gz" else pyarrow.compress(content, "zstd", asbytes=True) if pack else content)
    assert read(file) == TEXTS


def test_ranges_of_a_long_file_hold_each_line_once(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.local._RANGE", 1000)
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"text": text + "é"}, ensure_ascii=False) for text in TEXTS) + "\n")
    assert len(local_source(file).groups[0]()) > 10
    assert read(file) == [text + "é" for text in TEXTS]


def test_a_folder_of_mixed_files_and_a_long_text(tmp_path):
    write_parquet(tmp_path / "x/a.parquet", TEXTS[:10], 5)
    (tmp_path / "b.txt").write_text("\n\n".join(TEXTS * 5))
    (tmp_path / "c.md").write_text("# short")
    (tmp_path / ".hidden.txt").write_text("never")
    (tmp_path / "model.bin").write_bytes(b"\0\1")
    texts = read(tmp_path)
    assert set(TEXTS[:10]) <= set(texts) and "# short" in texts and "never" not in texts
    pieces = [text for text in texts if text not in TEXTS and text != "# short"]
    assert len(pieces) > 5 and "\n\n".join(pieces).split("\n\n") == TEXTS * 5


def test_the_key_follows_the_content(tmp_path):
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    a.write_text("same")
    b.write_text("same")
    assert file_key(a) == file_key(b)
    b.write_text("other")
    assert file_key(a) != file_key(b)


def make(tmp_path, kind):
    file = tmp_path / "data.txt"
    if kind == "nothing":
        return tmp_path / "no-such-thing"
    if kind == "empty folder":
        return tmp_path
    if kind == "unknown kind":
        file = tmp_path / "weights.bin"
        file.write_bytes(b"x")
    elif kind == "empty":
        file.write_text("")
    elif kind == "blank":
        file.write_text("\n  \n\n")
    elif kind == "short":
        file.write_text("A few words.")
    elif kind == "nul":
        file.write_bytes(b"text\0\0\0" * 100)
    elif kind == "latin":
        file.write_bytes(bytes(range(128, 255)) * 50)
    elif kind == "no json":
        file = tmp_path / "rows.jsonl"
        file.write_text('{"text": "good"}\nnot json\n')
    elif kind == "no text field":
        file = tmp_path / "rows.jsonl"
        file.write_text('{"body": "x"}\n')
    elif kind == "no parquet":
        file = tmp_path / "x.parquet"
        file.write_bytes(b"PAR1 but not really")
    elif kind == "no text column":
        file = write_parquet(tmp_path / "x.parquet", ["a"], 1, column="a", b=["b"])
    elif kind == "broken gzip":
        file = tmp_path / "x.txt.gz"
        file.write_bytes(gzip.compress("\n".join(TEXTS).encode())[:-100])
    elif kind == "broken zstd":
        file = tmp_path / "x.txt.zst"
        file.write_bytes(pyarrow.compress("\n".join(TEXTS).encode(), "zstd", asbytes=True)[:-100])
    return file


@pytest.mark.parametrize(
    ("kind", "code"),
    {
        "nothing": "data_missing",
        "empty folder": "data_missing",
        "unknown kind": "data_missing",
        "empty": "data_empty",
        "blank": "data_empty",
        "short": "data_too_short",
        "nul": "data_binary",
        "latin": "data_binary",
        "no json": "bad_data",
        "no text field": "bad_data",
        "no parquet": "bad_data",
        "no text column": "bad_data",
        "broken gzip": "bad_data",
        "broken zstd": "bad_data",
    }.items(),
)
def test_bad_data_is_named_with_a_next_step(tmp_path, tokenizer, kind, code):
    (tmp_path / "data").mkdir()
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path / "cache", make(tmp_path / "data", kind))
    assert caught.value.code == code, caught.value.message
    assert caught.value.next_steps


def test_a_tokenizer_larger_than_the_embedding_is_refused(tmp_path, tokenizer):
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path, "builtin", vocabulary_size=4095)
    assert caught.value.code == "tokenizer_too_large" and "4,096" in caught.value.message


def test_a_known_data_set_offline_says_so(tmp_path, tokenizer):
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path, "fineweb", offline=True)
    assert caught.value.code == "data_missing" and "--offline" in caught.value.message


@pytest.mark.parametrize("weight", [0, -1, float("nan"), "1", None])
def test_a_bad_weight_is_refused(tmp_path, tokenizer, weight):
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path, {"builtin": weight})
    assert caught.value.code == "bad_data"


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl.gz"])
def test_a_part_that_does_not_fit_into_memory_is_refused_by_name(tmp_path, tokenizer, monkeypatch, name):
    texts = numbered_texts(4000)
    rows = {"a.csv": "text\n" + "\n".join(texts), "a.json": json.dumps([{"text": text} for text in texts])}
    content = rows.get(name, "\n".join(json.dumps({"text": text}) for text in texts)).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    # 1 MB is refused at once, but for what is packed to a fiftieth: that is noticed while it is read.
    monkeypatch.setattr("trainer.data.cache.free_memory", lambda device: 16 * 40_000)
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path / "cache", tmp_path / name)
    assert caught.value.code == "bad_data" and name in caught.value.message and "memory" in caught.value.message
    # The same text in pieces is read with the same memory.
    monkeypatch.setattr("trainer.data.local._RANGE", 1 << 16)
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    assert ask(tokenizer, tmp_path / "cache", tmp_path / "b.jsonl").report()["sources"][0]["documents"] == 4000
