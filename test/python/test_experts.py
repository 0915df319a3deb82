"""Mixtures of the classes that subnets ask for, small: trained, counted, spread over experts as told, saved and loaded with the same logits."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM

from trainer.config import Recipe, parse
from trainer.fit.memory import estimate
from trainer.model.experts import active_shares, expert_load, mixtures
from trainer.model.load import count_parameters, make_config, skeleton
from trainer.model.speed import flops_per_token
from trainer_support import NANO, events, finish, metrics, same_as_best, start, start_ranks, write_run

SIZES = {"vocab_size": 4096, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64,
         "moe_intermediate_size": 16, "num_experts_per_tok": 2, "tie_word_embeddings": False}  # fmt: skip
SHAPES = {
    "qwen3_moe": {"model_type": "qwen3_moe", "num_experts": 4, "head_dim": 16, **SIZES},
    "qwen3_5_moe": {"model_type": "qwen3_5_moe_text", "num_experts": 4, "head_dim": 16, "shared_expert_intermediate_size": 16, "linear_num_key_heads": 2,
                    "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "layer_types": ["full_attention"] * 2, **SIZES},
    "deepseek_v3": {"model_type": "deepseek_v3", "n_routed_experts": 4, "n_shared_experts": 1, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1,
                    "intermediate_size": 64, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, **SIZES},
}  # fmt: skip


class Layer(nn.Module):
    """Two layers of experts that are chosen by hand."""

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.num_experts, self.up = 4, nn.Parameter(torch.zeros(4, 2, 2))

        def forward(self, hidden, top_k_index, top_k_weights):
            return hidden

    def __init__(self):
        super().__init__()
        self.first, self.second = self.Experts(), self.Experts()

    def forward(self, tokens):
        self.first(tokens, torch.tensor([[0, 1], [2, 3]]), None)
        return self.second(tokens, top_k_index=torch.tensor([[0, 1], [0, 2], [0, 1], [0, 1]]), top_k_weights=None)


def test_load_is_a_multiple_of_an_even_share():
    model = Layer()
    assert mixtures(model) == [model.first, model.second] and mixtures(nn.Linear(2, 2)) == []
    assert expert_load(model, mixtures(model), torch.zeros(1, 4)) == {"busiest": [1.0, 2.0], "unused": [0, 1]}


@pytest.mark.parametrize("name", SHAPES)
def test_the_estimate_counts_every_expert(name):
    config = make_config(dict(SHAPES[name]), name)
    recipe = parse(Recipe, {**NANO, "optimizer": {"name": "muon"}}, name)
    model = AutoModelForCausalLM.from_config(config)
    found = estimate(config, recipe, torch.float32, "sdpa", 2)
    assert found.parameters == found.gradients == 4 * count_parameters(model) == 4 * count_parameters(skeleton(config, "sdpa", torch.float32))
    experts = sum(param.numel() for module in mixtures(model) for param in module.parameters())
    assert experts == len(mixtures(model)) * 4 * 3 * 32 * 16
    # One token: what it does not go through has no gradient.
    model(torch.tensor([[7]])).logits.square().sum().backward()
    idle = sum(part.numel() for module in mixtures(model) for param in module.parameters() for part in param.grad if not part.any())
    shares = active_shares(model)
    assert idle == sum((1 - shares[param]) * param.numel() for param in shares) > 0
    assert flops_per_token(model, 1) == 6 * (count_parameters(model) - 4096 * 32 - idle) + 12 * 2 * 32
    # Muon keeps one momentum of each, AdamW would keep two.
    tables = 2 * 4096 * 32
    assert 4 * (count_parameters(model) + tables) <= found.optimizer < 4.1 * (count_parameters(model) + tables)


slow = pytest.mark.skipif(not os.environ.get("PT_SLOW"), reason="the shapes differ by what is beside their experts: PT_SLOW=1")


@pytest.mark.parametrize("name", [pytest.param("qwen3_moe", marks=slow), "qwen3_5_moe", "deepseek_v3"])
def test_trained_sharded_and_loaded_again_it_has_the_same_loss(name, place, text):
    """Two processes: experts are sharded. What transformers loads from best/ has the loss that the run told, and the sharded checkpoint is the same model."""
    run_dir = write_run(place / name, text, {"architecture": SHAPES[name], "eval_every_steps": 6}, max_steps=12, epochs=-1)
    assert finish(*start_ranks(run_dir, place, 2)) == [0, 0], (run_dir / "trainer.log").read_text()
    told = events(run_dir, "experts")
    layers = 1 if name == "deepseek_v3" else 2
    assert [event["step"] for event in told] == [6, 12]
    assert all(len(event["busiest"]) == layers and all(1 <= load <= 4 for load in event["busiest"]) for event in told)
    losses = [line for line in metrics(run_dir) if "eval_loss" in line]
    assert losses[-1]["expert_load"] == max(told[-1]["busiest"]) and losses[-1]["eval_loss"] < losses[0]["eval_loss"]
    names = load_file(run_dir / "best" / "model.safetensors")
    assert any(".experts.3.down_proj.weight" in each for each in names)
    same_as_best(run_dir)
    source = {"kind": "model_dir", "path": str(run_dir / "best"), "config": None}
    again = write_run(place / f"{name}-again", text, {"optimizer": {"name": "adamw"}}, source=source, lr=1e-30, max_steps=1, epochs=-1)
    assert finish(start(again, place)) == [0], (again / "trainer.log").read_text()
    best = json.loads((run_dir / "best.json").read_text())["eval_loss"]
    assert events(again, "eval")[0]["eval_loss"] == pytest.approx(best, abs=2e-4)
