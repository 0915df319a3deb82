"""Two and four processes (gloo, CPU) train as one does, read each other's checkpoints, and outlive a killed one."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from trainer_support import ROOT, events, finish, metrics, start, start_ranks, wait_for, write_run

STEPS = 8
RECIPE = {"batch_size": 2, "accumulation_steps": 4, "checkpoint_every_steps": 4, "eval_every_steps": 4, "eval_sequences": 13}


@pytest.fixture(scope="module")
def one(place, text):
    run_dir = write_run(place / "one", text, RECIPE, max_steps=STEPS)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


@pytest.fixture(scope="module")
def four(place, text, one):
    run_dir = write_run(place / "four", text, RECIPE, max_steps=STEPS)
    assert finish(*start_ranks(run_dir, place, 4)) == [0] * 4, (run_dir / "trainer.log").read_text()
    return run_dir


def losses(run_dir):
    return {line["step"]: line["loss"] for line in metrics(run_dir) if "loss" in line}


def assert_same_losses(run_dir, reference):
    ours, theirs = losses(run_dir), losses(reference)
    assert ours.keys() == theirs.keys()
    for step in theirs:
        # Sums in another order differ in the last digits, which every step passes on.
        assert ours[step] == pytest.approx(theirs[step], rel=2e-5)
    evaluations = [[line["eval_loss"] for line in metrics(folder) if "eval_loss" in line] for folder in (run_dir, reference)]
    assert evaluations[0] == pytest.approx(evaluations[1], rel=2e-5)


def test_two_train_as_one(one, place, text):
    run_dir = write_run(place / "two", text, RECIPE, max_steps=STEPS)
    assert finish(*start_ranks(run_dir, place, 2)) == [0, 0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[0]["world_size"] == 2
    assert events(run_dir, "done")[0]["tokens"] == events(one, "done")[0]["tokens"]
    assert_same_losses(run_dir, one)


def test_four_train_as_one(one, four):
    assert events(four, "start")[0]["world_size"] == 4
    assert_same_losses(four, one)


def test_their_best_model_is_whole(one, four):
    from safetensors.torch import load_file

    ours, theirs = load_file(four / "best" / "model.safetensors"), load_file(one / "best" / "model.safetensors")
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: tensor.shape for name, tensor in theirs.items()}
    assert all((ours[name] - theirs[name]).abs().max() < 1e-3 for name in ours)
    assert json.loads((four / "best" / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_checkpoint_of_four_is_loaded_by(count, one, four, place):
    run_dir = place / f"from-four-by-{count}"
    shutil.copytree(four, run_dir)
    shutil.rmtree(run_dir / "checkpoints" / "step-8")
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "run_dir": str(run_dir), "resume": True}))
    processes = [start(run_dir, place)] if count == 1 else start_ranks(run_dir, place, count)
    assert finish(*processes) == [0] * count, (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[-1]["resumed_from"] == 4
    assert_same_losses(run_dir, one)


def test_a_batch_that_cannot_be_shared_is_named(place, text):
    run_dir = write_run(place / "uneven", text, {**RECIPE, "batch_size": 1, "accumulation_steps": 3})
    assert 7 in finish(*start_ranks(run_dir, place, 2), seconds=30)
    error = events(run_dir, "error")[0]
    assert error["code"] == "bad_recipe" and "3 sequences" in error["message"] and "--accumulation-steps 4" in error["next_steps"]


def test_torchrun_goes_on_from_the_last_checkpoint_when_a_process_is_killed(one, place, text):
    """The real torchrun, with a real SIGKILL of one of two workers."""
    run_dir = write_run(place / "elastic", text, {**RECIPE, "checkpoint_every_steps": 1}, max_steps=STEPS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2"]
    environment = {**os.environ, "PT_HOME": str(place), "OMP_NUM_THREADS": "1", "PT_TEST_KILL_AT": "3"}
    with open(run_dir / "trainer.log", "wb") as log:
        runner = subprocess.Popen(
            [*command, str(ROOT / "test" / "python" / "trainer_killed_once.py"), "--config", str(run_dir / "run.json")],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            assert runner.wait(150) == 0, (run_dir / "trainer.log").read_text()[-3000:]
        finally:
            if runner.poll() is None:
                os.killpg(runner.pid, signal.SIGKILL)
    starts = events(run_dir, "start")
    assert not events(run_dir, "error"), "a lost neighbour is no end of the run while torchrun restarts"
    assert len(starts) == 2 and starts[0]["resumed_from"] is None and starts[1]["resumed_from"] >= 2
    assert_same_losses_of_steps(run_dir, one)


def assert_same_losses_of_steps(run_dir, reference):
    ours, theirs = losses(run_dir), losses(reference)
    assert list(ours) == list(theirs)
    assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=2e-5)


def test_a_signal_ends_all_of_them_at_one_step(place, text):
    run_dir = write_run(place / "signal", text, {**RECIPE, "steps_per_epoch": 100000})
    processes = start_ranks(run_dir, place, 2)
    wait_for(lambda: len(events(run_dir, "step")) > 1)
    os.kill(processes[1].pid, signal.SIGTERM)
    assert finish(*processes, seconds=30) == [130, 130]
    done = events(run_dir, "done")[0]
    assert done["reason"] == "cancelled"
    assert (run_dir / "checkpoints" / f"step-{done['steps']}" / "files.json").is_file()
