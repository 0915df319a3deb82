"""A run that was killed and resumed is the run that was never killed, to the last bit; damaged checkpoints are passed over."""

import json
import os
import random
import shutil
import signal

import pytest

from trainer_support import events, finish, metrics, start, start_ranks, wait_for, write_run

STEPS = 30


@pytest.fixture(scope="module")
def whole(place, text):
    """The run that nobody kills."""
    run_dir = write_run(place / "whole", text, max_steps=STEPS, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def resume(run_dir, **changes):
    config = json.loads((run_dir / "run.json").read_text())
    config.update(resume=True, **changes)
    (run_dir / "run.json").write_text(json.dumps(config))
    return run_dir


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_random_moments_changes_no_bit(whole, place, text, seed):
    moments = random.Random(seed)
    run_dir = write_run(place / f"killed-{seed}", text, max_steps=STEPS, epochs=-1)
    process = start(run_dir, place)
    for _ in range(3):
        # Kill after some more steps than now, at any point within a step, an evaluation or a checkpoint's writing.
        goal = len(events(run_dir, "checkpoint")) + moments.randint(1, 2)
        wait_for(lambda process=process, goal=goal: len(events(run_dir, "checkpoint")) >= goal or not process.is_alive())
        process.join(moments.random() * 0.05)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        finish(process)
        # The first kill may come before the first checkpoint is whole.
        process = start(resume(run_dir, from_start=True), place)
    assert finish(process) == [0], (run_dir / "trainer.log").read_text()
    assert any(event["resumed_from"] for event in events(run_dir, "start"))
    assert metrics(run_dir) == metrics(whole)
    assert json.loads((run_dir / "best.json").read_text()) == json.loads((whole / "best.json").read_text())
    for name in ("model.safetensors", "config.json"):
        assert (run_dir / "best" / name).read_bytes() == (whole / "best" / name).read_bytes()
    assert not list(run_dir.glob(".best*")) and not list((run_dir / "checkpoints").glob(".*"))


@pytest.fixture
def copy(whole, place, request):
    """The whole run's folder, with its two checkpoints (steps 28 and 30), to be damaged."""
    run_dir = place / request.node.name.replace("[", "-").replace("]", "")
    shutil.copytree(whole, run_dir)
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "run_dir": str(run_dir), "resume": True}))
    (run_dir / "events.jsonl").unlink()
    return run_dir


def truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


DAMAGE = {
    "truncated tensors": lambda folder: truncate(next(folder.glob("*.distcp"))),
    "flipped bit": lambda folder: flip_a_bit(next(folder.glob("*.distcp"))),
    "missing metadata": lambda folder: (folder / ".metadata").unlink(),
    "missing state": lambda folder: (folder / "trainer.json").unlink(),
    "no file list": lambda folder: (folder / "files.json").unlink(),
    "empty file list": lambda folder: (folder / "files.json").write_text("{}"),
    "list is no object": lambda folder: (folder / "files.json").write_text("[1]"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(copy, whole, place, name):
    DAMAGE[name](copy / "checkpoints" / "step-30")
    assert finish(start(copy, place)) == [0], (copy / "trainer.log").read_text()
    assert events(copy, "start")[0]["resumed_from"] == 28
    warning = events(copy, "warning")[0]
    assert warning["code"] == "damaged_checkpoint" and "step-30" in warning["message"] and "step-28" in warning["message"]
    assert metrics(copy) == metrics(whole)


@pytest.fixture
def damaged(copy):
    for step in (28, 30):
        DAMAGE["truncated tensors"](copy / "checkpoints" / f"step-{step}")
    return copy


def contents(run_dir):
    """What a run has reached: it must stand as it was after a refusal."""
    reached = [run_dir / "metrics.jsonl", run_dir / "best.json", *(path for path in (run_dir / "checkpoints").rglob("*") if path.is_file())]
    return {str(path.relative_to(run_dir)): path.read_bytes() for path in reached}


@pytest.mark.parametrize("ranks", [1, 2])
def test_with_every_checkpoint_damaged_nothing_begins_unasked(damaged, place, ranks):
    before = contents(damaged)
    processes = [start(damaged, place)] if ranks == 1 else start_ranks(damaged, place, ranks)
    assert finish(*processes) == [7] * ranks, (damaged / "trainer.log").read_text()
    assert contents(damaged) == before
    assert not events(damaged, "start")
    error = events(damaged, "error")[-1]
    assert error["code"] == "run.no_checkpoint"
    assert damaged.name in error["message"] and "step-28: " in error["message"] and "reached step 30" in error["message"]
    assert error["next_steps"] == [f"pt train --resume {damaged} --from-start", f"pt train --load-model-dir {damaged / 'best'}"]


def test_a_run_without_any_checkpoint_does_not_begin_again_unasked(copy, place):
    shutil.rmtree(copy / "checkpoints")
    before = contents(copy)
    assert finish(start(copy, place)) == [7]
    assert contents(copy) == before
    assert events(copy)[-1]["code"] == "run.no_checkpoint"


def test_begun_again_when_asked_the_run_is_the_same_and_keeps_its_checkpoints(damaged, whole, place):
    resume(damaged, from_start=True, max_steps=10)
    assert finish(start(damaged, place)) == [0], (damaged / "trainer.log").read_text()
    assert events(damaged, "start")[0]["resumed_from"] is None
    assert [event["code"] for event in events(damaged, "warning")] == ["damaged_checkpoint", "damaged_checkpoint", "set_aside"]
    # What was best in the first life is kept, and is no measure of the second.
    assert json.loads((damaged / "best.before-1.json").read_text()) == json.loads((whole / "best.json").read_text())
    assert (damaged / "best.before-1" / "model.safetensors").read_bytes() == (whole / "best" / "model.safetensors").read_bytes()
    best = json.loads((damaged / "best.json").read_text())
    assert best["step"] <= 10 and best["eval_loss"] == min(line["eval_loss"] for line in metrics(damaged) if "eval_loss" in line and line["step"] > 0)
    # The damaged ones have higher numbers, and still the new ones are those that are kept.
    names = sorted(path.name for path in (damaged / "checkpoints").iterdir())
    assert names == ["step-10", "step-28.damaged", "step-30.damaged", "step-8"]
    resume(damaged, from_start=True, max_steps=STEPS)
    assert finish(start(damaged, place)) == [0], (damaged / "trainer.log").read_text()
    assert events(damaged, "start")[1]["resumed_from"] == 10
    assert [event["code"] for event in events(damaged, "warning")[3:]] == ["not_begun_again"]
    assert "step-10 is whole" in events(damaged, "warning")[-1]["message"] and not (damaged / "best.before-2").exists()
    # The learning rate of the first ten steps was that of a run of ten.
    assert [line["step"] for line in metrics(damaged)] == [line["step"] for line in metrics(whole)]


def test_other_data_is_refused(copy, place, text):
    config = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**config, "seed": 7}))
    assert finish(start(copy, place)) == [7]
    assert events(copy)[-1]["code"] == "data_changed"


def full_disk():
    """Makes every checkpoint file of this process end as on a full disk, after some bytes."""
    import torch.distributed.checkpoint as dcp

    real = dcp.save

    def save(state, checkpoint_id=None, **rest):
        real(state, checkpoint_id=checkpoint_id, **rest)
        if "step-8" in str(checkpoint_id):
            with open("/dev/full", "wb", buffering=0) as file:
                file.write(b"no room")

    dcp.save = save


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_leaves_nothing_half_written(place, text):
    run_dir = write_run(place / "full", text, max_steps=STEPS)
    assert finish(start(run_dir, place, patch=full_disk)) == [7]
    error = events(run_dir)[-1]
    assert error["type"] == "error" and error["code"] == "disk_full" and error["next_steps"]
    assert [path.name for path in (run_dir / "checkpoints").iterdir()] == ["step-4"]
    # With room again, the run goes on from there.
    assert finish(start(resume(run_dir), place)) == [0]
    assert events(run_dir, "start")[-1]["resumed_from"] == 4


def little_room():
    import shutil

    usage = shutil.disk_usage
    shutil.disk_usage = lambda path: usage(path)._replace(free=1000)


def test_too_little_room_is_said_before_writing(place, text):
    run_dir = write_run(place / "little", text, max_steps=STEPS)
    assert finish(start(run_dir, place, patch=little_room)) == [7]
    assert events(run_dir)[-1]["code"] == "disk_full"
    assert list((run_dir / "checkpoints").iterdir()) == []
