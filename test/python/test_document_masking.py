"""With `document_masking` a document is trained on as if nothing stood before it in the sequence."""

import json

import pytest
import torch

from trainer.config import RunConfig, Source
from trainer.model.documents import known_packing, positions_in_document
from trainer.model.load import load_model, make_config
from trainer.model.loss import LossModel, masking_works
from trainer_support import NANO, events, finish, metrics, start, write_run, write_text

END = 0
SIZES = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
SHAPES = {
    "llama": {"model_type": "llama", "intermediate_size": 32, **SIZES},
    "mistral": {"model_type": "mistral", "intermediate_size": 32, "num_key_value_heads": 1, "sliding_window": None, **SIZES},
    "gpt_neox": {"model_type": "gpt_neox", "intermediate_size": 32, **SIZES},
    "gpt2": {"model_type": "gpt2", "vocab_size": 64, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "attn_pdrop": 0, "resid_pdrop": 0, "embd_pdrop": 0},
}


def loss_model(shape, attention, masked):
    torch.manual_seed(0)
    model = load_model(Source(), make_config(dict(SHAPES[shape]), shape), attention, torch.float32, torch.device("cpu"))
    with torch.no_grad():
        for param in model.parameters():
            param.mul_(3)  # far from uniform: what is attended to matters
    return LossModel(model, document_end=END if masked else None).train(False)


def words(seed, count):
    return torch.randint(1, 64, (count,), generator=torch.Generator().manual_seed(seed))


def loss_within(model, first, second):
    """Sum over the second document's own predictions, when the first stands before it: whole less the part up to its first token."""
    end = torch.tensor([END])
    whole, part = torch.cat([first, end, second]), torch.cat([first, end, second[:1]])
    sums = [model(tokens.unsqueeze(0))[1] * (len(tokens) - 1) for tokens in (whole, part)]
    return (sums[0] - sums[1]).item()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_of_a_document_does_not_depend_on_the_one_before(shape, attention):
    second = words(1, 12)
    alone = torch.nn.functional.cross_entropy
    model, open_model = loss_model(shape, attention, True), loss_model(shape, attention, False)
    logits = model.model(input_ids=second.unsqueeze(0)).logits[0]
    expected = alone(logits[:-1], second[1:], reduction="sum").item()
    after = [loss_within(model, words(seed, length), second) for seed, length in ((2, 7), (3, 7), (4, 20), (5, 1))]
    assert after == pytest.approx([expected] * 4, rel=1e-4)
    unmasked = [loss_within(open_model, words(seed, 7), second) for seed in (2, 3)]
    assert abs(unmasked[0] - unmasked[1]) > 0.01 and abs(unmasked[0] - expected) > 0.01


def test_an_architecture_that_cannot_is_told_apart():
    falcon = {"model_type": "falcon", "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "alibi": True, "new_decoder_architecture": False}
    torch.manual_seed(0)
    blind = load_model(Source(), make_config(falcon, "falcon"), "eager", torch.float32, torch.device("cpu")).eval()
    assert not masking_works(Positionless(blind), 64)
    assert masking_works(loss_model("llama", "sdpa", True).model, 64)


class Positionless(torch.nn.Module):
    """A model that takes positions and makes nothing of them."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, position_ids, use_cache):
        return self.model(input_ids=input_ids, use_cache=use_cache)


def test_gradients_do_not_cross_either():
    model = loss_model("llama", "sdpa", True)
    table = model.model.get_input_embeddings()
    first, second = words(2, 7), words(1, 12)
    kept = {}
    table.register_forward_hook(lambda module, inputs, output: kept.update(out=output) or output.retain_grad())
    tokens = torch.cat([first, torch.tensor([END]), second]).unsqueeze(0)
    logits = model.model(input_ids=tokens, position_ids=positions_in_document(tokens, END), use_cache=False).logits[0]
    torch.nn.functional.cross_entropy(logits[8:-1], second[1:]).backward()
    gradient = kept["out"].grad[0]
    assert (gradient[:8] == 0).all() and (gradient[8:-1] != 0).any(dim=1).all()


def test_a_held_out_loss_is_without_it_as_validators_score():
    masked, plain = loss_model("llama", "sdpa", True), loss_model("llama", "sdpa", False)
    tokens = torch.cat([words(2, 7), torch.tensor([END]), words(1, 12)]).unsqueeze(0)
    assert masked(tokens)[1].item() != plain(tokens)[1].item()
    with torch.no_grad():
        assert masked(tokens)[1].item() == plain(tokens)[1].item()


@pytest.mark.parametrize("shape", ["llama", "mistral"])
def test_blocks_of_flex_attention_give_the_loss_of_the_dense_mask(shape):
    """Forward alone: on a CPU flex attention has no backward."""
    tokens = torch.cat([words(2, 7), torch.tensor([END]), words(1, 12), torch.tensor([END, END]), words(3, 10)]).unsqueeze(0).repeat(2, 1)
    blocks, dense, plain = (loss_model(shape, attention, masked).requires_grad_(False) for attention, masked in (("flex_attention", True), ("sdpa", True), ("sdpa", False)))
    assert blocks(tokens)[1].item() == pytest.approx(dense(tokens)[1].item(), rel=1e-6)
    assert abs(blocks(tokens)[1].item() - plain(tokens)[1].item()) > 0.001


def test_what_transformers_is_told_is_what_it_would_have_found():
    from transformers import masking_utils

    tokens = torch.randint(0, 5, (3, 40), generator=torch.Generator().manual_seed(0))
    positions = positions_in_document(tokens, END)
    found = masking_utils.find_packed_sequence_indices(positions)
    with known_packing(True):
        assert torch.equal(masking_utils.find_packed_sequence_indices(positions), found)
    with known_packing(False):
        assert masking_utils.find_packed_sequence_indices(torch.arange(40).expand(3, 40)) is None
    assert masking_utils.find_packed_sequence_indices(torch.arange(40).expand(3, 40)) is None and len(found.unique()) > 3


def test_a_run_takes_it_from_the_recipe(tmp_path):
    text = tmp_path / "short.jsonl"
    lines = [json.loads(line)["text"] for line in write_text(tmp_path).read_text().splitlines()]
    text.write_text("".join(json.dumps({"text": line[i : i + 60]}) + "\n" for line in lines for i in range(0, len(line), 60)))
    assert RunConfig().recipe.document_masking is False and "document_masking" not in NANO
    runs = [write_run(tmp_path / str(on), text, {"document_masking": on}, max_steps=3) for on in (False, True)]
    assert finish(*(start(run_dir, tmp_path) for run_dir in runs)) == [0, 0], (runs[1] / "trainer.log").read_text()
    plain, masked = ([line["loss"] for line in metrics(run_dir) if "loss" in line] for run_dir in runs)
    assert plain != masked and masked == pytest.approx(plain, abs=0.05)
    assert events(runs[1], "done")[0]["steps"] == 3
