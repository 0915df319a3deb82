"""The competitions' data sets from a Hub over real HTTP: row groups by range, faults survived, dead sources named."""

import gzip
import json

import pytest
import torch

from data_support import SmallHub, ask, numbered_texts, write_parquet
from trainer.data import cache as cache_module
from trainer.data import range_file
from trainer.data.hub import known_dataset, known_names
from trainer.data.sources import open_source
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
