"""A branch off a checkpoint: what the other run had learned, with a rate that falls to 0."""

import json
import os
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file

from trainer_support import events, finish, metrics, start, wait_for, write_run

OPEN = {"steps_per_epoch": None, "schedule": {"name": "constant", "warmup_steps": 2}}
STEP, TOKENS = 8, 16 * 256  # 8 sequences of 32 tokens a step


@pytest.fixture(scope="module")
def trunk(place, text):
    """A run with a constant rate and checkpoints at 8 and 10."""
    run_dir = write_run(place / "trunk", text, OPEN, epochs=-1, max_steps=10)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def branch(trunk, name, **changes):
    """As `pt train --decay-from` makes its folder (src/training/branch.ts)."""
    run_dir = trunk.parent / name
    shutil.copytree(trunk / "checkpoints" / f"step-{STEP}", run_dir / "checkpoints" / f"step-{STEP}")
    shutil.copy(trunk / "metrics.jsonl", run_dir)
    raw = json.loads((trunk / "run.json").read_text())
    branched = {"run_dir": str(run_dir), "resume": True, "max_steps": None, "tokens": TOKENS, "decay_from": {"run": str(trunk), "step": STEP}}
    (run_dir / "run.json").write_text(json.dumps({**raw, **branched, **changes}))
    return run_dir


@pytest.fixture(scope="module")
def annealed(trunk, place):
    run_dir = branch(trunk, "annealed")
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def rates(run_dir):
    return {line["step"]: line["lr"] for line in metrics(run_dir) if "lr" in line}


def test_the_rate_falls_to_nothing_from_the_step_on_that_it_had(trunk, annealed):
    started, done = events(annealed, "start")[0], events(annealed, "done")[0]
    assert started["resumed_from"] == STEP
    assert started["end"] == f"after {STEP + 16} steps ({TOKENS:,} tokens from step {STEP} on, the rate falling to 0)"
    assert (done["reason"], done["steps"]) == ("tokens", STEP + 16)
    before, now = rates(trunk), rates(annealed)
    assert list(now) == list(range(1, STEP + 17))
    for step, rate in now.items():
        part = 1 if step <= STEP else (STEP + 17 - step) / 16
        assert rate == pytest.approx(before[min(step, STEP)] * part)


def test_it_begins_with_what_was_learned_and_has_a_best_of_its_own(trunk, annealed):
    # The first step of the branch is the trunk's next one: the same weights, data and rate.
    same = [[line for line in metrics(folder) if line["step"] <= STEP + 1] for folder in (trunk, annealed)]
    assert same[0] == same[1]
    best = json.loads((annealed / "best.json").read_text())
    assert best["step"] > STEP
    weights = [load_file(folder / "best" / "model.safetensors") for folder in (trunk, annealed)]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_kill_9_changes_no_bit_of_it(trunk, annealed, place):
    run_dir = branch(trunk, "killed-branch")
    process = start(run_dir, place)
    wait_for(lambda: len(events(run_dir, "checkpoint")) >= 2 or not process.is_alive())
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[-1]["resumed_from"] > STEP
    assert metrics(run_dir) == metrics(annealed)
    assert (run_dir / "best" / "model.safetensors").read_bytes() == (annealed / "best" / "model.safetensors").read_bytes()


def test_without_tokens_it_is_refused(trunk, place):
    run_dir = branch(trunk, "endless-branch", tokens=None)
    assert finish(start(run_dir, place)) == [7]
    assert "decay_from needs tokens" in (run_dir / "trainer.log").read_text()
