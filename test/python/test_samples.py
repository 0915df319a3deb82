"""What the model writes at an evaluation is what transformers' own greedy search writes, and draws nothing."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainer.model.load import make_config
from trainer.model.loss import LossModel
from trainer.score.samples import WINDOW, write_samples
from trainer.tokenizer import load_tokenizer

SIZES = {"vocab_size": 4096, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 128}


@pytest.mark.parametrize("shape", ["llama", "gpt_neox"])
def test_it_is_the_likeliest_text(shape):
    torch.manual_seed(1)
    tokenizer = load_tokenizer("builtin")
    model = AutoModelForCausalLM.from_config(make_config({"model_type": shape, **SIZES}, "test")).eval()
    # As drawn, logits are so near to one another that rounding decides.
    model.get_output_embeddings().weight.data.mul_(20)
    sequences = torch.randint(1, 4096, (2, 100))
    state = torch.get_rng_state()
    shown = write_samples(LossModel(model), tokenizer, sequences, torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), state)
    given = WINDOW // 3
    written = model.generate(sequences[:, :given], do_sample=False, max_new_tokens=WINDOW - given, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id)
    for row, text in zip(written, shown):
        assert text["prompt"] == tokenizer.decode(row[:given])
        assert tokenizer.decode(row[given:]).startswith(text["text"]) and len(text["text"]) > 20
    assert shown[0]["text"] != shown[1]["text"]


def test_it_ends_with_the_document():
    tokenizer = load_tokenizer("builtin")
    model = AutoModelForCausalLM.from_config(make_config({"model_type": "llama", **SIZES}, "test")).eval()
    # Whatever stands before, the end of text is likeliest.
    model.get_output_embeddings().weight.data.zero_()
    shown = write_samples(LossModel(model), tokenizer, torch.randint(1, 4096, (1, 8)), torch.device("cpu"))
    assert shown[0]["text"] == tokenizer.eos_token
