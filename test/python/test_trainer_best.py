"""`best/` is written while training goes on, and no checkpoint claims a best model that is not on disk."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from trainer_support import events, finish, metrics, start, start_ranks, wait_for, write_run

EVERY = {"eval_every_steps": 2, "checkpoint_every_steps": 2, "steps_per_epoch": 100000}


def hold_back():
    """Runs in the trainer's process: its first best model is on its way until a file appears beside the run."""
    import trainer.evaluation

    save = trainer.evaluation.save_model

    def slow(folder, *given):
        save(folder, *given)
        (folder.parent / "under-way").touch()
        while not (folder.parent / "go").exists():
            time.sleep(0.01)

    trainer.evaluation.save_model = slow


def fail():
    import trainer.evaluation

    def full(folder: Path, *given):
        folder.mkdir()
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    trainer.evaluation.save_model = full


@pytest.mark.parametrize("ranks", [1, 2])
def test_steps_go_on_while_it_is_written_and_a_kill_then_costs_nothing(place, text, ranks):
    whole = write_run(place / f"whole-{ranks}", text, EVERY, max_steps=5)
    run_dir = write_run(place / f"held-{ranks}", text, EVERY, max_steps=5)
    begin = lambda folder, patch=None: [start(folder, place, patch=patch)] if ranks == 1 else start_ranks(folder, place, ranks, patch)  # noqa: E731
    assert finish(*begin(whole)) == [0] * ranks
    processes = begin(run_dir, hold_back)
    wait_for(lambda: (run_dir / "under-way").exists())
    # The step after the evaluation, while its model is being written; the checkpoint of that step has no name yet.
    wait_for(lambda: max((line["step"] for line in metrics(run_dir)), default=0) >= 3)
    assert not (run_dir / "best").exists() and not events(run_dir, "best")
    assert not list((run_dir / "checkpoints").glob("step-*"))
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    finish(*processes)
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "resume": True, "from_start": True}))
    assert finish(*begin(run_dir)) == [0] * ranks, (run_dir / "trainer.log").read_text()
    assert metrics(run_dir) == metrics(whole)
    assert json.loads((run_dir / "best.json").read_text()) == json.loads((whole / "best.json").read_text())
    assert (run_dir / "best" / "model.safetensors").read_bytes() == (whole / "best" / "model.safetensors").read_bytes()
    assert not list(run_dir.glob(".best*"))


def test_the_end_waits_for_it(place, text):
    run_dir = write_run(place / "end", text, EVERY, max_steps=2)
    process = start(run_dir, place, patch=hold_back)
    wait_for(lambda: (run_dir / "under-way").exists() and any(event["name"] == "saving" and event["detail"] == "checkpoint" for event in events(run_dir, "phase")))
    process.join(0.3)
    assert process.is_alive() and not events(run_dir, "done")
    (run_dir / "go").touch()
    assert finish(process) == [0]
    assert [event["type"] for event in events(run_dir) if event["type"] in ("best", "done")] == ["best", "done"]


def test_a_full_disk_is_said_and_leaves_neither_a_half_model_nor_a_checkpoint_that_claims_it(place, text):
    run_dir = write_run(place / "full", text, EVERY, max_steps=40)
    assert finish(start(run_dir, place, patch=fail)) == [7]
    assert events(run_dir, "error")[0]["code"] == "disk_full"
    assert not list(run_dir.glob(".best*")) and not (run_dir / "best.json").exists()
    assert not list((run_dir / "checkpoints").glob("*"))


def test_what_is_set_aside_stays_whole_through_kills_and_further_lives(tmp_path):
    from trainer.record.best import Best

    best, said = Best(tmp_path), []
    best.set_aside(said.append)
    assert not said

    def live(name, numbers=True):
        (tmp_path / "best").mkdir()
        (tmp_path / "best" / "config.json").write_text(name)
        if numbers:
            (tmp_path / "best.json").write_text(json.dumps({"eval_loss": name}))

    live("first")
    # Killed between the two renames: the numbers went, the model did not.
    os.rename(tmp_path / "best.json", tmp_path / "best.before-1.json")
    best.set_aside(said.append)
    live("second")
    best.set_aside(said.append)
    live("third", numbers=False)
    best.set_aside(said.append)
    for number, name in enumerate(["first", "second", "third"], start=1):
        assert (tmp_path / f"best.before-{number}" / "config.json").read_text() == name
        if name != "third":
            assert json.loads((tmp_path / f"best.before-{number}.json").read_text()) == {"eval_loss": name}
    assert [f"best.before-{number}" in text for number, text in enumerate(said, start=1)] == [True] * 3
