"""The duel of a run: the king's numbers against the trainer's, the same whatever is killed or however many processes train."""

import copy
import json
import os
import signal

import numpy as np
import pytest
import torch

from trainer.config import ScheduleConfig
from trainer.errors import TrainerError
from trainer.optim.schedule import fall_ahead
from trainer.score.duel import RunDuel, keep_sample
from trainer.score.evaluating import evaluate_models
from trainer.tokenizer import load_tokenizer
from trainer_support import NANO, events, finish, metrics, start, start_ranks, wait_for, write_run

SEQUENCES, LENGTH = 13, 24
RECIPE = {"checkpoint_every_steps": 4, "eval_every_steps": 3, "eval_sequences": 4}
DUEL = {"against": "king", "data": [], "sequences": SEQUENCES}


def sample(seed=0):
    return np.random.default_rng(seed).integers(0, 4096, (SEQUENCES, LENGTH), dtype=np.uint32)


def write_duel(run_dir, bars=None, weights=None, tokens=None):
    keep_sample(run_dir / "duel", [row[None] for row in (sample() if tokens is None else tokens)], load_tokenizer("builtin", True, None))
    (run_dir / "duel" / "king.json").write_text(json.dumps({"bars": [8.3] * SEQUENCES if bars is None else bars, "weights": weights}))


def duel_run(place, text, name, **request):
    run_dir = write_run(place / name, text, RECIPE, duel=DUEL, **request)
    write_duel(run_dir)
    return run_dir


def fought(run_dir):
    return [(line["step"], line["duel"]) for line in metrics(run_dir) if "duel" in line]


@pytest.fixture(scope="module")
def whole(place, text):
    run_dir = duel_run(place, text, "whole")
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def test_every_evaluation_fights_and_says_so(whole):
    assert [step for step, _ in fought(whole)] == [3, 6, 9, 12]
    told = events(whole, "duel")
    assert [event["step"] for event in told] == [3, 6, 9, 12]
    for event, (_, row) in zip(told, fought(whole)):
        assert {name: event[name] for name in row} == row
        assert row["won"] + row["lost"] <= row["sequences"] == SEQUENCES
    assert [event["part"] for event in told] == [0.25, 0.5, 0.75, 1.0]
    # wsd: the last fifth of 12 steps is the fall.
    assert [event["fall_ahead"] for event in told] == [True, True, True, False]


def test_the_numbers_are_those_of_the_scorer(whole, place, tmp_path):
    """best/ of the last step, scored by evaluate.py's own way on the kept sequences, gives the same gain."""
    from trainer.score.loading import load_for_scoring
    from trainer.score.scoring import score

    assert json.loads((whole / "best.json").read_text())["step"] == 12
    model = load_for_scoring(whole / "best", torch.float32, torch.device("cpu"), "sdpa")
    losses = np.array(list(score(model, [row[None] for row in sample()])))
    _, last = fought(whole)[-1]
    assert last["mean"] == pytest.approx((8.3 - losses).mean(), abs=1e-5)
    assert last["sd"] == pytest.approx((8.3 - losses).std(ddof=1), rel=1e-3)
    assert last["won"] == int((losses < 8.3).sum())


def test_killed_and_resumed_it_fought_the_same(whole, place, text):
    run_dir = duel_run(place, text, "killed")
    process = start(run_dir, place)
    wait_for(lambda: any(event["step"] >= 8 for event in events(run_dir, "checkpoint")))
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "resume": True}))
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert fought(run_dir) == fought(whole)


def test_two_processes_fight_as_one(whole, place, text):
    run_dir = duel_run(place, text, "two", max_steps=3)
    alone = duel_run(place, text, "alone", max_steps=3)
    assert finish(*start_ranks(run_dir, place, 2), start(alone, place)) == [0, 0, 0], (run_dir / "trainer.log").read_text()
    ((_, ours),) = fought(run_dir)
    ((_, theirs),) = fought(alone)
    assert ours["mean"] == pytest.approx(theirs["mean"], abs=1e-4) and ours["won"] == theirs["won"]


def test_weights_and_bars_are_what_the_rule_says(tmp_path):
    weights = [0.5, 2.0] * 6 + [1.0]
    write_duel(tmp_path, bars=[1.0] * SEQUENCES, weights=weights)
    duel = RunDuel(tmp_path, load_tokenizer("builtin", True, None), 4096, LENGTH)
    losses = torch.full((SEQUENCES,), 1.0, dtype=torch.float64)
    numbers = duel.outcome_of(losses)
    gains = 1 - np.array(weights)
    standard = (gains - gains.mean()) / gains.std()
    moments = {"mean": gains.mean(), "sd": gains.std(ddof=1), "skew": (standard**3).mean(), "excess": (standard**4).mean() - 3}
    assert numbers == {"sequences": SEQUENCES, **{name: pytest.approx(value) for name, value in moments.items()}, "won": 6, "lost": 6}
    none = duel.outcome_of(losses * torch.nan)
    assert [none[name] for name in moments] == [None] * 4
    duel.weights = torch.ones(SEQUENCES, dtype=torch.float64)
    equal = duel.outcome_of(losses)
    assert (equal["mean"], equal["sd"], equal["skew"], equal["excess"]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("what", "vocabulary", "positions", "code"),
    [("vocabulary", 100, None, "duel_differs"), ("positions", 4096, LENGTH - 1, "duel_differs"), ("tokenizer", 4096, None, "duel_differs"), ("king", 4096, None, "bad_duel")],
)
def test_what_cannot_be_compared_is_named_before_the_first_step(tmp_path, what, vocabulary, positions, code):
    write_duel(tmp_path, bars=[1.0] if what == "king" else None)
    tokenizer = load_tokenizer("builtin", True, None)
    if what == "tokenizer":
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.add_tokens(["the"])
    with pytest.raises(TrainerError) as refused:
        RunDuel(tmp_path, tokenizer, vocabulary, positions)
    assert refused.value.code == code and refused.value.next_steps


def test_a_run_whose_model_differs_ends_before_its_first_step(place, text):
    run_dir = write_run(place / "differs", text, {**RECIPE, "architecture": {**NANO["architecture"], "max_position_embeddings": 16}, "sequence_length": 16}, duel=DUEL)
    write_duel(run_dir)
    assert finish(start(run_dir, place)) != [0]
    assert events(run_dir, "error")[0]["code"] == "duel_differs" and not events(run_dir, "step")


def test_a_reserve_is_looked_for_and_whole_text_gives_more(place, text, whole, tmp_path):
    from trainer.events import Events

    def scored(**task):
        asked = {
            "models": [{"name": "m", "dir": str(whole / "best")}],
            "tasks": [{"name": "t", "data": str(text), "pages": 1, "sequences": 20, **task}],
            "sequence_length": 32, "device": "cpu", "check_output": False, "cache_dir": str(tmp_path), "keep_sample": str(tmp_path / "duel"),
        }
        return evaluate_models(asked, Events(None), lambda: None)["models"][0]["tasks"][0]

    held_out = scored(reserve=10_000)
    everything = scored(reserve=10_000, whole=True)
    assert 0 < held_out["reserved"] < everything["reserved"] / 5
    assert scored(reserve=7, whole=True)["reserved"] == 7
    # What follows is another text, and none of it was in the sample before.
    first, after = scored(whole=True), scored(whole=True, skip=20)
    assert first["sample"] != after["sample"] and len(after["losses"]) == 20


def test_when_the_fall_is_ahead():
    wsd, cosine = ScheduleConfig(name="wsd", decay_fraction=0.2), ScheduleConfig(name="cosine")
    assert [fall_ahead(wsd, step, 5, 100) for step in (0, 4, 50, 79, 80, 99)] == [True] * 4 + [False] * 2
    assert [fall_ahead(cosine, step, 5, 100) for step in (4, 5, 99)] == [True, False, False]
    assert [fall_ahead(wsd, step, 5, None) for step in (4, 5, 10_000)] == [True, False, False]
    assert [fall_ahead(wsd, 50, 5, None, part) for part in (0.05, 0.5, 0.9)] == [True, True, False]
