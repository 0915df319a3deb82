"""The chunked loss and its gradients beside PyTorch's own cross-entropy over all logits."""

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.model import loss
from trainer.model.loss import NOT_COUNTED, LossModel, chunk_rows, linear_cross_entropy


def plain(hidden, weight, bias, targets, z_loss):
    logits = nn.functional.linear(hidden, weight, bias)
    counted = targets != NOT_COUNTED
    mean = nn.functional.cross_entropy(logits, targets, ignore_index=NOT_COUNTED)
    return mean + z_loss * logits.logsumexp(-1)[counted].square().mean(), mean


@pytest.mark.parametrize("tile", [1, 8])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("z_loss", [0.0, 0.01])
def test_loss_and_gradients_are_those_of_all_logits_at_once(monkeypatch, tile, biased, z_loss):
    monkeypatch.setattr(loss, "CHUNK_ELEMENTS", 37 * 9)
    monkeypatch.setattr(loss, "CHUNK_ROWS", 4)
    monkeypatch.setattr(loss, "VOCABULARY_TILE", {"cpu": tile})
    torch.manual_seed(0)
    leaves = [torch.randn(23, 16, dtype=torch.float64), torch.randn(37, 16, dtype=torch.float64), torch.randn(37, dtype=torch.float64)]
    targets = torch.randint(37, (23,))
    targets[[3, 22]] = NOT_COUNTED
    results = []
    for compute in (lambda h, w, b: linear_cross_entropy(h, w, b, targets, 21, z_loss), lambda h, w, b: plain(h, w, b, targets, z_loss)):
        hidden, weight, bias = (leaf.clone().float().requires_grad_() for leaf in leaves)
        objective, mean = compute(hidden, weight, bias if biased else None)
        (3 * objective).backward()
        results.append([objective, mean, hidden.grad, weight.grad, *([bias.grad] if biased else [])])
    for ours, theirs in zip(*results):
        torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=1e-6)


def test_chunks_are_whole_tiles_of_nearly_equal_size():
    assert chunk_rows(1000, 4096) == 1000
    rows = chunk_rows(8 * 4096, 100_277)
    assert rows % loss.CHUNK_ROWS == 0 and rows * 100_277 <= loss.CHUNK_ELEMENTS
    assert chunk_rows(10, loss.CHUNK_ELEMENTS) == 1


@pytest.mark.parametrize("chunked", [True, False])
def test_a_model_has_the_loss_that_transformers_gives_it(chunked):
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=61, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    model = LlamaForCausalLM(config)
    tokens = torch.randint(61, (3, 12))
    model(tokens, labels=tokens).loss.backward()
    expected = [param.grad.clone() for param in model.parameters()]
    model.zero_grad()
    objective, mean = LossModel(model, chunked=chunked)(tokens)
    objective.backward()
    torch.testing.assert_close(mean, model(tokens, labels=tokens).loss.detach())
    for param, gradient in zip(model.parameters(), expected):
        torch.testing.assert_close(param.grad, gradient, rtol=1e-4, atol=1e-6)


def test_an_evaluation_computes_no_gradient():
    torch.manual_seed(0)
    model = LossModel(LlamaForCausalLM(LlamaConfig(vocab_size=61, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)))
    asked = []
    model.chunk = lambda *given: asked.append(given[-1]) or loss._chunk(*given)
    tokens = torch.randint(61, (3, 12))
    trained = model(tokens)[1]
    with torch.no_grad():
        evaluated = model(tokens)[1]
    assert asked == [True, False] and trained.item() == evaluated.item()
