"""Whole runs in little memory: bf16 parameters and 8-bit moments, resumed, on two processes; and what is refused instead of being left out."""

import json
import shutil

import pytest
import torch

from trainer.config import Source
from trainer.model.load import load_model, make_config
from trainer_support import events, finish, metrics, start, start_ranks, write_run

LEAN = {"param_dtype": "bf16", "optimizer": {"state_dtype": "int8"}, "batch_size": 2, "accumulation_steps": 2, "eval_every_steps": 100}


@pytest.fixture(scope="module")
def whole(place, text):
    run_dir = write_run(place / "whole", text, LEAN, max_steps=12)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def losses(run_dir):
    return [line["loss"] for line in metrics(run_dir) if "loss" in line]


def test_it_learns_and_is_resumed_to_the_last_bit(whole, place):
    assert losses(whole)[-1] < losses(whole)[0] - 0.5
    assert not events(whole, "warning")
    run_dir = place / "resumed"
    shutil.copytree(whole, run_dir)
    shutil.rmtree(run_dir / "checkpoints" / "step-12")
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "run_dir": str(run_dir), "resume": True}))
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[-1]["resumed_from"] == 8
    # The random rounding goes on where it was.
    assert losses(run_dir) == losses(whole)


def test_two_processes_train_nearly_as_one(whole, place, text):
    run_dir = write_run(place / "two", text, LEAN, max_steps=12)
    assert finish(*start_ranks(run_dir, place, 2)) == [0, 0], (run_dir / "trainer.log").read_text()
    # Rounded at random, each in its own way.
    assert losses(run_dir) == pytest.approx(losses(whole), rel=0.01)


def test_fp8_without_such_a_gpu_is_refused(place, text):
    run_dir = write_run(place / "fp8", text, {"fp8": True})
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir, "error")[0]
    assert error["code"] == "bad_recipe" and "Hopper" in error["message"] and 'In the recipe: "fp8": false' in error["next_steps"]


def test_bf16_parameters_leave_the_rotary_frequencies_in_fp32():
    config = make_config(
        {"model_type": "llama", "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}, "test"
    )
    torch.manual_seed(0)
    whole = load_model(Source(), config, "sdpa", torch.float32, torch.device("cpu"))
    torch.manual_seed(0)
    lean = load_model(Source(), config, "sdpa", torch.bfloat16, torch.device("cpu"))
    assert {param.dtype for param in lean.parameters()} == {torch.bfloat16}
    assert torch.equal(lean.model.rotary_emb.inv_freq, whole.model.rotary_emb.inv_freq)
    assert all(torch.equal(a, b.bfloat16()) for a, b in zip(lean.parameters(), whole.parameters()))
