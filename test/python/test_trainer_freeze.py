"""Frozen parts: no bit of them changes, and optimizer, checkpoints, average and estimate hold only what trains."""

import json
import shutil

import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file

from trainer.config import Recipe, parse
from trainer.errors import TrainerError
from trainer.fit.memory import estimate
from trainer.model.load import make_config, skeleton
from trainer.model.trainable import count_trained, freeze, matches
from trainer_support import NANO, events, finish, metrics, start, write_run

FROZEN = ["embed_tokens", "layers.0", "*_layernorm"]
STEPS = 8


def nano(**changes):
    return skeleton(make_config({**NANO["architecture"], **changes}, "nano"), "sdpa", torch.float32)


def test_a_pattern_is_a_run_of_whole_parts_of_a_name():
    name = "model.layers.1.self_attn.q_proj.weight"
    assert all(matches(name, pattern) for pattern in ("layers.1", "q_proj", "self_attn.q_proj", name, "layers.[0-3]", "*_proj", "model.*.weight"))
    assert not any(matches(name, pattern) for pattern in ("layers", "layer", "proj", "layers.11", "q_proj.bias")[1:])


def test_tied_weights_are_one_and_nothing_matched_or_left_is_an_error():
    model = nano()
    freeze(model, ["lm_head"])
    assert not model.get_input_embeddings().weight.requires_grad, "tied"
    assert count_trained(model) == sum(p.numel() for p in model.parameters()) - 4096 * 32
    with pytest.raises(TrainerError, match="attn_proj matches no parameter of LlamaForCausalLM"):
        freeze(nano(), ["attn_proj"])
    with pytest.raises(TrainerError, match="leaves nothing"):
        freeze(nano(), ["model"])


def test_the_estimate_counts_gradients_and_moments_of_what_trains_alone():
    config = make_config(NANO["architecture"], "nano")
    plain, frozen = (
        estimate(config, parse(Recipe, {**NANO, "optimizer": {"name": "adamw"}, "freeze": patterns}, "nano"), torch.float32, "sdpa", 2) for patterns in ([], FROZEN)
    )
    model = nano()
    freeze(model, FROZEN)
    learns = 4 * count_trained(model)
    assert frozen.parameters == plain.parameters and plain.gradients == plain.parameters
    assert frozen.gradients == learns and 2 * learns <= frozen.optimizer < 2.01 * learns
    assert frozen.saving == learns + frozen.optimizer and frozen.activations <= plain.activations


@pytest.fixture(scope="module")
def base(place, text):
    """A trained model to start from."""
    run_dir = write_run(place / "base", text, max_steps=4, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir / "best"


def tune(place, text, base, name, steps=STEPS, **more):
    source = {"kind": "model_dir", "path": str(base), "config": None}
    recipe = {"eval_every_steps": 4, "schedule": {"name": "constant"}, "finetune": {"warmup_steps": 1}}
    run_dir = write_run(place / name, text, recipe, source=source, freeze=FROZEN, lr=0.01, max_steps=steps, epochs=-1, **more)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


@pytest.fixture(scope="module")
def whole(place, text, base):
    return tune(place, text, base, "whole")


def test_what_is_frozen_stays_and_the_rest_learns(whole, base):
    before, after = (load_file(folder / "model.safetensors") for folder in (base, whole / "best"))
    assert before.keys() == after.keys()
    for name in before:
        frozen = any(matches(name, pattern) for pattern in FROZEN)
        assert torch.equal(before[name], after[name]) == frozen, name
    started = events(whole, "start")[0]
    assert 0 < started["trained"] < started["parameters"]
    assert started["trained"] == sum(tensor.numel() for name, tensor in after.items() if not any(matches(name, pattern) for pattern in FROZEN))


def test_checkpoints_hold_what_trains(whole):
    names = dcp.FileSystemReader(whole / "checkpoints" / f"step-{STEPS}").read_metadata().state_dict_metadata
    assert any("layers.1" in name for name in names)
    assert not [name for name in names for pattern in FROZEN if matches(name.partition("|")[0], pattern)]


def test_resumed_it_is_the_same_to_the_bit_and_another_start_is_refused(whole, place, text, base):
    half = tune(place, text, base, "half", steps=4)
    config = {**json.loads((half / "run.json").read_text()), "resume": True, "max_steps": STEPS}
    other = place / "other"
    shutil.copytree(base, other)
    tensors = load_file(other / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] += 1
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    (half / "run.json").write_text(json.dumps({**config, "source": {**config["source"], "path": str(other)}}))
    assert finish(start(half, place)) == [7]
    assert events(half)[-1]["code"] == "start_changed" and str(other) in events(half)[-1]["message"]
    (half / "run.json").write_text(json.dumps(config))
    assert finish(start(half, place)) == [0], (half / "trainer.log").read_text()
    assert metrics(half) == metrics(whole)
    assert (half / "best" / "model.safetensors").read_bytes() == (whole / "best" / "model.safetensors").read_bytes()
