"""LoRA by peft: merged as transformers and peft themselves would, exact after a kill, in all the ways that a run may compute."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from trainer.config import LoraConfig, Recipe, RunConfig, apply_overrides, parse
from trainer.errors import TrainerError
from trainer.fit.memory import estimate
from trainer.model.adapters import adapt, merged, target_layers
from trainer.model.load import make_config, skeleton
from trainer.model.save import save_model
from trainer.model.trainable import count_trained
from trainer_support import NANO, ROOT, events, finish, metrics, same_as_best, start, start_ranks, write_run

STEPS = 8
KING = json.loads((ROOT / "constants" / "profiles" / "albedo.json").read_text())["sandbox"]["king"]
GPT2 = {"model_type": "gpt2", "vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 32}


def source(path):
    return {"kind": "model_dir", "path": str(path), "config": None}


@pytest.mark.parametrize("shape", [NANO["architecture"], KING, GPT2], ids=["llama", "qwen3_5_moe", "gpt2"])
def test_merged_it_is_what_peft_merges(shape):
    import peft

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(make_config(dict(shape), "shape")).eval()
    plain = {name: param.detach().clone() for name, param in model.named_parameters()}
    tokens = torch.arange(24).unsqueeze(0) % 60
    before = model(tokens).logits
    adapt(model, LoraConfig(rank=4, alpha=12.0))
    assert torch.equal(model(tokens).logits, before), "they begin as nothing"
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "lora_B" in name:
                param.normal_(std=0.05)
    mine = merged(model, {name: param.detach() for name, param in model.named_parameters()})
    assert mine.keys() == plain.keys() and not all(torch.equal(mine[name], plain[name]) for name in plain)
    learned = model(tokens).logits
    assert (learned - before).abs().max() > 1e-3
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            module.merge()
    theirs = {name.replace(".base_layer", ""): param for name, param in model.named_parameters() if "lora_" not in name}
    for name in plain:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-5, atol=1e-6)
    again = AutoModelForCausalLM.from_config(make_config(dict(shape), "shape")).eval()
    again.load_state_dict(mine, strict=False)
    torch.testing.assert_close(again(tokens).logits, learned, rtol=1e-3, atol=1e-4)


def test_targets_are_linear_layers_by_name_and_never_the_head():
    model = skeleton(make_config(dict(KING), "king"), "sdpa", torch.float32)
    everything = target_layers(model, [])
    assert "model.layers.0.mlp.shared_expert.up_proj" in everything
    assert not [name for name in everything if "lm_head" in name or "shared_expert_gate" in name or "embed" in name]
    assert target_layers(model, ["layers.1.self_attn"]) == [f"model.layers.1.self_attn.{part}_proj" for part in "qkvo"]
    for bad in ("lm_head", "experts", "nothing"):
        with pytest.raises(TrainerError, match=f"lora.targets: {bad} matches no linear layer of Qwen3_5MoeForCausalLM"):
            target_layers(model, ["q_proj", bad])


def test_what_makes_no_sense_is_refused_and_the_rate_is_an_adapters():
    def asked(**request):
        recipe = {**NANO, "optimizer": {"name": "adamw", "lr": 0.01}}
        return apply_overrides(parse(RunConfig, {"run_dir": "/run", "recipe": recipe, "source": source("/m"), **request}, "run.json"))

    assert asked(lora_rank=4).recipe.optimizer.lr == pytest.approx(0.01) and asked().recipe.optimizer.lr == pytest.approx(0.001)
    assert asked(lora_rank=4, lr=0.5).recipe.optimizer.lr == pytest.approx(0.5)
    for fault, request in {"there are none": {"lora_alpha": 3.0}, "that is given": {"lora_rank": 4, "source": {"kind": "recipe", "path": None, "config": None}}}.items():
        with pytest.raises(TrainerError, match=fault):
            asked(**request)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_estimate_counts_moments_of_adapters_alone(compiled):
    config = make_config(dict(NANO["architecture"]), "nano")
    recipe = parse(Recipe, {**NANO, "optimizer": {"name": "adamw"}, "activation_checkpointing": "full", "lora": {"rank": 4}}, "nano")
    found = estimate(config, recipe, torch.bfloat16, "sdpa", 2, compiled=compiled)
    model = skeleton(config, "sdpa", torch.float32)
    adapt(model, recipe.lora)
    learns = 4 * count_trained(model)
    assert found.gradients == learns and 2 * learns <= found.optimizer < 2.02 * learns
    assert found.parameters == 4 * sum(param.numel() for param in model.parameters())


@pytest.fixture(scope="module")
def base(place, text):
    """A trained model in bf16, to start from."""
    run_dir = write_run(place / "base", text, save_dtype="bf16", max_steps=12, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir / "best"


RECIPE = {"eval_every_steps": 4, "schedule": {"name": "constant"}, "finetune": {"warmup_steps": 1}, "optimizer": {"name": "adamw"}}


def tune(place, text, base, name, ranks=1, recipe=None, **more):
    run_dir = write_run(place / name, text, {**RECIPE, **(recipe or {})}, source=source(base), **{"lora_rank": 4, "lr": 0.02, "max_steps": STEPS, "epochs": -1, **more})
    assert finish(*(start_ranks(run_dir, place, ranks) if ranks > 1 else [start(run_dir, place)])) == [0] * ranks, (run_dir / "trainer.log").read_text()
    return run_dir


@pytest.fixture(scope="module")
def whole(place, text, base):
    return tune(place, text, base, "whole", files_of=str(base))


def test_best_is_the_kings_files_with_the_learned_numbers_in(whole, base):
    """What validators load: the names, dtypes and files of the start; its held-out loss is that of the model with its adapters, within bf16."""
    before, after = (load_file(folder / "model.safetensors") for folder in (base, whole / "best"))
    assert before.keys() == after.keys() and {tensor.dtype for tensor in after.values()} == {torch.bfloat16}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj" in name}
    for file in base.iterdir():
        assert file.suffix == ".safetensors" or file.read_bytes() == (whole / "best" / file.name).read_bytes()
    started, losses = events(whole, "start")[0], [event["eval_loss"] for event in events(whole, "eval")]
    assert started["parameters"] == sum(tensor.numel() for tensor in before.values()) and started["trained"] < started["parameters"] / 5
    assert losses[-1] < losses[0] - 0.02
    same_as_best(whole)
    check = tune(whole.parent, whole.parent / "text.jsonl", whole / "best", "again", lora_rank=None, lr=1e-30, max_steps=1)
    assert events(check, "eval")[0]["eval_loss"] == pytest.approx(min(losses), abs=2e-3)


def test_resumed_it_is_the_same_to_the_bit(whole, place, text, base):
    half = tune(place, text, base, "half", max_steps=4, files_of=str(base))
    config = json.loads((half / "run.json").read_text())
    (half / "run.json").write_text(json.dumps({**config, "resume": True, "max_steps": STEPS}))
    assert finish(start(half, place)) == [0], (half / "trainer.log").read_text()
    assert metrics(half) == metrics(whole)
    assert (half / "best" / "model.safetensors").read_bytes() == (whole / "best" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "ranks", "recipe", "request_"),
    [
        ("two processes", 2, {}, {}),
        ("two processes, weights in bf16, layers recomputed", 2, {"param_dtype": "bf16", "activation_checkpointing": "full"}, {}),
        ("compiled, layers recomputed", 1, {"activation_checkpointing": "full"}, {"compile": True, "dtype": "bf16"}),
    ],
    ids=["ranks", "ranks-bf16", "compiled"],
)
def test_however_it_is_computed_it_learns_the_same(whole, place, text, base, name, ranks, recipe, request_):
    run_dir = tune(place, text, base, name.replace(" ", "-").replace(",", ""), ranks, recipe, **request_)
    exact = ranks == 2 and not recipe
    for one, other in zip(metrics(whole), metrics(run_dir), strict=True):
        assert one.get("loss", 0) == pytest.approx(other.get("loss", 0), abs=2e-4 if exact else 0.03)
    if request_:
        assert events(run_dir, "compiled")[0]["frames"] > 0


def test_experts_of_a_king_stay_as_they_are(place, text, base):
    from trainer.model.save import file_tensors
    from trainer.tokenizer import load_tokenizer

    torch.manual_seed(0)
    config = make_config({**KING, "hidden_size": 32, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16, "head_dim": 16}, "king")
    king = AutoModelForCausalLM.from_config(config)
    folder = place / "king"
    save_model(folder, config, "Qwen3_5MoeForCausalLM", file_tensors(king, dict(king.named_parameters())), load_tokenizer(str(base)), torch.bfloat16)
    run_dir = tune(place, text, folder, "king-run", files_of=str(folder))
    before, after = (load_file(each / "model.safetensors") for each in (folder, run_dir / "best"))
    assert before.keys() == after.keys()
    for name in before:
        adapted = "_proj" in name and ".experts." not in name
        assert torch.equal(before[name], after[name]) != adapted, name
    same_as_best(run_dir)
