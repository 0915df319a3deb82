"""Nothing of a folder is left out in silence: read, or named with the reason."""

import bz2
import gzip
import json
import lzma
import os

import pyarrow
import pyarrow.parquet
import pytest

from data_support import ask, numbered_texts, write_parquet
from trainer.data.cache import TokenCache
from trainer.data.local import local_source
from trainer.data.pages import sample_pages
from trainer.data.sources import open_source
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

TEXTS = numbered_texts(20)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


def read(path, column=None) -> list:
    return [text for group in local_source(path, column).groups for shard in group() for text in shard.read()]


def unread(path) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in local_source(path).unread)


def rows(texts) -> bytes:
    return "\n".join(json.dumps({"text": text}) for text in texts).encode()


def refusal(path) -> TrainerError:
    with pytest.raises(TrainerError) as caught:
        read(path)
    assert caught.value.next_steps
    return caught.value


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "jl", "json", "JSONL"])
@pytest.mark.parametrize("pack", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_every_ending_plain_and_packed_twice(tmp_path, ending, pack):
    pack_it = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": lambda c: pyarrow.compress(c, "zstd", asbytes=True)}[pack]
    # Two members one after the other are one file, as `cat a.gz b.gz` makes it.
    (tmp_path / f"a.{ending}{pack}").write_bytes(pack_it(rows(TEXTS[:9]) + b"\n") + pack_it(rows(TEXTS[9:])))
    assert read(tmp_path / f"a.{ending}{pack}") == TEXTS


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
def test_a_packed_file_that_was_cut_off_is_refused(tmp_path, pack):
    ending = {gzip: "gz", bz2: "bz2", lzma: "xz"}[pack]
    content = pack.compress(os.urandom(2_000).hex().encode())
    for i, damaged in enumerate((content[:-40], content[:200] + b"\0" * 60 + content[260:], b"no archive at all")):
        (tmp_path / f"{i}.txt.{ending}").write_bytes(damaged)
        assert refusal(tmp_path / f"{i}.txt.{ending}").code == "bad_data"


def test_what_is_not_read_is_named_with_its_reason(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_bytes(rows(TEXTS))
    (tmp_path / "b.jsonl.bz2").write_bytes(bz2.compress(rows(TEXTS)))
    (tmp_path / "c.csv").write_text("text\nrow\n")
    for name in ("part-00000", "d.pdf", "e.jsonl.zip", "f.parquet.gz", "g.jsonl.tar.gz", "h.txt.br", ".hidden.txt", "empty.txt"):
        (tmp_path / name).write_bytes(b"" if name == "empty.txt" else b"something")
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    assert read(tmp_path) == [*TEXTS, *TEXTS, "row"]
    assert set(unread(tmp_path)) == {"part-00000", "d.pdf", "e.jsonl.zip", "f.parquet.gz", "g.jsonl.tar.gz", "h.txt.br", ".hidden.txt", "empty.txt", "pipe.txt"}
    assert unread(tmp_path)["empty.txt"] == "empty" and unread(tmp_path)[".hidden.txt"] == "hidden"
    told = []
    data = ask(tokenizer, tmp_path / "cache.parquet", tmp_path, on_warning=lambda code, message: told.append((code, message)))
    assert [code for code, _ in told] == ["data_unread"] and "part-00000" in told[0][1]
    assert len(data.report()["sources"][0]["unread"]) == 9


@pytest.mark.parametrize("name", ["part-00000", "a.pdf", "a.jsonl.zip", "a.parquet.gz"])
def test_a_file_of_another_kind_that_is_named_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    assert refusal(tmp_path / name).code == "data_missing" and name in refusal(tmp_path / name).message
    assert name in refusal(tmp_path).message


def test_an_empty_folder_and_one_of_empty_files_are_named(tmp_path):
    assert (refusal(tmp_path).code, "is empty" in refusal(tmp_path).message.lower()) == ("data_missing", True)
    (tmp_path / "a.txt").write_text("")
    assert refusal(tmp_path).code == "data_empty" and "a.txt" in refusal(tmp_path).message


def test_linked_folders_and_files_are_read_once(tmp_path):
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "far/deep/a.jsonl").write_bytes(rows(TEXTS))
    (tmp_path / "far/b.txt").write_text("plain")
    here = tmp_path / "here"
    here.mkdir()
    (here / "linked").symlink_to(tmp_path / "far", target_is_directory=True)
    (tmp_path / "far/loop").symlink_to(tmp_path / "far", target_is_directory=True)
    (here / "z.txt").symlink_to(tmp_path / "far/b.txt")
    assert sorted(read(here)) == sorted([*TEXTS, "plain"])
    assert set(unread(here)) == {"linked/loop", "z.txt"}
    (tmp_path / "alone.jsonl").symlink_to(tmp_path / "far/deep/a.jsonl")
    assert read(tmp_path / "alone.jsonl") == TEXTS
    (here / "dead.jsonl").symlink_to(tmp_path / "nowhere")
    assert refusal(here).code == "data_missing" and "dead.jsonl" in refusal(here).message


def test_a_snapshot_of_a_hub_cache_is_read_through_its_links(tmp_path):
    write_parquet(tmp_path / "blobs/abc", TEXTS, 7)
    snapshot = tmp_path / "snapshots/main/data"
    snapshot.mkdir(parents=True)
    (snapshot / "train.parquet").symlink_to("../../../blobs/abc")
    assert read(tmp_path / "snapshots/main") == TEXTS


@pytest.mark.parametrize("data", ["parquet", "jsonl", "csv", "txt"])
def test_a_clone_of_a_data_set_gives_its_data_and_not_its_card(tmp_path, data):
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# SECRETMARK\n")
    (tmp_path / "dataset_infos.json").write_text('{"default": {}}')
    (tmp_path / "LICENSE.txt").write_text("SECRETMARK" if data != "txt" else "kept: plain texts have no other mark")
    (tmp_path / ".gitattributes").write_text("*.parquet filter=lfs")
    (tmp_path / "data").mkdir()
    if data == "parquet":
        write_parquet(tmp_path / "data/train-00000-of-00001.parquet", TEXTS, 7)
    else:
        content = {"jsonl": rows(TEXTS), "csv": "\n".join(["text", *TEXTS]).encode(), "txt": "\n".join(TEXTS).encode()}[data]
        (tmp_path / f"data/train.{data}").write_bytes(content)
    text = "\n".join(read(tmp_path))
    assert "SECRETMARK" not in text and all(line in text for line in TEXTS)
    assert {"README.md", "dataset_infos.json"} <= set(unread(tmp_path))


def test_a_readme_among_plain_texts_is_text(tmp_path):
    (tmp_path / "README.md").write_text("# a chapter")
    (tmp_path / "b.txt").write_text("more")
    assert read(tmp_path) == ["# a chapter", "more"] and not unread(tmp_path)


@pytest.mark.parametrize(
    ("content", "store"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
        ("/annex/objects/SHA256E-s9--00.txt\n", "git-annex"),
        ('# xet version 0\nfilesize = 9\nhash = "00"\n', "git-xet"),
    ],
)
def test_a_pointer_to_data_that_was_never_fetched_is_no_data(tmp_path, content, store):
    for name in ("a.parquet", "a.jsonl", "a.txt"):
        (tmp_path / name).write_text(content)
        assert store in refusal(tmp_path / name).message


def test_tabs_are_told_by_the_ending_alone(tmp_path):
    (tmp_path / "a.tsv.csv").write_text("id,text\n1,a\n")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"id\ttext\n1\tb\n"))
    assert read(tmp_path) == ["a", "b"]


def save_to_disk(folder, texts, split=None, files=2):
    """As `datasets` 4 and 5 write it (the test below holds this to the library where it is installed)."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05}-of-{files:05}.arrow" for i in range(files)]
    for i, name in enumerate(names):
        part = pyarrow.table({"id": list(range(len(texts[i::files]))), "text": texts[i::files]})
        with pyarrow.ipc.new_stream(str(folder / name), part.schema) as out:
            out.write_table(part, max_chunksize=4)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_format_columns": None, "_format_kwargs": {}, "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def test_a_saved_data_set_is_the_files_of_its_state(tmp_path):
    save_to_disk(tmp_path / "d", TEXTS)
    (tmp_path / "d/cache-0123.arrow").write_bytes((tmp_path / "d/data-00000-of-00002.arrow").read_bytes())
    assert sorted(read(tmp_path / "d")) == sorted(TEXTS)
    assert unread(tmp_path / "d") == {"cache-0123.arrow": "no part of the saved data set"}
    assert sorted(read(tmp_path)) == sorted(TEXTS)
    (tmp_path / "d/data-00001-of-00002.arrow").unlink()
    assert "data-00001-of-00002.arrow" in refusal(tmp_path / "d").message


def test_of_a_dataset_dict_train_is_read_and_the_others_are_named(tmp_path):
    save_to_disk(tmp_path / "d/train", TEXTS, "train")
    save_to_disk(tmp_path / "d/test", ["held back " * 9] * 5, "test")
    (tmp_path / "d/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert sorted(read(tmp_path / "d")) == sorted(TEXTS)
    assert "--data" in unread(tmp_path / "d")["test"]
    assert read(tmp_path / "d/test") == ["held back " * 9] * 5
    (tmp_path / "d/dataset_dict.json").write_text('{"splits": ["a", "test"]}')
    assert "a, test" in refusal(tmp_path / "d").message
    for wrong in ('{"splits": ["../train"]}', "[]", "no"):
        (tmp_path / "d/dataset_dict.json").write_text(wrong)
        assert refusal(tmp_path / "d").code == "bad_data"


def test_the_library_datasets_reads_the_same(tmp_path):
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_dict({"text": TEXTS, "n": list(range(len(TEXTS)))})
    whole.save_to_disk(str(tmp_path / "one"), num_shards=3)
    assert read(tmp_path / "one") == datasets.load_from_disk(str(tmp_path / "one"))["text"][:]
    whole.shuffle(seed=1).select(range(12)).save_to_disk(str(tmp_path / "some"))
    assert read(tmp_path / "some") == datasets.load_from_disk(str(tmp_path / "some"))["text"][:]
    datasets.DatasetDict({"train": whole, "test": whole.select(range(3))}).save_to_disk(str(tmp_path / "several"))
    assert read(tmp_path / "several") == TEXTS
    (tmp_path / "p").mkdir()
    whole.to_parquet(str(tmp_path / "p/a.parquet"))
    whole.to_json(str(tmp_path / "j.jsonl"))
    whole.to_csv(str(tmp_path / "c.csv"))
    for name in ("p", "j.jsonl", "c.csv"):
        assert read(tmp_path / name) == TEXTS


def test_models_are_scored_on_the_column_that_is_named_and_bad_rows_are_said(tmp_path, tokenizer):
    lines = [json.dumps({"body": text}) for text in numbered_texts(80)]
    lines[3] = "no json"
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    told = []
    cache = TokenCache(tmp_path / "cache", tokenizer, lambda detail: None)
    source = open_source(str(tmp_path / "a.jsonl"), tmp_path / "cache", True, column="body")
    pages = sample_pages(source, cache, 2, 3, 0, 32, 2048, told.append)
    assert pages and "row 4 is skipped" in "".join(told)
    # Training on the same data holds out just those.
    held_out = ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl", text_column="body", skip_bad_rows=1).held_out
    assert all(tokenizer.decode(page[0][:20]) in tokenizer.decode(held_out.flatten()) for page in pages)
