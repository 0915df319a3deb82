"""`lr: auto`: a table of what each rate gave, everything put back, the chosen one kept."""

import json

import pytest

from trainer.rates import TRIED, probe_steps
from trainer_support import events, finish, metrics, start, write_run

STEPS = 20
RECIPE = {"optimizer": {"name": "adamw", "lr": 0.003}, "schedule": {"name": "constant", "warmup_steps": 1}, "eval_every_steps": 10, "checkpoint_every_steps": 10}


def test_probes_take_a_fifth_of_the_run_within_bounds():
    assert [probe_steps(total) for total in (20, 1000, 10_000, None)] == [10, 40, 200, 50]
    assert len(TRIED) * probe_steps(1000) == 200


def run(place, text, name, **more):
    run_dir = write_run(place / name, text, RECIPE, **{"max_steps": STEPS, "epochs": -1, **more})
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


@pytest.fixture(scope="module")
def found(place, text):
    return run(place, text, "found", lr="auto")


def test_the_best_of_the_table_is_taken_and_nothing_else_is_left(found, place, text):
    """The run is the one that was told that rate: weights, moments, data and random numbers are where they were."""
    table = json.loads((found / "rates.json").read_text())
    assert [row["lr"] for row in table["tried"]] == pytest.approx([0.003 * factor for factor in TRIED])
    assert table["lr"] == min(table["tried"], key=lambda row: row["eval_loss"])["lr"] and len({row["eval_loss"] for row in table["tried"]}) == 5
    assert [(event["lr"], event["eval_loss"]) for event in events(found, "probe")] == [(row["lr"], row["eval_loss"]) for row in table["tried"]]
    told = run(place, text, "told", lr=table["lr"])
    assert [line["step"] for line in metrics(found)] == [line["step"] for line in metrics(told)]
    for one, other in zip(metrics(found), metrics(told), strict=True):
        # A rate that was multiplied and one that was typed may differ in the last bit.
        assert one == pytest.approx(other, rel=1e-4)


def test_a_resumed_run_tries_nothing_and_goes_on_to_the_bit(found, place, text):
    half = run(place, text, "half", lr="auto", max_steps=10)
    config = json.loads((half / "run.json").read_text())
    (half / "run.json").write_text(json.dumps({**config, "resume": True, "max_steps": STEPS}))
    assert finish(start(half, place)) == [0], (half / "trainer.log").read_text()
    assert len(events(half, "probe")) == len(TRIED)
    assert metrics(half) == metrics(found)
