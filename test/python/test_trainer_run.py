"""Whole runs of the trainer on one CPU process: what they leave in the run folder, and how they end."""

import json
import math
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch

from trainer.tokenizer import load_tokenizer, tokenizer_key
from trainer_support import events, finish, metrics, start, wait_for, write_run


@pytest.fixture(scope="module")
def finished(place, text):
    run_dir = write_run(place / "finished", text)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def test_events_tell_the_whole_story(finished):
    started = events(finished, "start")[0]
    assert started["architecture"] == "LlamaForCausalLM"
    assert started["tokens_per_step"] == 4 * 2 * 32
    assert started["total_steps"] == 12
    assert started["resumed_from"] is None
    assert 3 < started["unigram_entropy"] < math.log(4096)
    assert events(finished, "step")[-1]["step"] == 12
    assert [event["step"] for event in events(finished, "eval")] == [5, 10, 12]
    assert [event["step"] for event in events(finished, "checkpoint")] == [4, 8, 12]
    done = events(finished)[-1]
    assert done["type"] == "done" and done["reason"] == "finished" and done["steps"] == 12
    assert done["tokens"] == 12 * 256
    assert done["best_loss"] == min(event["eval_loss"] for event in events(finished, "eval"))


def test_metrics_hold_each_step_once_and_exactly(finished):
    lines = metrics(finished)
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 13))
    assert [line["step"] for line in lines if "eval_loss" in line] == [5, 10, 12]
    assert [line["tokens"] for line in lines if "loss" in line] == [256 * step for step in range(1, 13)]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[0] > losses[-1]
    # Exact: every digit of the float32 survives the file.
    assert all(torch.tensor(loss, dtype=torch.float32).item() == loss for loss in losses)


def test_each_evaluation_shows_what_the_model_writes(finished):
    told = events(finished, "samples")
    assert [event["step"] for event in told] == [5, 10, 12]
    assert all(len(event["texts"]) == 2 and all(shown["prompt"] for shown in event["texts"]) for event in told)


def test_without_samples_every_number_is_the_same(finished, place, text):
    run_dir = write_run(place / "silent", text, samples=0)
    assert finish(start(run_dir, place)) == [0]
    assert events(run_dir, "samples") == []
    assert metrics(run_dir) == metrics(finished)


def test_the_last_two_checkpoints_are_kept(finished):
    assert sorted(path.name for path in (finished / "checkpoints").iterdir()) == ["step-12", "step-8"]


def test_best_is_a_model_that_transformers_loads(finished):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(finished / "best")
    tokenizer = AutoTokenizer.from_pretrained(finished / "best")
    best = json.loads((finished / "best.json").read_text())
    assert best["eval_loss"] == events(finished, "done")[0]["best_loss"]
    assert model.config.eos_token_id == tokenizer.eos_token_id
    held_out = torch.tensor([tokenizer.encode("The import statement finds a module and binds a name to it.")])
    loss = model(held_out, labels=held_out).loss.item()
    assert loss < math.log(4096)


def test_the_same_seed_gives_the_same_losses(finished, place, text):
    run_dir = write_run(place / "again", text, max_steps=4)
    other = write_run(place / "other", text, max_steps=4, seed=1)
    assert finish(start(run_dir, place), start(other, place)) == [0, 0]
    losses = [line["loss"] for line in metrics(finished) if "loss" in line]
    # max_steps changes the decay, so only the first losses are comparable: the first is before any update.
    assert metrics(run_dir)[0]["loss"] == losses[0]
    assert metrics(other)[0]["loss"] != losses[0]


def test_a_trailing_partial_accumulation_is_stepped(finished, place, text):
    documents = [json.loads(line)["text"][:400] for line in text.read_text().splitlines()]
    small = place / "small.jsonl"
    small.write_text("".join(json.dumps({"text": document}) + "\n" for document in documents))
    run_dir = write_run(place / "partial", small, {"batch_size": 8, "accumulation_steps": 7, "sequence_length": 64, "steps_per_epoch": None, "eval_every_steps": 100}, pages_per_epoch=1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    done = events(run_dir, "done")[0]
    whole = 7 * 8 * 64
    lines = [line["tokens"] for line in metrics(run_dir) if "loss" in line]
    # Every step but the last is whole; the last holds what is left of the page and is not thrown away.
    assert lines[:-1] == [whole * step for step in range(1, done["steps"])]
    assert 0 < lines[-1] - lines[-2] < whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_checkpoints_and_ends(place, text, number):
    run_dir = write_run(place / f"stopped-{number}", text, {"steps_per_epoch": 100000})
    process = start(run_dir, place)
    wait_for(lambda: len(events(run_dir, "step")) > 1)
    os.kill(process.pid, number)
    assert finish(process, seconds=20) == [130]
    done = events(run_dir)[-1]
    assert done["type"] == "done" and done["reason"] == "cancelled"
    assert (run_dir / "checkpoints" / f"step-{done['steps']}" / "files.json").is_file()


def test_a_second_signal_ends_at_once(place, text):
    run_dir = write_run(place / "twice", text, {"steps_per_epoch": 100000, "accumulation_steps": 100000})
    process = start(run_dir, place)
    wait_for(lambda: any(event["name"] == "training" for event in events(run_dir, "phase")))
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    process.join(0.5)
    assert process.is_alive(), "the first signal finishes the step"
    os.kill(process.pid, signal.SIGINT)
    assert finish(process, seconds=5) == [130]
    assert not events(run_dir, "done")


def test_max_minutes_ends_the_run_with_its_decay_done(place, text):
    run_dir = write_run(place / "minutes", text, {"steps_per_epoch": None}, epochs=-1, max_minutes=0.03)
    assert finish(start(run_dir, place)) == [0]
    assert events(run_dir, "done")[0]["reason"] == "max_minutes"
    rates = [line["lr"] for line in metrics(run_dir) if "lr" in line]
    assert rates[-1] < 0.5 * max(rates)


def test_from_a_model_folder_and_from_one_file(finished, place, text):
    for kind, path in (("model_dir", finished / "best"), ("model_file", finished / "best" / "model.safetensors")):
        run_dir = write_run(place / kind, text, max_steps=2, source={"kind": kind, "path": str(path), "config": None})
        assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
        assert events(run_dir, "start")[0]["architecture"] == "LlamaForCausalLM"
        # It goes on from what was learned: the first loss is near the best one, far below that of random weights.
        trained, first = ([line for line in metrics(folder) if "loss" in line] for folder in (run_dir, finished))
        assert trained[0]["loss"] < first[0]["loss"] - 0.3


@pytest.fixture
def given(finished, tmp_path):
    """A copy of a trained model that a test takes something from."""
    return shutil.copytree(finished / "best", tmp_path / "given")


def train_from(given, place, text, name, **request):
    source = {"kind": "model_dir", "path": str(given), "config": None, **request.pop("source", {})}
    run_dir = write_run(place / name, text, max_steps=2, source=source, **request)
    return run_dir, finish(start(run_dir, place))


def test_a_model_without_a_tokenizer_is_trained_and_saved_with_the_one_that_is_said(given, place, text):
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (given / file).unlink()
    run_dir, codes = train_from(given, place, text, "no-tokenizer", competition={"tokenizer": "builtin"})
    assert codes == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[0]["tokenizer"] == "builtin (the competition's)"
    [warning] = [event for event in events(run_dir, "warning") if event["code"] == "tokenizer_taken"]
    assert "the competition's, builtin" in warning["message"]
    assert len(json.loads((run_dir / "best" / "tokenizer.json").read_text())["model"]["vocab"]) == 4096


def test_a_sentencepiece_tokenizer_of_the_folder_is_trained_with_and_saved(given, place, text):
    (given / "tokenizer.json").unlink()
    (given / "tokenizer_config.json").unlink()
    shutil.copy(Path(__file__).parent / "sentencepiece" / "llama.model", given / "tokenizer.model")
    run_dir, codes = train_from(given, place, text, "sentencepiece", competition={"tokenizer": "builtin"})
    assert codes == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[0]["tokenizer"] == f"{given} (the model's own)"
    saved, own = load_tokenizer(str(run_dir / "best")), load_tokenizer(str(given))
    assert tokenizer_key(saved) == tokenizer_key(own) and len(saved) == 400


def test_a_tokenizer_of_the_folder_in_another_form_is_refused_and_no_other_taken(given, place, text):
    (given / "tokenizer.json").unlink()
    (given / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>")
    run_dir, codes = train_from(given, place, text, "other-form", competition={"tokenizer": "builtin"})
    assert codes == [7]
    error = events(run_dir)[-1]
    assert error["code"] == "bad_tokenizer" and "tokenizer.model" in error["message"] and error["next_steps"]
    assert not (run_dir / "best").exists()


def test_a_tokenizer_larger_than_the_embedding_of_a_given_model_is_refused(given, place, text):
    (given / "tokenizer.json").unlink()
    run_dir, codes = train_from(given, place, text, "too-many-tokens", competition={"tokenizer": "gpt-4"})
    assert codes == [7]
    assert events(run_dir)[-1]["code"] == "tokenizer_too_large" and "100,277" in events(run_dir)[-1]["message"]


def test_one_file_without_its_config_is_refused(given, place, text):
    (given / "config.json").unlink()
    run_dir, codes = train_from(given / "model.safetensors", place, text, "no-config", source={"kind": "model_file"})
    assert codes == [7]
    assert events(run_dir)[-1]["code"] == "bad_model" and "number of heads" in events(run_dir)[-1]["message"]


LLAMA = {"model_type": "llama", "vocab_size": 4096, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
BAD = {
    "unknown key": ({"learning": 1}, {}, "bad_recipe", "'learning'"),
    "wrong type": ({"optimizer": {"lr": "fast"}}, {}, "bad_recipe", "optimizer: lr"),
    "two contradictions": ({"optimizer": {"lr": -1}, "batch_ramp": [[0, 2]]}, {}, "bad_recipe", "optimizer.lr must be above 0, not -1.0; batch_ramp must hold"),
    "too long": ({"sequence_length": 128}, {}, "bad_recipe", "64 positions"),
    "heads that do not divide": ({"architecture": {**LLAMA, "num_attention_heads": 4, "num_key_value_heads": 3}}, {}, "bad_recipe", "LlamaForCausalLM cannot compute"),
    "width that does not divide": ({"architecture": {**LLAMA, "model_type": "gpt_neox", "num_attention_heads": 5}}, {}, "bad_model", "recipe nano is no config"),
    "missing data": ({}, {"data": [{"name": "/nowhere/text.txt", "weight": 1.0}]}, "data_missing", "/nowhere/text.txt"),
    "empty data": ({}, {"data": [{"name": "empty.txt", "weight": 1.0}]}, "data_empty", "empty.txt"),
    "binary data": ({}, {"data": [{"name": "binary.txt", "weight": 1.0}]}, "data_binary", "binary.txt"),
    "no parquet": ({}, {"data": [{"name": "no.parquet", "weight": 1.0}]}, "bad_data", "no.parquet"),
    "short data": ({}, {"data": [{"name": "short.txt", "weight": 1.0}]}, "data_too_short", "sequences of 32"),
    "data of the network": ({}, {"data": [{"name": "FINEWEB", "weight": 1.0}]}, "data_missing", "--offline forbids"),
    "small vocabulary": ({"architecture": {**LLAMA, "vocab_size": 100}}, {}, "tokenizer_too_large", "4,096"),
    "unknown architecture": ({"architecture": {"model_type": "perceptron"}}, {}, "bad_model", "perceptron"),
    "missing model": ({}, {"source": {"kind": "model_dir", "path": "/nowhere", "config": None}}, "bad_model", "/nowhere"),
    "no GPU": ({}, {"device": "cuda:99"}, "bad_device", "cuda:99"),
    "missing package": ({}, {"attention": "flash_attention_2"}, "missing_package", "flash-attn"),
}  # fmt: skip


@pytest.fixture(scope="module")
def bad_files(place):
    (place / "empty.txt").write_text("")
    (place / "binary.txt").write_bytes(bytes(range(256)) * 40)
    (place / "no.parquet").write_text("PAR1 but nothing else")
    (place / "short.txt").write_text("five words are too few")
    return place


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(place, text, bad_files, name):
    recipe, request, code, words = BAD[name]
    if "data" in request:
        beside = bad_files / request["data"][0]["name"]
        request = {"data": [{"name": str(beside) if beside.exists() else request["data"][0]["name"], "weight": 1.0}]}
    run_dir = write_run(place / name.replace(" ", "-"), text, recipe, **request)
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir)[-1]
    assert error["type"] == "error" and error["code"] == code
    assert words in error["message"] and error["next_steps"]
    assert not (run_dir / "best").exists()


@pytest.mark.parametrize("which", ["selective", "full"])
def test_activation_checkpointing_changes_no_bit(finished, place, text, which):
    run_dir = write_run(place / which, text, {"activation_checkpointing": which})
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert metrics(run_dir) == metrics(finished)


def test_a_dead_data_source_is_named_at_the_start_and_in_the_middle(place, text):
    from data_support import SmallHub, numbered_texts, write_parquet

    root = place / "hub"
    for part in range(60):  # far more than is read ahead: a run that has all of it would never end
        write_parquet(root / f"HuggingFaceFW/fineweb/data/CC-MAIN-{part}/000.parquet", numbered_texts(60, f"part {part} row"), 10)
    hub = SmallHub(root)
    request = {"data": [{"name": "FINEWEB", "weight": 1.0}], "offline": False, "hub_endpoint": hub.url, "epochs": -1}
    middle = write_run(place / "dies", text, {"steps_per_epoch": None, "eval_every_steps": 1000, "checkpoint_every_steps": 9}, **request)
    process = start(middle, place / "dead-home", patch=no_waiting)
    wait_for(lambda: len(events(middle, "checkpoint")) > 1)
    hub.close()
    assert finish(process) == [7]
    error = events(middle, "error")[0]
    assert error["code"] == "data_unreachable" and hub.url.removeprefix("http://") in error["message"]
    assert any("--resume" in step for step in error["next_steps"]) and (middle / "checkpoints").is_dir()
    from_start = write_run(place / "dead", text, **request)
    assert finish(start(from_start, place / "other-home", patch=no_waiting)) == [7]
    assert events(from_start, "error")[0]["code"] == "data_unreachable"


def no_waiting():
    """Between attempts; how long they go on is tested in the data room."""
    from trainer.data import range_file

    range_file.FIRST_WAIT_SECONDS, range_file.LONGEST_WAIT_SECONDS = 0.001, 0.005
