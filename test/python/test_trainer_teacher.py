"""A teacher's logits beside the text: the gradients of all logits at once, its memory, what is told of it, and who cannot teach."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM

from trainer.config import Recipe, parse
from trainer.fit.memory import estimate
from trainer.model import loss
from trainer.model.load import make_config
from trainer.model.loss import NOT_COUNTED, Lesson, linear_cross_entropy
from trainer.model.save import save_model
from trainer.tokenizer import load_tokenizer
from trainer_support import NANO, events, finish, metrics, start, start_ranks, write_run

STEPS = 8
RECIPE = {"eval_every_steps": 4, "schedule": {"name": "constant"}, "finetune": {"warmup_steps": 1}, "optimizer": {"name": "adamw"}}


@pytest.mark.parametrize("tile", [1, 8])
@pytest.mark.parametrize(("share", "z_loss"), [(0.3, 0.01), (1.0, 0.0)])
def test_objective_and_gradients_are_those_of_all_logits_at_once(monkeypatch, tile, share, z_loss):
    monkeypatch.setattr(loss, "CHUNK_ELEMENTS", 37 * 9)
    monkeypatch.setattr(loss, "CHUNK_ROWS", 4)
    monkeypatch.setattr(loss, "VOCABULARY_TILE", {"cpu": tile})
    torch.manual_seed(0)
    leaves = [torch.randn(23, 16), torch.randn(37, 16), torch.randn(37)]
    taught = torch.randn(23, 12), torch.randn(37, 12), torch.randn(37)
    targets = torch.randint(37, (23,))
    targets[[3, 22]] = NOT_COUNTED
    counted = targets != NOT_COUNTED

    def plain(hidden, weight, bias):
        logits, lesson = nn.functional.linear(hidden, weight, bias), nn.functional.linear(*taught)
        text = nn.functional.cross_entropy(logits, targets, ignore_index=NOT_COUNTED)
        kl = nn.functional.kl_div(logits.log_softmax(-1)[counted], lesson.log_softmax(-1)[counted], reduction="batchmean", log_target=True)
        return (1 - share) * text + share * kl + z_loss * logits.logsumexp(-1)[counted].square().mean(), text, kl

    results = []
    for compute in (lambda *given: linear_cross_entropy(*given, targets, 21, z_loss, lesson=Lesson(*taught, share)), plain):
        hidden, weight, bias = (leaf.clone().requires_grad_() for leaf in leaves)
        objective, text, kl = compute(hidden, weight, bias)
        (3 * objective).backward()
        results.append([objective, text, kl, hidden.grad, weight.grad, bias.grad])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-6)


def test_its_memory_is_counted_without_gradients():
    config, recipe = make_config(dict(NANO["architecture"]), "nano"), parse(Recipe, NANO, "nano")
    big = make_config({**NANO["architecture"], "hidden_size": 128, "intermediate_size": 256}, "teacher")
    alone, taught = (estimate(config, recipe, torch.bfloat16, "sdpa", 4, teacher=teacher) for teacher in (None, big))
    weights = 2 * sum(param.numel() for param in AutoModelForCausalLM.from_config(big).parameters())
    assert alone.teacher == 0 and taught.teacher == weights
    assert (taught.parameters, taught.gradients, taught.optimizer) == (alone.parameters, alone.gradients, alone.optimizer)
    assert alone.activations < taught.activations and taught.total > alone.total + weights
    assert taught.shared_by(2).teacher == weights // 2 and taught.whole > alone.whole


@pytest.fixture(scope="module")
def base(place, text):
    run_dir = write_run(place / "base", text, max_steps=12, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir / "best"


def tune(place, text, base, name, ranks=1, recipe=None, code=0, **more):
    source = {"kind": "model_dir", "path": str(base), "config": None}
    run_dir = write_run(place / name, text, {**RECIPE, **(recipe or {})}, source=source, **{"lr": 0.01, "max_steps": STEPS, "epochs": -1, **more})
    assert finish(*(start_ranks(run_dir, place, ranks) if ranks > 1 else [start(run_dir, place)])) == [code] * ranks, (run_dir / "trainer.log").read_text()
    return run_dir


@pytest.fixture(scope="module")
def taught(place, text, base):
    """Learns from the text less than from what it was itself."""
    return tune(place, text, base, "taught", teacher=str(base), teacher_weight=0.9)


def test_both_losses_are_told_and_the_teacher_holds_it_back(taught, place, text, base):
    alone = tune(place, text, base, "alone")
    steps, free = ([line for line in metrics(run) if "loss" in line] for run in (taught, alone))
    assert abs(steps[0]["kl"]) < 1e-5 and steps[0]["loss"] == pytest.approx(free[0]["loss"], abs=1e-6)
    assert all(line["kl"] > 0 for line in steps[1:]) and not any("kl" in line for line in free)
    assert steps[-1]["loss"] > free[-1]["loss"]
    assert events(taught, "step")[-1]["kl"] == pytest.approx(steps[-1]["kl"]) and events(alone, "step")[-1]["kl"] is None
    before, held, loose = (load_file(folder / "model.safetensors") for folder in (base, taught / "best", alone / "best"))
    moved = [sum((after[name].float() - before[name].float()).square().sum() for name in before) for after in (held, loose)]
    assert moved[0] < moved[1]


@pytest.mark.parametrize(("name", "more"), [("two processes", {"ranks": 2}), ("recomputed", {"recipe": {"activation_checkpointing": "full", "document_masking": True}})])
def test_sharded_or_recomputed_it_is_the_same(taught, place, text, base, name, more):
    run_dir = tune(place, text, base, name.replace(" ", "-"), teacher=str(base), teacher_weight=0.9, **more)
    if "recipe" in more:  # documents kept apart are another loss, and the teacher reads as the model does
        assert abs(metrics(run_dir)[1]["kl"]) < 1e-5
        return
    for one, other in zip(metrics(taught), metrics(run_dir), strict=True):
        assert one.get("loss") == pytest.approx(other.get("loss"), abs=2e-4) and one.get("kl") == pytest.approx(other.get("kl"), abs=2e-4)


def test_who_cannot_teach_is_told_before_the_first_step(place, text, base):
    def folder(name, **changes):
        torch.manual_seed(0)
        kind = changes.pop("model_type", "llama")
        config = make_config({**NANO["architecture"], "model_type": kind, **changes}, name)
        model = AutoModelForCausalLM.from_config(config)
        if name == "broken":
            model.model.norm.weight.data[3] = torch.nan
        tokenizer = load_tokenizer(str(base))
        if name == "tokenizer":
            tokenizer.add_tokens(["<other>"])
        save_model(place / name, config, type(model).__name__, dict(model.named_parameters()), tokenizer, torch.float32)
        return place / name

    for name, said, changes in [
        ("vocabulary", "tells 5,000 tokens apart, and the model 4,096", {"vocab_size": 5000}),
        ("tokenizer", "its tokenizer is another", {}),
        ("short", "it reads 16 tokens, and sequences have 32", {"max_position_embeddings": 16}),
        ("broken", "model.norm.weight holds NaN", {}),
        ("capped", "changes its logits after the head", {"model_type": "granite", "logits_scaling": 8.0}),
    ]:
        run_dir = tune(place, text, base, f"bad-{name}", code=7, teacher=str(folder(name, **changes)))
        error = events(run_dir)[-1]
        assert (error["type"], error["code"]) == ("error", "bad_teacher"), error
        assert said in error["message"] and not events(run_dir, "start")
    assert json.loads((run_dir / "run.json").read_text())["teacher"] in error["message"]
