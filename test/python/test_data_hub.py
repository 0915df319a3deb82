"""The competitions' data sets from a Hub over real HTTP: row groups by range, faults survived, dead sources named."""

import gzip
import itertools
import json
import re

import pytest
import torch

from data_support import SmallHub, ask, numbered_texts, write_parquet
from trainer.data import cache as cache_module
from trainer.data import range_file
from trainer.data.account import Account, SkipLimit
from trainer.data.cache import TokenCache
from trainer.data.hub import known_dataset, known_names
from trainer.data.sources import open_source
from trainer.data.split import split
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

FINEWEB = "HuggingFaceFW/fineweb"


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


@pytest.fixture()
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(range_file, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(range_file, "LONGEST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("HF_TOKEN", "hf_only_for_this_test")
    root = tmp_path / "hub"
    for part in range(3):
        write_parquet(root / FINEWEB / f"data/CC-MAIN-{part}/000.parquet", numbered_texts(60, f"part{part} row"), 10)
    (root / FINEWEB / "README.md").write_text("not data")
    hub = SmallHub(root)
    yield hub
    hub.close()


def fetch(tokenizer, cache, hub, name="FINEWEB", **changes):
    return ask(tokenizer, cache, name, offline=False, hub_endpoint=hub.url, held_out_tokens=64, **changes)


def test_every_dataset_of_the_schedule_is_known():
    from pathlib import Path

    periods = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "schedule.json").read_text())["unified"]
    competitions = [competition for period in periods for competition in period["competitions"]]
    repos = {c[key] for c in competitions for key in ("primary_dataset", "additional_dataset") if c.get(key)}
    tasks = {(task["name"], task["dataset"]) for c in competitions for task in c.get("eval_tasks") or [] if task["method"] == "TEXT_LOSS"}
    assert repos and tasks
    for name in repos:
        assert known_dataset(name)["repo"] == name
    for name, alias in tasks:
        assert known_dataset(name) == known_dataset(alias) and known_dataset(name)["name"] == name
    assert len(known_names()) == len(set(known_names())) == 8


def test_row_groups_come_by_range_in_a_seeded_order(hub, tmp_path, tokenizer):
    data = fetch(tokenizer, tmp_path / "cache", hub)
    assert data.epoch_batches is None
    first = torch.cat([data.next_batch() for _ in range(30)])
    again = fetch(tokenizer, tmp_path / "cache", hub)
    assert torch.equal(torch.cat([again.next_batch() for _ in range(30)]), first)
    assert "part" in tokenizer.decode(first[0])
    ranges = [headers for path, headers in hub.requests if path.endswith(".parquet")]
    assert ranges and all({"range", "Range"} & set(headers) for headers in ranges)


def test_resume_continues_in_the_same_row(hub, tmp_path, tokenizer):
    data = fetch(tokenizer, tmp_path / "cache", hub)
    for _ in range(37):
        data.next_batch()
    again = fetch(tokenizer, tmp_path / "other-cache", hub)
    again.load_state_dict(json.loads(json.dumps(data.state_dict())))
    for _ in range(60):
        assert torch.equal(again.next_batch(), data.next_batch())


@pytest.mark.parametrize("fault", [429, 500, 503, "drop", "short"])
def test_faults_change_nothing_but_the_time(hub, tmp_path, tokenizer, fault):
    other = SmallHub(hub.folder)  # one of its own: what it reads ahead must not take the faults
    calm = fetch(tokenizer, tmp_path / "calm", other)
    expected = torch.cat([calm.next_batch() for _ in range(25)])
    told: list[str] = []
    hub.faults[:] = [fault, None, fault, fault, None, None, fault, None] * 4
    stormy = fetch(tokenizer, tmp_path / "stormy", hub, on_progress=told.append)
    assert torch.equal(torch.cat([stormy.next_batch() for _ in range(25)]), expected)
    assert any("attempt" in line for line in told)
    other.close()


@pytest.mark.parametrize(("fault", "word"), [(401, "HF_ACCESS_TOKEN"), (404, "HF_ENDPOINT"), (503, "--resume")])
def test_a_source_that_stays_away_is_named(hub, tmp_path, tokenizer, monkeypatch, fault, word):
    monkeypatch.setattr(range_file, "ATTEMPTS", 3)
    hub.faults[:] = [fault] * 1000
    with pytest.raises(TrainerError) as caught:
        fetch(tokenizer, tmp_path / "cache", hub)
    assert caught.value.code == "data_unreachable"
    assert word in " ".join(caught.value.next_steps) and "hf_only_for_this_test" not in caught.value.message
    assert len(hub.requests) <= 20


def test_it_breaks_off_in_the_middle_of_a_run_with_a_name(hub, tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(range_file, "ATTEMPTS", 2)
    data = fetch(tokenizer, tmp_path / "cache", hub)
    hub.close()
    with pytest.raises(TrainerError) as caught:
        for _ in range(1000):
            data.next_batch()
    assert caught.value.code == "data_unreachable"


def test_what_is_kept_is_bounded(hub, tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(cache_module, "REMOTE_BYTES", 20_000)
    data = fetch(tokenizer, tmp_path / "cache", hub)
    for _ in range(120):
        data.next_batch()
    assert sum(file.stat().st_size for file in tmp_path.rglob("remote/*.safetensors")) <= 40_000


def test_no_matching_file_is_data_missing(hub, tmp_path, tokenizer):
    (hub.folder / "tiiuae/falcon-refinedweb").mkdir(parents=True)
    with pytest.raises(TrainerError) as caught:
        fetch(tokenizer, tmp_path / "cache", hub, "FALCON")
    assert caught.value.code == "data_missing"


def test_texts_kept_apart_from_their_table(hub, tmp_path, tokenizer, monkeypatch):
    """the-stack-v2 names objects; their server must not see the Hub's token."""
    texts = numbered_texts(40, "code")
    ids = [f"{i:040x}" for i in range(40)]
    write_parquet(hub.folder / "bigcode/the-stack-v2-dedup/data/Python/0.parquet", ids, 20, "blob_id", src_encoding=["utf-8"] * 40)
    (hub.folder / "objects").mkdir()
    for identity, text in zip(ids, texts):
        (hub.folder / "objects" / identity).write_bytes(gzip.compress(text.encode()))
    entry = known_dataset("STACK2")
    monkeypatch.setattr("trainer.data.hub.known_dataset", lambda name: {**entry, "content": {**entry["content"], "url": hub.url + "/objects/{blob_id}"}})
    source = open_source("STACK2", tmp_path, offline=False, hub_endpoint=hub.url)
    hub.faults[:] = [None] * 8 + [500, "drop"]
    assert [text for shard in source.groups[0]() for text in shard.read()] == texts
    seen = [headers for path, headers in hub.requests if path.startswith("/objects/")]
    assert len(seen) >= 40 and not any("authorization" in map(str.lower, headers) for headers in seen)


def parts_of(tokenizer, batches) -> list[set[str]]:
    """Which files' text is in each batch."""
    return [set(re.findall(r"part\d+", tokenizer.decode(batch.flatten()))) for batch in batches]


def test_files_are_interleaved_and_held_out_text_comes_from_several(hub, tmp_path, tokenizer):
    root = hub.folder / "HuggingFaceTB/finemath/finemath-3plus"
    for part in range(12):
        write_parquet(root / f"{part:02}.parquet", numbered_texts(200, f"part{part} row"), 20)
    data = ask(tokenizer, tmp_path / "cache", "FINEMATH_3P", offline=False, hub_endpoint=hub.url, held_out_tokens=4096)
    assert len(parts_of(tokenizer, [data.held_out])[0]) == 8 and data.held_out_files >= 8
    assert 0.8 < data.held_out.numel() / 4096 < 2
    seen = parts_of(tokenizer, [torch.cat([data.next_batch() for _ in range(25)]) for _ in range(12)])
    assert sum(map(len, seen)) / len(seen) > 4, seen
    report = data.report()
    assert report["sources"][0]["column"] == "text" and not report["sources"][0]["complete"]
    assert report["sources"][0]["documents"] > 0 and report["held_out"]["parts"] == data.held_out_files


def test_less_held_out_text_is_part_of_more(hub, tmp_path, tokenizer):
    root = hub.folder / "HuggingFaceTB/finemath/finemath-3plus"
    for part in range(9):
        write_parquet(root / f"{part}.parquet", numbered_texts(100, f"part{part} row"), 10)
    cache = TokenCache(tmp_path / "cache", tokenizer, lambda detail: None)
    held_out = []
    for wanted in (64, 500, 4000, 40_000):
        source = open_source("FINEMATH_3P", tmp_path / "cache", offline=False, hub_endpoint=hub.url)
        held_out.append(split(source, "it", cache, Account(SkipLimit()), wanted, 32).held_out)
    assert all(less <= more for less, more in itertools.pairwise(held_out)) and held_out[0] < held_out[2] < held_out[3]


def test_another_column_of_a_data_set_is_read_when_it_is_named(hub, tmp_path, tokenizer):
    write_parquet(hub.folder / "HuggingFaceTB/finemath/finemath-3plus/0.parquet", numbered_texts(90, "body row"), 10, "body", text=["no"] * 90)
    data = ask(tokenizer, tmp_path / "cache", "FINEMATH_3P", offline=False, hub_endpoint=hub.url, held_out_tokens=64, text_column="body")
    assert "body row" in tokenizer.decode(data.next_batch().flatten())
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path / "cache", "FINEMATH_3P", offline=False, hub_endpoint=hub.url, text_column="content")
    assert caught.value.code == "bad_data" and "text (string)" in caught.value.message


def test_an_object_that_is_not_in_its_encoding_is_a_bad_row(hub, tmp_path, monkeypatch):
    write_parquet(hub.folder / "bigcode/the-stack-v2-dedup/data/0.parquet", ["a", "b", "c", "d"], 2, "blob_id", src_encoding=["utf-8", "latin-1", "utf-8", "no such"])
    (hub.folder / "objects").mkdir()
    for identity in "abcd":
        (hub.folder / "objects" / identity).write_bytes(gzip.compress(b"caf\xe9" if identity in "bc" else b"plain"))
    entry = known_dataset("STACK2")
    monkeypatch.setattr("trainer.data.hub.known_dataset", lambda name: {**entry, "content": {**entry["content"], "url": hub.url + "/objects/{blob_id}"}})
    got = [text for shard in open_source("STACK2", tmp_path, offline=False, hub_endpoint=hub.url).groups[0]() for text in shard.read()]
    assert got[:2] == ["plain", "café"] and [row.where.split()[-1] for row in got[2:]] == ["3", "4"]
