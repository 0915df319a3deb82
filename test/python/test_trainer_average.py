"""Averaged weights of a run without an end: what they are, that they change nothing else, and that no kill changes a bit of them."""

import json
import os
import random
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from trainer.optim.average import Average
from trainer_support import events, finish, metrics, start, start_ranks, wait_for, write_run

# Rates so high that the weights run to and fro, and their average is the better one.
FAST = {"lr": 0.015, "muon_lr": 0.1, "embedding_lr": 0.05}
OPEN = {"steps_per_epoch": None, "schedule": {"name": "constant", "warmup_steps": 2}, "eval_every_steps": 4, "optimizer": FAST}
STEPS = 24


def test_it_is_the_weighted_mean_of_the_weights_that_it_took_in():
    model = nn.Linear(3, 2)
    average, seen = Average(model, window=0.1), []
    for step in range(1, 301):
        with torch.no_grad():
            model.weight.normal_()
        average.update(step)
        if average.step == step:
            seen.append((step, model.weight.detach().double().clone()))
    # Weights of the profile step^9 over what was seen: the mean age is then about a tenth of the run.
    ages, total, mean, before = 0.0, 0.0, torch.zeros(2, 3, dtype=torch.double), 0
    for step, weight in seen:
        part = float(step**9 - before**9)
        total, mean, ages, before = total + part, mean + part * weight, ages + part * (300 - step), step
    torch.testing.assert_close(average.state()["weight"].double(), mean / total, rtol=1e-4, atol=1e-5)
    assert 0.09 < ages / total / 300 < 0.11
    assert len(seen) < 64 + 64 + 64 + 64


def test_in_place_gives_the_weights_back_to_the_bit():
    model = nn.Linear(5, 4).to(torch.bfloat16)
    average = Average(model, window=0.2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model.weight.add_(1)
    changed = model.weight.detach().clone()
    with pytest.raises(ZeroDivisionError), average.in_place():
        assert torch.equal(model.weight, before["weight"])
        raise ZeroDivisionError
    assert torch.equal(model.weight, changed)


def until(run_dir, process, step):
    """Waits for the checkpoint of that step and asks the run to stop; it has no end of its own."""
    wait_for(lambda: any(event["step"] >= step for event in events(run_dir, "checkpoint")) or not process.is_alive(), 90)


def open_run(place, text, name, recipe=None):
    return write_run(place / name, text, {**OPEN, **(recipe or {})}, epochs=-1)


@pytest.fixture(scope="module")
def whole(place, text):
    """A run without an end, stopped by a signal."""
    run_dir = open_run(place, text, "open")
    process = start(run_dir, place)
    until(run_dir, process, STEPS)
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == [130], (run_dir / "trainer.log").read_text()
    return run_dir


def losses(run_dir, end=STEPS):
    return [line for line in metrics(run_dir) if line["step"] <= end]


def test_both_are_scored_and_the_better_is_kept(whole):
    assert events(whole, "start")[0]["end"] == "when it is stopped; its rate never decays, so averaged weights are kept"
    scored = [line for line in metrics(whole) if "eval_loss" in line]
    assert scored and all(line["averaged_loss"] != line["eval_loss"] for line in scored if line["step"] > 4)
    best = json.loads((whole / "best.json").read_text())
    lowest = min(scored, key=lambda line: min(line["eval_loss"], line["averaged_loss"]))
    assert best["eval_loss"] == min(lowest["eval_loss"], lowest["averaged_loss"]) and best["step"] == lowest["step"]
    assert best["weights"] == "averaged" and lowest["averaged_loss"] < lowest["eval_loss"]
    assert any(line["eval_loss"] < line["averaged_loss"] for line in scored), "and once it was not: each is chosen when it is the better"
    assert events(whole, "best")[-1]["weights"] == best["weights"]


def test_what_is_saved_scores_what_is_said(whole, place, text):
    """best/ is loaded again as a given model: its first evaluation, before any step, is of what was saved."""
    best = json.loads((whole / "best.json").read_text())
    run_dir = write_run(place / "again", text, max_steps=1, source={"kind": "model_dir", "path": str(whole / "best"), "config": None}, sequence_length=32)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    first = metrics(run_dir)[0]
    assert first["step"] == 0 and first["eval_loss"] == pytest.approx(best["eval_loss"], abs=1e-6)


def test_raw_losses_are_those_of_a_run_that_averages_nothing(whole, place, text):
    plain = write_run(place / "plain", text, {**OPEN, "average_window": 0.0}, epochs=-1, max_steps=STEPS)
    assert finish(start(plain, place)) == [0]
    without = [{key: value for key, value in line.items() if key != "averaged_loss"} for line in losses(whole)]
    assert without == losses(plain)
    assert not any("average" in path.name for path in (plain / "checkpoints").rglob("*"))
    assert json.loads((plain / "best.json").read_text())["weights"] == "raw"


@pytest.mark.parametrize("seed", range(2))
def test_kill_9_changes_no_bit_of_them(whole, place, text, seed):
    moments = random.Random(seed)
    run_dir = open_run(place, text, f"killed-{seed}")
    for _ in range(3):
        process = start(run_dir, place)
        goal = len(events(run_dir, "checkpoint")) + moments.randint(1, 2)
        wait_for(lambda goal=goal, process=process: len(events(run_dir, "checkpoint")) >= goal or not process.is_alive(), 90)
        process.join(moments.random() * 0.05)
        os.kill(process.pid, signal.SIGKILL)
        finish(process)
        raw = json.loads((run_dir / "run.json").read_text())
        (run_dir / "run.json").write_text(json.dumps({**raw, "resume": True, "from_start": True}))
    process = start(run_dir, place)
    until(run_dir, process, STEPS)
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == [130]
    assert losses(run_dir) == losses(whole)


def test_a_run_that_had_an_end_begins_them_where_it_goes_on(place, text):
    run_dir = write_run(place / "opened", text, {**OPEN, "average_window": 0.1}, epochs=-1, max_steps=8)
    assert finish(start(run_dir, place)) == [0]
    raw = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**raw, "resume": True, "max_steps": None}))
    process = start(run_dir, place)
    until(run_dir, process, 16)
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == [130], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[-1]["resumed_from"] == 8
    assert [line["step"] for line in metrics(run_dir) if "averaged_loss" in line][:2] == [12, 16]


def test_two_processes_average_as_one(whole, place, text):
    run_dir = open_run(place, text, "ranks", {"accumulation_steps": 1, "batch_size": 8})
    ranks = start_ranks(run_dir, place, 2)
    wait_for(lambda: any(event["step"] >= 8 for event in events(run_dir, "checkpoint")) or not ranks[0].is_alive(), 90)
    for rank in ranks:
        os.kill(rank.pid, signal.SIGINT)
    assert finish(*ranks) == [130, 130], (run_dir / "trainer.log").read_text()
    ours, alone = ([line for line in losses(folder, 8) if "averaged_loss" in line] for folder in (run_dir, whole))
    for mine, other in zip(ours, alone, strict=True):
        assert mine["averaged_loss"] == pytest.approx(other["averaged_loss"], abs=2e-3)
        assert mine["eval_loss"] == pytest.approx(other["eval_loss"], abs=2e-3)
    # One process goes on from what two have written.
    shutil.copytree(run_dir, place / "one-of-two")
    raw = json.loads((run_dir / "run.json").read_text())
    (place / "one-of-two" / "run.json").write_text(json.dumps({**raw, "resume": True, "run_dir": str(place / "one-of-two")}))
    process = start(place / "one-of-two", place)
    until(place / "one-of-two", process, 20)
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == [130], (place / "one-of-two" / "trainer.log").read_text()
    assert load_file(place / "one-of-two" / "best" / "model.safetensors")
