"""Runs on data of every kind: what was read is told and kept, what is wrong ends before the first step, and a killed run goes on in the same order."""

import contextlib
import json
import os
import signal

import pytest
import torch
from transformers import LlamaConfig

from data_support import SmallHub, numbered_texts, write_parquet
from trainer.config import RunConfig, parse
from trainer.data import of_run
from trainer.events import Events
from trainer.machine.distributed import World
from trainer.tokenizer import load_tokenizer
from trainer_support import events, finish, metrics, start, wait_for, write_run


def kept(run_dir) -> dict:
    return json.loads((run_dir / "data.json").read_text())


def test_what_was_read_is_told_and_kept(place, tmp_path):
    rows = [json.dumps({"body": text}) for text in numbered_texts(200)]
    rows[7] = "no json"
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    run_dir = write_run(tmp_path / "run", tmp_path / "a.jsonl", max_steps=2, text_column="body", skip_bad_rows=1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    (told,) = events(run_dir, "data")
    assert told["sources"] == kept(run_dir)["sources"] and told["held_out"] == kept(run_dir)["held_out"]
    source = told["sources"][0]
    assert (source["path"], source["column"], source["documents"], source["skipped"]) == (str(tmp_path / "a.jsonl"), "body", 199, 1)
    assert source["characters"] == sum(map(len, numbered_texts(200))) - len(numbered_texts(200)[7])
    assert "row 8" in events(run_dir, "warning")[0]["message"]
    assert 0 < told["held_out"]["resolution"] < 1


def test_a_new_run_on_a_gpu_holds_out_what_the_epsilon_needs(tmp_path, monkeypatch):
    """Of the device only the name is looked at."""
    write_parquet(tmp_path / "a.parquet", [f"{text} {'x' * (i % 7) ** 3}" for i, text in enumerate(numbered_texts(6_000))], 500)
    monkeypatch.setattr(of_run, "_MANY_HELD_OUT", 2_000)
    monkeypatch.setattr(of_run, "_MOST_HELD_OUT", 20_000)
    monkeypatch.setenv("PT_HOME", str(tmp_path / "home"))

    def opened(epsilon: float, device: str = "cuda", **request):
        run_dir = tmp_path / "run"
        rule = {"epsilon": {"start_epsilon": 0.5, "end_epsilon": epsilon}}
        raw = {"run_dir": str(run_dir), "recipe": {"eval_sequences": None}, "data": [{"name": str(tmp_path / "a.parquet")}], "competition": rule}
        config = parse(RunConfig, {**raw, **request}, "a test")
        run_dir.mkdir(exist_ok=True)
        world = World(0, 1, torch.device(device), None, None, False)
        with contextlib.closing(Events(None)) as nobody:
            of_run.open_text(config, world, nobody, load_tokenizer("builtin"), LlamaConfig(vocab_size=4096), 4, None)
        return kept(run_dir)["held_out"]

    few = opened(0.5)
    assert few["wanted"] == 2_000 and few["epsilon"] == 0.5
    assert few["needed"] == pytest.approx(few["tokens"] * (few["resolution"] / 0.5) ** 2, abs=1)
    finer = few["resolution"] / 2
    more = opened(finer)
    assert 2_000 < more["wanted"] == pytest.approx(4 * few["tokens"], abs=1) and more["tokens"] > few["tokens"]
    assert more["resolution"] < 0.75 * few["resolution"]
    assert opened(finer, resume=True)["wanted"] == more["wanted"]
    assert opened(1e-6)["wanted"] == 20_000
    assert opened(1e-6, device="cpu")["wanted"] == 65_536
    assert opened(1e-6, competition=None)["needed"] is None


@pytest.mark.parametrize("wrong", ["row", "column", "encoding", "pretokenised", "empty", "truncated"])
def test_data_that_is_wrong_ends_before_the_first_step(place, tmp_path, wrong):
    name = "a.parquet" if wrong in ("pretokenised", "truncated") else "a.txt" if wrong == "encoding" else "a.jsonl"
    path = tmp_path / "d" / name
    path.parent.mkdir()
    if wrong in ("pretokenised", "truncated"):
        write_parquet(path, numbered_texts(9), 5, "text" if wrong == "truncated" else "id", input_ids=[[1, 2]] * 9)
        if wrong == "truncated":
            path.write_bytes(path.read_bytes()[:-30])
    else:
        content = {"row": b'{"text": "a"}\n{', "column": b'{"body": "a"}', "encoding": "été".encode("latin-1"), "empty": b""}
        path.write_bytes(content[wrong] * 9)
    run_dir = write_run(tmp_path / "run", path.parent)
    assert finish(start(run_dir, place)) == [7]
    (error,) = events(run_dir, "error")
    assert error["code"] in ("bad_data", "data_binary", "data_empty") and str(path.parent) in error["message"]
    assert error["next_steps"] and not any("--resume" in step for step in error["next_steps"])
    assert not events(run_dir, "step") and not events(run_dir, "start") and not (run_dir / "checkpoints").exists()


def test_a_killed_run_goes_on_through_the_files_in_the_same_order(place, tmp_path, text):
    for part in range(20):
        write_parquet(tmp_path / f"hub/HuggingFaceFW/fineweb/data/{part:02}/000.parquet", numbered_texts(40, f"part {part} row"), 8)
    hub = SmallHub(tmp_path / "hub")
    request = {"data": [{"name": "FINEWEB", "weight": 1.0}], "offline": False, "hub_endpoint": hub.url, "max_steps": 40}
    recipe = {"steps_per_epoch": None, "checkpoint_every_steps": 5}
    whole = write_run(tmp_path / "whole", text, recipe, **request)
    killed = write_run(tmp_path / "killed", text, recipe, **request)
    first = start(whole, tmp_path / "home"), start(killed, tmp_path / "other-home")
    wait_for(lambda: any((killed / "checkpoints").glob("step-*/files.json")) and len(metrics(killed)) > 11)
    os.kill(first[1].pid, signal.SIGKILL)
    assert finish(*first)[0] == 0
    report = kept(killed)
    assert finish(start(write_run(killed, text, recipe, **request, resume=True), tmp_path / "third-home")) == [0], (killed / "trainer.log").read_text()
    assert metrics(killed) == metrics(whole)
    assert kept(killed)["held_out"] == report["held_out"] == kept(whole)["held_out"]
    assert [len(events(whole, "data")), kept(whole)["sources"][0]["complete"]] == [2, False]
    hub.close()


def test_a_run_that_goes_on_holds_out_what_it_held_out(place, text, tmp_path):
    run_dir = write_run(tmp_path / "run", text, max_steps=4)
    assert finish(start(run_dir, place)) == [0]
    report = kept(run_dir)
    report["held_out"]["wanted"] = 2_000  # as if it had begun where the default is another
    (run_dir / "data.json").write_text(json.dumps(report))
    write_run(run_dir, text, max_steps=6, resume=True)
    assert finish(start(run_dir, place)) == [7]
    assert events(run_dir, "error")[0]["code"] == "data_changed"
