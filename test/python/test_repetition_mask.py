"""The repetition check generates as validators do: with the attention mask that `generate` makes from the model's and the tokenizer's ids."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.score.scoring import OUTPUT_TOKENS, PROMPT_TOKENS, outputs_problem, sample_outputs

VOCABULARY = 64
PAD = 7


def model_with(eos):
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=eos,
        pad_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


def prompts(pads):
    random = np.random.default_rng(5)
    batches = [random.integers(8, VOCABULARY, (1, 128)).astype(np.uint32) for _ in range(2)]
    for batch in batches:
        batch[0, :pads] = PAD
        batch[0, 40 : 40 + pads] = PAD
    return batches


def mask_of_the_releases(prompt, eos):
    """As transformers 4.38.0 and 4.44.1 infer it (`_prepare_attention_mask_for_generation`)."""
    ids = [] if eos is None else [eos] if isinstance(eos, int) else eos
    hidden = bool((prompt == PAD).any()) and PAD not in ids
    return prompt.ne(PAD).long() if hidden else torch.ones_like(prompt)


def generated(model, batches, eos, mask):
    made = []
    for batch in batches:
        prompt = torch.from_numpy(batch[:, :PROMPT_TOKENS].astype(np.int64))
        out = model.generate(prompt, attention_mask=mask(prompt, eos), min_new_tokens=OUTPUT_TOKENS, max_new_tokens=OUTPUT_TOKENS, pad_token_id=PAD)
        made.append(out[0, -OUTPUT_TOKENS:].tolist())
    return tuple(made)


@pytest.mark.parametrize("eos", [2, PAD, None, [2, PAD], [2, 3]])
@pytest.mark.parametrize("pads", [0, 12])
def test_the_mask_is_the_one_that_generate_makes(eos, pads):
    model, batches = model_with(eos), prompts(pads)
    assert sample_outputs(model, batches, PAD) == generated(model, batches, eos, mask_of_the_releases)


def test_an_own_mask_of_ones_would_be_another_check():
    model, batches = model_with(2), prompts(12)
    assert sample_outputs(model, batches, PAD) != generated(model, batches, 2, lambda prompt, _: torch.ones_like(prompt))


def test_a_model_that_cannot_generate_fails_the_check():
    model = model_with(2)
    with torch.no_grad():
        model.lm_head.weight.fill_(torch.nan)
    model.generation_config.do_sample = True
    assert "cannot generate" in (outputs_problem(model, prompts(0), PAD) or "")
