"""Losses that leave all bounds, really produced by a model of one's own: skipped, rolled back, counted, and never trained through."""

import math

import pytest

from trainer.spikes import MOST_ROLLBACKS, PATIENCE, Spikes
from trainer_support import events, finish, metrics, start, start_ranks, write_run

# The last norm's output is changed in the steps named, on the first rank only: what one process sees must stop them all.
POISON = '''
import os

import torch
from transformers import LlamaConfig, LlamaForCausalLM

STEPS, FACTOR = {steps}, {factor}
calls = 0


def model(recipe):
    made = LlamaForCausalLM(LlamaConfig(**recipe["architecture"]))
    made.model.norm.register_forward_hook(poison)
    return made


def poison(module, inputs, output):
    global calls
    if not torch.is_grad_enabled():
        return output
    calls += 1
    step = (calls - 1) * int(os.environ.get("WORLD_SIZE", 1)) // 2 + 1
    return output * FACTOR if step in STEPS and os.environ.get("RANK", "0") == "0" else output
'''


def poisoned(place, text, name, steps, factor="float('nan')", recipe=None, **request):
    file = place / f"{name}.py"
    file.write_text(POISON.format(steps=steps, factor=factor))
    return write_run(place / name, text, recipe, recipe_file=str(file), **{"epochs": -1, **request})


def losses(run_dir):
    return [line["loss"] for line in metrics(run_dir) if "loss" in line]


def warnings(run_dir, code):
    return [event for event in events(run_dir, "warning") if event["code"] == code]


def assert_good_end(run_dir, steps):
    """Every step once, the last losses far below the first, no NaN in the model that is kept."""
    from safetensors.torch import load_file

    lines = [line for line in metrics(run_dir) if "loss" in line]
    assert [line["step"] for line in lines] == list(range(1, steps + 1))
    assert losses(run_dir)[-1] < losses(run_dir)[0] - 0.3
    done = events(run_dir, "done")[0]
    assert done["steps"] == steps and done["best_loss"] < losses(run_dir)[0] - 0.3
    assert all(tensor.isfinite().all() for tensor in load_file(run_dir / "best" / "model.safetensors").values())


def test_one_step_that_is_not_finite_is_skipped_and_counted(place, text):
    run_dir = poisoned(place, text, "once", [6], max_steps=12)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert_good_end(run_dir, 12)
    assert [i + 1 for i, loss in enumerate(losses(run_dir)) if loss is None] == [6]
    assert [line.get("skipped", 0) for line in metrics(run_dir) if "loss" in line] == [0] * 5 + [1] * 7
    assert len(warnings(run_dir, "step_skipped")) == 1 and "1 so far" in warnings(run_dir, "step_skipped")[0]["message"]
    done = events(run_dir, "done")[0]
    assert (done["skipped"], done["rollbacks"]) == (1, 0)


def test_a_skipped_step_changes_nothing(place, text):
    """The same batches with one step more or less of arithmetic: what the poisoned step would have done is not in the weights."""
    from safetensors.torch import load_file

    # A constant rate and an evaluation after each step; step 1 is poisoned, so the model of step 1 must be the initial one.
    recipe = {"eval_every_steps": 1, "schedule": {"name": "constant", "warmup_steps": 0}}
    run_dir = poisoned(place, text, "first", [1], recipe=recipe, max_steps=1)
    plain = poisoned(place, text, "plain", [], recipe=recipe, max_steps=1)
    untouched = poisoned(place, text, "untouched", [], recipe={**recipe, "optimizer": {"lr": 1e-30, "muon_lr": 1e-30, "embedding_lr": 1e-30}}, max_steps=1)
    assert finish(*(start(folder, place) for folder in (run_dir, plain, untouched))) == [0, 0, 0]
    skipped, trained, initial = (load_file(folder / "best" / "model.safetensors") for folder in (run_dir, plain, untouched))
    assert all((skipped[name] == initial[name]).all() for name in initial)
    assert any((skipped[name] != trained[name]).any() for name in initial)


@pytest.mark.parametrize("ranks", [1, 2])
def test_several_in_a_row_go_back_to_the_last_checkpoint_and_on_with_other_data(place, text, ranks):
    run_dir = poisoned(place, text, f"row-{ranks}", [6, 7, 8], max_steps=14)
    processes = [start(run_dir, place)] if ranks == 1 else start_ranks(run_dir, place, ranks)
    assert finish(*processes) == [0] * ranks, (run_dir / "trainer.log").read_text()
    assert_good_end(run_dir, 14)
    assert None not in losses(run_dir), "the steps that were taken back are not in the file"
    rolled = warnings(run_dir, "rolled_back")
    assert len(rolled) == 1 and "at step 8: back to step 4" in rolled[0]["message"] and rolled[0]["rollbacks"] == 1
    done = events(run_dir, "done")[0]
    assert (done["skipped"], done["rollbacks"]) == (PATIENCE, 1)


def test_before_the_first_checkpoint_they_are_passed_over(place, text):
    run_dir = poisoned(place, text, "early", [1, 2, 3], max_steps=12)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert losses(run_dir)[:3] == [None] * 3 and losses(run_dir)[-1] < losses(run_dir)[3] - 0.3
    assert "before the first checkpoint" in warnings(run_dir, "rolled_back")[0]["message"]


def test_without_end_the_run_ends_with_an_error_that_says_so(place, text):
    run_dir = poisoned(place, text, "endless", "range(6, 10**9)", max_steps=1000)
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir, "error")[0]
    assert error["code"] == "nan_loss" and f"going back {MOST_ROLLBACKS} times" in error["message"]
    assert any(step.startswith("pt train --lr") for step in error["next_steps"])
    assert len(warnings(run_dir, "rolled_back")) == MOST_ROLLBACKS
    assert sorted(path.name for path in (run_dir / "checkpoints").iterdir()) == ["step-4"], "what is good is still there"


def test_a_finite_jump_is_skipped_too(place, text):
    run_dir = poisoned(place, text, "jump", [40], "30.0", max_steps=44)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert_good_end(run_dir, 44)
    spikes = warnings(run_dir, "loss_spike")
    assert len(spikes) == 1 and "Step 40: the loss jumped to" in spikes[0]["message"]
    values = losses(run_dir)
    assert values[39] > max(values[38], values[40]) + 2 and values[40] < values[38] + 1
    assert events(run_dir, "done")[0]["skipped"] == 1


def test_noise_and_a_slow_rise_are_no_spikes():
    spikes, skipped = Spikes(), 0
    for step in range(500):
        loss = 5 + 0.3 * math.sin(step * 1.7) + step * 0.002
        skipped += spikes.judge(loss, 1.0, spikes.bound()) != "ok"
    assert skipped == 0 and spikes.counts() == {}


def test_new_kinds_of_text_never_end_a_run():
    """The loss rises by two nats whenever another domain begins, and is learned again: each time is one roll-back, and they do not add up."""
    spikes = Spikes()
    for step in range(20 * 200):
        loss = 3 + 2 * math.exp(-(step % 200) / 30)
        if spikes.judge(loss, 1.0, spikes.bound()) == "roll_back":
            assert spikes.rolled_back()
    assert MOST_ROLLBACKS < spikes.rollbacks < 20


def test_many_at_once_are_too_many():
    spikes, allowed = Spikes(), []
    for _ in range(PATIENCE * (MOST_ROLLBACKS + 1)):
        if spikes.judge(math.nan, 1.0, spikes.bound()) == "roll_back":
            allowed.append(spikes.rolled_back())
    assert allowed == [True] * MOST_ROLLBACKS + [False]
