"""Optimizers in little memory: what rounding at random keeps, what 8 bits lose, and that a step that must not happen changes nothing."""

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from trainer.config import OptimizerConfig
from trainer.optim import lean_adamw, muon, rounding
from trainer.optim.lean_adamw import LeanAdamW
from trainer.optim.muon import Muon, orthogonalise
from trainer.optim.optimizers import Optimizers, split_parameters

KINDS = [("fp32", torch.float32), ("bf16", torch.float32), ("int8", torch.float32), ("fp32", torch.bfloat16), ("int8", torch.bfloat16)]


def llama(dtype=torch.float32):
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=211, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    return LlamaForCausalLM(config).to(dtype)


def test_rounding_at_random_keeps_the_expectation_and_both_neighbours():
    torch.manual_seed(0)
    value = torch.full((200_000,), 1 + 1 / 128 * 0.3)
    target = torch.zeros(200_000, dtype=torch.bfloat16)
    rounding.write(target, value)
    assert set(target.tolist()) == {1.0, 1.0078125}
    assert target.float().mean().item() == pytest.approx(value[0].item(), abs=2e-5)
    exact = torch.randn(1000).bfloat16()
    target = torch.zeros_like(exact)
    rounding.write(target, exact.float())
    assert torch.equal(target, exact)
    odd = torch.tensor([torch.inf, -torch.inf, torch.nan])
    target = torch.zeros(3, dtype=torch.bfloat16)
    rounding.write(target, odd)
    assert target[0] == torch.inf and target[1] == -torch.inf and target[2].isnan()


@pytest.mark.parametrize("columns", [64, 128, 300])
def test_eight_bits_keep_moments_within_their_steps_and_without_bias(columns):
    torch.manual_seed(0)
    value = torch.randn(50, columns) * torch.logspace(-4, 0, 50).unsqueeze(1)
    codes, scales = torch.zeros(50, columns, dtype=torch.int8), torch.zeros(50, rounding.blocks_of(columns))
    means = torch.zeros_like(value)
    for _ in range(400):
        rounding.encode_signed(value, codes, scales)
        means += rounding.decode_signed(codes, scales) / 400
    top = value.abs().amax(1, keepdim=True)
    assert ((rounding.decode_signed(codes, scales) - value).abs() <= 2.01 / 127 * top).all()
    assert ((means - value).abs() <= 0.003 * top).all()
    square, codes = value.square(), torch.zeros(50, columns, dtype=torch.uint8)
    ratios = torch.zeros_like(value)
    for _ in range(400):
        rounding.encode_positive(square, codes, scales)
        ratios += rounding.decode_positive(codes, scales) / square / 400
    # Eight codes an octave: each within 9 %, on average within 2 %.
    ratio = rounding.decode_positive(codes, scales) / square
    assert (ratio > 0.91).all() and (ratio < 1.1).all() and (ratios - 1).abs().max() < 0.02
    zeros = torch.zeros(2, 130)
    rounding.encode_positive(zeros, codes := torch.ones(2, 130, dtype=torch.uint8), scales := torch.ones(2, 2))
    assert torch.equal(rounding.decode_positive(codes, scales), zeros)


def test_in_fp32_it_is_pytorchs_adamw(monkeypatch):
    monkeypatch.setattr(lean_adamw, "SLICE_ELEMENTS", 100)
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(17, 23)), nn.Parameter(torch.randn(9))]
    theirs = [nn.Parameter(param.detach().clone()) for param in ours]
    lean = LeanAdamW([{"params": ours, "lr": 0.01, "weight_decay": 0.1}], (0.9, 0.95), 1e-8, "fp32")
    torchs = torch.optim.AdamW(theirs, lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
    for _ in range(20):
        for a, b in zip(ours, theirs):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        lean.step()
        torchs.step()
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def losses(state_dtype, param_dtype, name, steps=40):
    model = llama(param_dtype)
    optimizers = Optimizers(model, OptimizerConfig(name=name, lr=0.003, weight_decay=0.1, state_dtype=state_dtype))
    torch.manual_seed(1)
    tokens = (torch.arange(4 * 40).view(4, 40) ** 2 // 7) % 211  # to be learned by heart
    found = []
    for _ in range(steps):
        with torch.autocast("cpu", enabled=False):
            loss = model(tokens, labels=tokens).loss.float()
        loss.backward()
        optimizers.step(1.0, torch.tensor(True))
        found.append(loss.item())
    return found


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_training_reaches_what_fp32_reaches(name):
    expected = losses("fp32", torch.float32, name)
    assert expected[-1] < 0.6 * expected[0]
    for state_dtype, param_dtype in (("int8", torch.float32), ("bf16", torch.bfloat16)):
        assert losses(state_dtype, param_dtype, name)[-1] == pytest.approx(expected[-1], rel=0.12), (state_dtype, param_dtype)


def test_small_updates_reach_bf16_parameters():
    """Each update is a thousandth of the weight: rounded to the nearest, none of them would arrive."""
    torch.manual_seed(0)
    for make in (
        lambda p: LeanAdamW([{"params": [p], "lr": 0.001, "weight_decay": 0.0}], (0.9, 0.95), 1e-8, "fp32"),
        lambda p: Muon([p], 0.001 * 16, 0.95, 0.0, 5),
    ):
        param = nn.Parameter(torch.ones(16, 16, dtype=torch.bfloat16))
        optimizer = make(param)
        for _ in range(100):
            param.grad = torch.ones(16, 16, dtype=torch.bfloat16)
            optimizer.step()
        # AdamW: 100 steps of 0.001. Muon: each is about 0.016/16 (the orthogonalised matrix of ones, times 0.7 to 1.2).
        assert 0.86 < param.float().mean().item() < 0.94


@pytest.mark.parametrize("state_dtype, param_dtype", KINDS)
def test_a_step_that_is_not_ok_changes_nothing(state_dtype, param_dtype):
    torch.manual_seed(0)
    model = llama(param_dtype)
    config = OptimizerConfig(name="muon", lr=0.01, weight_decay=0.1, state_dtype=state_dtype)
    optimizers = Optimizers(model, config)
    lean = LeanAdamW(optimizers.adamw.param_groups, (0.9, 0.95), 1e-8, state_dtype)

    def step(ok, value):
        for param in model.parameters():
            param.grad = torch.full_like(param, value) + torch.randn_like(param)
        lean.step(torch.tensor(ok))
        optimizers.muon.step(torch.tensor(ok))

    def everything():
        slots = [tensor for part in (lean, optimizers.muon) for state in part.state.values() for tensor in state.values()]
        return [tensor.detach().float().clone() for tensor in [*model.parameters(), *slots]]

    step(True, 0.1)
    before = everything()
    step(False, float("nan"))
    after = everything()
    codes = state_dtype == "int8"
    for old, new in zip(before, after):
        # 8-bit codes are rounded again, at random: they stay within a step of where they were.
        assert torch.allclose(old, new, atol=1.01) if codes else torch.equal(old, new)
    assert not any(tensor.isnan().any() for tensor in after)
    step(True, 0.1)
    assert any(not torch.equal(old, new) for old, new in zip(after, everything()))


def test_the_fused_adamw_skips_as_it_is_told_on_a_gpu():
    """`Optimizers.step` leaves the decision to PyTorch's fused kernel there; the kernel for CPUs takes the same word."""
    param = nn.Parameter(torch.ones(3))
    adamw = torch.optim.AdamW([param], lr=0.1, fused=True)
    for ok, expected in ((False, 1.0), (True, 0.899)):
        param.grad = torch.ones(3)
        adamw.found_inf, adamw.grad_scale = (~torch.tensor(ok)).float(), None
        adamw.step()
        assert param.tolist() == pytest.approx([expected] * 3)


def test_states_take_the_memory_that_was_asked_for():
    def bytes_of(state_dtype, param_dtype=torch.float32):
        state = Optimizers(llama(param_dtype), OptimizerConfig(name="adamw", state_dtype=state_dtype)).state()
        return sum(tensor.numel() * tensor.element_size() for tensor in state.values())

    full = bytes_of("fp32")
    assert bytes_of("bf16") < 0.55 * full
    assert bytes_of("int8") < 0.35 * full
    assert bytes_of("bf16", torch.bfloat16) == bytes_of("bf16")


@pytest.mark.parametrize("shape", [(5, 24, 8), (2, 8, 24), (1, 16, 16)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.5 and values.max() < 1.3


def test_batches_change_nothing_but_memory(monkeypatch):
    results = []
    for elements in (1 << 27, 1):
        monkeypatch.setattr(muon, "BATCH_ELEMENTS", elements)
        results.append(losses("fp32", torch.float32, "muon", steps=5))
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_a_stack_of_experts_moves_as_its_matrices_would_one_by_one(monkeypatch):
    def moved(split: bool) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        stack = torch.randn(5, 12, 20, generator=generator)
        params = [nn.Parameter(matrix.clone()) for matrix in stack] if split else [nn.Parameter(stack.clone())]
        optimizer = Muon(params, 0.02, 0.95, 0.1, 5)
        for _ in range(3):
            gradient = torch.randn(5, 12, 20, generator=generator)
            for param, part in zip(params, gradient if split else [gradient]):
                param.grad = part.clone()
            optimizer.step()
        return torch.stack([param.detach() for param in params]).view(5, 12, 20)

    torch.testing.assert_close(moved(split=False), moved(split=True), rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(muon, "BATCH_ELEMENTS", 500)  # two matrices at once, then the one that is left
    torch.testing.assert_close(moved(split=False), moved(split=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["mixtral", "qwen3_moe"])
def test_muon_takes_the_experts_that_transformers_keeps_in_one_tensor(kind):
    torch.manual_seed(0)
    sizes = {"vocab_size": 211, "hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(kind, **sizes, num_key_value_heads=2, num_local_experts=4, num_experts=4, num_experts_per_tok=2)
    model = AutoModelForCausalLM.from_config(config)
    optimizers = Optimizers(model, OptimizerConfig(name="muon"))
    assert optimizers.muon is not None
    taken = [optimizers.names[param] for group in optimizers.muon.param_groups for param in group["params"]]
    experts = [name for name, param in model.named_parameters() if param.ndim == 3 and "experts" in name]
    assert experts and set(experts) <= set(taken)
    before = {name: param.detach().clone() for name, param in model.named_parameters()}
    model(input_ids=torch.randint(211, (4, 16))).logits.logsumexp(-1).sum().backward()
    optimizers.step(1.0, torch.tensor(True))
    for name in experts:  # each expert that was chosen moves by about a unit in every direction
        change = (dict(model.named_parameters())[name].detach() - before[name]).flatten(0, -3)
        sizes = torch.linalg.matrix_norm(change, 2) / (0.02 * max(1, change.shape[-2] / change.shape[-1]) ** 0.5)
        assert (sizes > 0.5).any() and (sizes < 1.6).all()


def test_filters_of_a_convolution_are_no_stack_of_matrices():
    model = llama()
    model.model.layers[0].register_module("conv", nn.Conv1d(4, 4, 3))
    assert model.model.layers[0].conv.weight not in set(split_parameters(model)[0])


@pytest.mark.parametrize("shape", [(12, 20), (5, 12, 20)])
def test_even_rows_are_those_of_the_paper_and_keep_the_size_of_a_step(shape):
    """Li et al. 2025, arXiv 2510.05491, written out: a running mean square of each row of the orthogonalised update; then the norm of before."""
    generator = torch.Generator().manual_seed(0)
    param = nn.Parameter(torch.zeros(shape))
    optimizer = Muon([param], 0.02, 0.0, 0.0, 5, even_rows=True)
    sizes = torch.zeros(shape[:-1])
    for _ in range(4):
        # Rows of very different sizes, one without any gradient.
        gradient = torch.randn(shape, generator=generator) * torch.logspace(-2, 0, 12)[:, None]
        gradient[..., 3, :] = 0
        before = param.detach().clone()
        param.grad = gradient
        optimizer.step()
        plain = orthogonalise(gradient.view(-1, 12, 20)).view(shape)
        sizes = 0.95 * sizes + 0.05 * plain.square().mean(-1)
        expected = plain / (sizes.sqrt()[..., None] + 1e-8)
        expected *= plain.norm(dim=(-2, -1), keepdim=True) / expected.norm(dim=(-2, -1), keepdim=True)
        torch.testing.assert_close(param.detach() - before, -0.02 * expected, rtol=1e-4, atol=1e-7)
    state = optimizer.state[param]["rows"].clone()
    param.grad = torch.full(shape, float("nan"))
    before = param.detach().clone()
    optimizer.step(torch.tensor(False))
    assert torch.equal(param, before) and torch.equal(optimizer.state[param]["rows"], state)
    param.grad = torch.zeros(shape)
    optimizer.step()
    assert param.isfinite().all()
