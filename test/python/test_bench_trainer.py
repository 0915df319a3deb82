"""The trainer's bench: the code that runs on a GPU, run on a CPU with a very small model, and what it derives from measurements."""

import json
import math
import runpy
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "trainer"))

from ours import Clock, Enough
from quality import needed, tune
from shapes import SHAPES, TINY, recipe_for
from variants import Tried, changed

from trainer.optim.muon import Muon


def test_the_contest_on_a_small_model(monkeypatch, capsys):
    """Every contestant in its process, through the path of `--part gpu`; only the device and the shape differ. The bench itself runs in this one."""
    options = ["--part", "speed", "--device", "cpu", "--shape", "nano", "--rounds", "1", "--steps", "2", "--threads", "1", "--json"]
    monkeypatch.setattr(sys, "argv", ["trainer.py", *options, "--limit", "120"])
    threads = torch.get_num_threads()
    try:
        runpy.run_path(str(ROOT / "bench" / "trainer.py"), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    figures = {line["metric"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert all({"bench", "metric", "value", "unit", "rival", "ratio"} <= line.keys() for line in figures.values())
    assert "torch" in figures["environment"]["note"] and "commit" in figures["environment"]["note"]
    for rival in ("the reference's kind of loop", "nanoGPT's kind of loop"):
        speed = figures[f"speed, nano on cpu; rival: {rival}"]
        assert speed["value"] > 0 and speed["ratio"] == pytest.approx(speed["value"] / speed["rival"], rel=0.01)
        assert figures[f"peak memory, nano on cpu; rival: {rival}"]["ratio"] > 0
    hugging_face = [line for metric, line in figures.items() if "Hugging Face" in metric]
    missing = [line for line in hugging_face if line["value"] is None]
    assert len(missing) == 1 and "accelerate" in missing[0]["note"] if missing else len(hugging_face) == 2


def test_the_clock_times_only_what_lies_between_its_calls():
    ran = []
    clock = Clock(warmup=2, steps=3, device="cpu", between=lambda: ran.append(clock.seen))
    assert [clock.step() for _ in range(5)] == [False] * 5
    with pytest.raises(Enough):
        clock.is_set()
    assert ran == [0, 1, 2, 3, 4, 5]
    assert len(clock.durations) == len(clock.work) == 3
    assert sum(clock.durations) <= clock.seconds


def test_what_ours_needs_is_read_between_whole_runs():
    losses = {0.1: 6.0, 0.2: 5.0, 0.4: 4.0, 1.0: 4.5}
    assert needed(losses, 5.0) == pytest.approx(0.2)
    assert needed(losses, 4.5) == pytest.approx(0.2 * 2**0.5)
    assert needed(losses, 7.0) == 0.1
    assert needed(losses, 3.9) is None


def test_adamw_is_tuned_in_its_rate_then_its_embeddings_then_its_betas_then_its_rate_again():
    """On losses that are known: the best is found, a change that does not help is not taken."""

    def loss_of(recipe: dict) -> float:
        adamw = recipe["optimizer"]
        embeddings = abs(math.log(adamw["embedding_lr"] / 2e-2)) if adamw["embedding_lr"] else 3
        return abs(math.log(adamw["lr"] / 4e-3)) + embeddings + (adamw["betas"] != [0.9, 0.95]) + (adamw["lr"] == 2e-3) * (adamw["embedding_lr"] is None) * -2

    single, tuned = tune(300, lambda recipes: min(((name, loss_of(recipe)) for name, recipe in recipes.items()), key=lambda pair: pair[1]))
    assert (single["optimizer"]["lr"], single["optimizer"]["embedding_lr"]) == (2e-3, None)
    found = tuned["optimizer"]
    assert (found["lr"], found["embedding_lr"], found["betas"]) == (4e-3, 2e-2, [0.9, 0.95])


def test_the_shape_for_a_gpu_is_what_is_claimed_of_it():
    from transformers import AutoModelForCausalLM

    from trainer.model.load import count_parameters, make_config

    shape = SHAPES["1.3b"]
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(make_config(dict(shape.architecture), "the bench"))
    assert 1.25e9 < count_parameters(model) < 1.4e9
    assert shape.architecture["vocab_size"] == 100_277 and shape.sequence_length == 4096
    for micro in shape.micro:
        recipe = recipe_for(shape, micro)
        assert recipe["batch_size"] * recipe["accumulation_steps"] == shape.sequences


@pytest.mark.parametrize("tried, same", [({}, True), ({"even_rows": True}, True), ({"scale": "rms"}, False), ({"cautious": True}, False)])
def test_a_variant_differs_from_muon_by_what_is_tried_alone(tried, same):
    def moved(optimizer) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        params = [torch.nn.Parameter(torch.randn(24, 40, generator=generator)) for _ in range(2)]
        made = optimizer(params, lr=0.02, momentum=0.9, weight_decay=0.1, steps=5, even_rows=bool(tried.get("even_rows")))
        for _ in range(3):
            for param in params:
                param.grad = torch.randn(param.shape, generator=generator)
            made.step()
        return torch.stack([param.detach() for param in params])

    other = moved(type("Tried", (Tried,), {key: value for key, value in tried.items() if key != "even_rows"}))
    assert torch.allclose(moved(Muon), other, atol=1e-6) == same


def test_a_variant_is_its_shape_but_for_what_it_names():
    recipe, tried = changed("tiny", "muon_lr=0.04,betas=0.7/0.95,schedule=cosine,even_rows=0,cautious=1", None)
    assert recipe["optimizer"] == {**TINY["optimizer"], "muon_lr": 0.04, "betas": [0.7, 0.95], "even_rows": False}
    assert recipe["schedule"] == {**TINY["schedule"], "name": "cosine"} and tried == {"cautious": True}
    assert changed("tiny", "", None) == (TINY, {})
    assert changed("tiny", "", 2)[0]["batch_size"] == 2
