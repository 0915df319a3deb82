"""What ends a run, and what its rate does until then: by tokens, steps, the clock, the recipe; and when it is looked at and saved."""

import json
import os
import random
import signal
from itertools import pairwise

import pytest

from trainer.config import Recipe, RunConfig, ScheduleConfig, apply_overrides, parse
from trainer.constants import FOLDER
from trainer.errors import TrainerError
from trainer.optim.schedule import factor
from trainer.plan import Batches, Plan, end_in_words, make_plan, split_batch
from trainer_support import NANO, events, finish, metrics, start, wait_for, write_run

SHIPPED = sorted(path.stem for path in (FOLDER / "recipes").glob("*.json"))


def config(recipe=None, **request):
    raw = {"run_dir": "/run", "recipe": {**NANO, **(recipe or {})}, **request}
    return apply_overrides(parse(RunConfig, raw, "run.json"))


def plan_of(asked, epoch_batches=None):
    return make_plan(asked, split_batch(asked.recipe, 1), epoch_batches)


@pytest.mark.parametrize("seed", range(40))
def test_tokens_are_as_many_steps_as_it_takes_one_by_one(seed):
    pick = random.Random(seed)
    count, epoch = pick.randint(1, 9), pick.choice([None, pick.randint(1, 40)])
    ramp = tuple(sorted((pick.randint(0, 30), pick.uniform(0.05, 1)) for _ in range(pick.randint(0, 3))))
    plan = Plan(Batches(count * 2, 2, count), epoch, ramp, batch_tokens=64)
    tokens = pick.randint(1, 64 * 200)
    step, had = 0, 0
    while had < tokens:
        had += plan.micro_batches(step) * 64
        step += 1
    assert plan.steps_for(tokens) == step


OPEN = {"steps_per_epoch": None}


def test_the_nearest_bound_ends_the_run():
    # 8 sequences of 32 tokens a step.
    assert (plan_of(config(OPEN)).total_steps, plan_of(config(OPEN)).bound) == (None, None)
    for asked, epoch, ends in [
        (config(OPEN, tokens=2560), None, (10, "tokens")),
        (config(OPEN, tokens=2561), None, (11, "tokens")),
        (config(OPEN, tokens=2560, max_steps=9), None, (9, "max_steps")),
        (config(OPEN, tokens=2560, max_steps=11), None, (10, "tokens")),
        (config(OPEN, tokens=2560), 8, (4, "finished")),
        (config(OPEN, tokens=2560, epochs=-1), 8, (10, "tokens")),
        (config({**OPEN, "tokens": 5120}), None, (20, "tokens")),
        # A recipe's tokens are for runs that nothing else ends.
        (config({**OPEN, "tokens": 5120}, max_steps=30), None, (30, "max_steps")),
        (config({**OPEN, "tokens": 5120}, max_minutes=1), None, (None, None)),
        (config({**OPEN, "tokens": 5120}, epochs=-1), None, (None, None)),
        (config({**OPEN, "tokens": 5120}), 100, (50, "finished")),
        # While the batch grows, an epoch of the data is more steps.
        (config({**OPEN, "batch_ramp": [[0, 0.5], [4, 1]]}), 8, (6, "finished")),
    ]:
        plan = plan_of(asked, epoch)
        assert (plan.total_steps, plan.bound) == ends
    assert end_in_words(config(OPEN, max_minutes=90), plan_of(config(OPEN, max_minutes=90))) == "after 90 minutes"
    asked = config({**OPEN, "tokens": 5120})
    assert end_in_words(asked, plan_of(asked)) == "after 20 steps (5,120 tokens, the recipe's)"
    assert end_in_words(config(OPEN), plan_of(config(OPEN))).startswith("when it is stopped; ")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_rate_of_every_shipped_recipe_decays_on_data_without_a_known_end(name):
    raw = {"run_dir": "/run", "recipe": json.loads((FOLDER / "recipes" / f"{name}.json").read_text())}
    asked = apply_overrides(parse(RunConfig, raw, name))
    plan = plan_of(asked)
    assert plan.total_steps is not None and 0 < plan.warmup_steps < plan.total_steps / 10
    rates = [factor(asked.recipe.schedule, step, plan.warmup_steps, plan.total_steps) for step in (plan.warmup_steps, plan.total_steps - 1)]
    assert rates[0] == 1 and rates[1] < 0.02
    assert asked.recipe.checkpoint_every_minutes == 30 or name == "tiny"


def test_warm_up_in_tokens_and_never_more_than_a_tenth_of_any_budget():
    asked = config({**OPEN, "schedule": {"warmup_tokens": 1000, "warmup_steps": 77}})
    assert plan_of(asked).warmup_steps == 4
    given = config({**OPEN, "finetune": {"warmup_tokens": 600}}, source={"kind": "model_dir", "path": "/model", "config": None})
    assert plan_of(given).warmup_steps == 3
    schedule = ScheduleConfig()
    assert [factor(schedule, step, 4, None) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert factor(schedule, 9, 1000, 100) == 1
    assert factor(schedule, 0, 1000, None, elapsed_part=0.1) == 1 and factor(schedule, 0, 1000, None, elapsed_part=0.05) == 0.5


def test_asked_for_in_minutes_an_event_comes_by_minutes_alone():
    asked = config({"eval_every_minutes": 5.0}, eval_every_steps=7, checkpoint_every_minutes=30)
    recipe = asked.recipe
    assert (recipe.eval_every_steps, recipe.eval_every_minutes) == (7, None)
    assert (recipe.checkpoint_every_steps, recipe.checkpoint_every_minutes) == (None, 30)
    with pytest.raises(TrainerError, match="both null"):
        config({"eval_every_steps": None})
    with pytest.raises(TrainerError, match="checkpoint_every_minutes must be above 0"):
        config({"checkpoint_every_minutes": 0})


def test_a_run_of_so_many_tokens(place, text):
    run_dir = write_run(place / "tokens", text, OPEN, epochs=-1, tokens=2500)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    done = events(run_dir, "done")[0]
    assert (done["reason"], done["steps"], done["tokens"]) == ("tokens", 10, 2560)
    assert events(run_dir, "start")[0]["end"] == "after 10 steps (2,500 tokens)"
    assert events(run_dir, "start")[0]["course"] == "1 steps of warm-up, 7 at the full rate, 2 of decay"
    rates = [line["lr"] for line in metrics(run_dir) if "lr" in line]
    assert rates[-1] < 0.6 * max(rates)


def test_by_the_clock_it_is_evaluated_and_saved_at_every_moment_or_only_at_the_end(place, text):
    often = write_run(place / "often", text, max_steps=3, eval_every_minutes=1e-6, checkpoint_every_minutes=1e-6)
    seldom = write_run(place / "seldom", text, max_steps=12, eval_every_minutes=1e6, checkpoint_every_minutes=1e6)
    assert finish(start(often, place), start(seldom, place)) == [0, 0]
    for type in ("eval", "checkpoint"):
        assert [event["step"] for event in events(often, type)] == [1, 2, 3]
        assert [event["step"] for event in events(seldom, type)] == [12]


def test_the_clock_of_a_run_goes_on_where_it_was_killed(place, text):
    """With a rate that falls from the first moment, one that began again, or counted the time between, would jump."""
    recipe = {**OPEN, "schedule": {"name": "cosine", "warmup_steps": 0}, "eval_every_steps": None, "eval_every_minutes": 0.01}
    run_dir = write_run(place / "clock", text, recipe, epochs=-1, max_minutes=0.15, checkpoint_every_minutes=0.002)
    for _ in range(2):
        before = len(events(run_dir, "checkpoint"))
        process = start(run_dir, place)
        wait_for(lambda before=before, process=process: len(events(run_dir, "checkpoint")) >= before + 4 or not process.is_alive())
        os.kill(process.pid, signal.SIGKILL)
        finish(process)
        raw = json.loads((run_dir / "run.json").read_text())
        (run_dir / "run.json").write_text(json.dumps({**raw, "resume": True}))
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    lines = [line for line in metrics(run_dir) if "lr" in line]
    assert all(later["lr"] <= sooner["lr"] for sooner, later in pairwise(lines))
    # Right after each resume the rate is that of the moment of the checkpoint: no time was counted that was not trained.
    by_step = {line["step"]: line["lr"] for line in lines}
    for event in events(run_dir, "start")[1:]:
        step = event["resumed_from"]
        assert step > 0 and by_step[step + 1] > 0.9 * by_step[step]
    assert lines[-1]["lr"] < 0.05 * lines[0]["lr"]
    assert events(run_dir, "done")[0]["reason"] == "max_minutes"


def test_recipe_keys_default_to_what_they_were():
    recipe = Recipe()
    assert (recipe.tokens, recipe.eval_every_minutes, recipe.checkpoint_every_minutes, recipe.schedule.warmup_tokens) == (None, None, None, None)
