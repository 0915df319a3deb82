"""Nothing half-read is trained on: members of packed files, streams one after the other, files that change while a run reads them."""

import bz2
import json
import lzma
import os
import random

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from data_support import ask, numbered_texts
from trainer.data import split
from trainer.data.local import local_source
from trainer.data.shards import BadRow
from trainer.errors import TrainerError
from trainer.files import write_json
from trainer.tokenizer import load_tokenizer

TEXTS = numbered_texts(30)


def rows(texts) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def read(path) -> list:
    return [text for group in local_source(path).groups for shard in group() for text in shard.read()]


@pytest.mark.parametrize("pack", [bz2, lzma])
@pytest.mark.parametrize("between", [b"garbage!", b"\0" * 8, b""])
def test_what_follows_the_first_member_of_a_packed_file_is_read_or_refused(tmp_path, pack, between):
    file = tmp_path / f"a.jsonl.{ {bz2: 'bz2', lzma: 'xz'}[pack] }"
    first, second = pack.compress(rows(TEXTS)), pack.compress(rows(TEXTS[::-1]))
    file.write_bytes(first + between + second + b"\0" * 512)
    if between != b"garbage!":
        assert read(file) == [*TEXTS, *TEXTS[::-1]]
        file.write_bytes(first + between + bytes([second[0] ^ 255]) + second[1:])
    with pytest.raises(TrainerError) as caught:
        read(file)
    assert caught.value.code == "bad_data" and str(file) in caught.value.message


def test_streams_of_arrow_one_after_the_other_are_all_read(tmp_path):
    parts = []
    for texts in (TEXTS, ["other", None], TEXTS[:3]):
        batch = pyarrow.record_batch([pyarrow.array(texts, pyarrow.string())], names=["text"])
        with pyarrow.ipc.new_stream(sink := pyarrow.BufferOutputStream(), batch.schema) as writer:
            writer.write_batch(batch)
        parts.append(sink.getvalue().to_pybytes())
    file = tmp_path / "a.arrow"
    file.write_bytes(b"".join(parts))
    assert read(file) == [*TEXTS, "other", "", *TEXTS[:3]]
    file.write_bytes(parts[0] + b"\0" * 64)
    with pytest.raises(TrainerError, match="cannot be read as Arrow"):
        read(file)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", [pyarrow.string(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), pyarrow.large_binary()])
def test_parts_of_arrow_are_its_rows_in_their_order(tmp_path, monkeypatch, form, seed):
    monkeypatch.setattr("trainer.data.arrow._SHARD_BYTES", 1_000)
    draw, wanted, content = random.Random(seed), [], b""
    options = pyarrow.ipc.IpcWriteOptions(compression=draw.choice([None, "zstd"]), emit_dictionary_deltas=True)
    schema = pyarrow.schema({"n": pyarrow.list_(pyarrow.int64()), "text": form, "x": pyarrow.string()})
    for _ in range(draw.choice([1, 3])):
        with pyarrow.ipc.new_stream(sink := pyarrow.BufferOutputStream(), schema, options=options) as writer:
            for number in range(draw.randint(8, 20)):
                texts = [draw.choice([None, "é", f"{number} {'word ' * draw.randint(0, 30)}"]) for _ in range(draw.randint(0, 30))]
                values = pyarrow.array(texts, form.value_type).dictionary_encode().cast(form) if pyarrow.types.is_dictionary(form) else pyarrow.array(texts, form)
                writer.write_batch(pyarrow.record_batch([pyarrow.array([[1]] * len(texts), schema[0].type), values, pyarrow.array(["x"] * len(texts))], schema=schema))
                wanted += ["" if text is None else text for text in texts]
        content += sink.getvalue().to_pybytes()
    (tmp_path / "a.arrow").write_bytes(content)
    assert read(tmp_path / "a.arrow") == wanted
    assert len(local_source(tmp_path / "a.arrow").groups[0]()) > 1


def test_a_page_of_parquet_that_is_not_what_its_checksum_says_is_refused(tmp_path):
    file = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS}), file, write_page_checksum=True, compression="none", use_dictionary=False)
    assert read(file) == TEXTS
    file.write_bytes(file.read_bytes().replace(b"row 7 word", b"row 8 word", 1))
    with pytest.raises(TrainerError) as caught:
        read(file)
    assert caught.value.code == "bad_data" and str(file) in caught.value.message


def write_rows(file, texts):
    file.write_bytes(rows(texts))


def write_plain(file, texts):
    file.write_text("\n\n".join(texts))


def write_parquet(file, texts):
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), file, row_group_size=40)


def write_arrow(file, texts):
    table = pyarrow.table({"text": texts})
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=40)


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


FORMS = {"a.jsonl": write_rows, "a.txt": write_plain, "a.parquet": write_parquet, "a.arrow": write_arrow}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("change", ["other text", "cut", "removed"])
def test_a_file_that_changes_while_it_is_read_ends_the_run(tmp_path, tokenizer, monkeypatch, name, change):
    for module in ("arrow._SHARD_BYTES", "parquet._SHARD_BYTES", "local._RANGE"):
        monkeypatch.setattr(f"trainer.data.{module}", 4_000)
    monkeypatch.setattr(split, "EAGER_SHARDS", 2)
    file = tmp_path / name
    FORMS[name](file, numbered_texts(800, "old"))
    data = ask(tokenizer, tmp_path / "cache", file)
    data.next_batch()
    if change == "other text":
        FORMS[name](file, numbered_texts(800, "new"))
    else:
        (cut if change == "cut" else os.unlink)(file)
    with pytest.raises(TrainerError) as caught:
        for _ in range(400):
            assert "new" not in tokenizer.decode(data.next_batch().flatten())
    assert caught.value.code == "data_changed" and str(file) in caught.value.message


def test_a_file_that_was_only_touched_is_the_same(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("trainer.data.local._RANGE", 4_000)
    monkeypatch.setattr(split, "EAGER_SHARDS", 2)
    write_rows(tmp_path / "a.jsonl", numbered_texts(200))
    data = ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl")
    os.utime(tmp_path / "a.jsonl", (1, 1))
    for _ in range(40):
        data.next_batch()


def test_a_bad_row_of_a_file_that_changed_is_no_bad_row(tmp_path):
    write_rows(tmp_path / "a.jsonl", TEXTS)
    (shard,) = local_source(tmp_path / "a.jsonl").groups[0]()
    (tmp_path / "a.jsonl").write_text("<html>")
    with pytest.raises(TrainerError, match="changed while it was read"):
        next(row for row in shard.read() if isinstance(row, BadRow))


def test_names_of_files_that_are_not_utf8_are_told(tmp_path):
    (tmp_path / "data").mkdir()
    write_rows(tmp_path / "data" / "a.jsonl", TEXTS)
    with open(os.fsencode(tmp_path / "data") + b"/caf\xe9.bin", "wb") as file:
        file.write(b"x")
    unread = list(local_source(tmp_path / "data").unread)
    write_json(tmp_path / "data.json", {"unread": unread})
    assert len(unread) == 1 and json.loads((tmp_path / "data.json").read_text()) == {"unread": unread}


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")
