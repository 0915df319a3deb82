"""Nothing in a micro-batch asks the device for a value: a GPU would be waited for, with nothing queued behind it."""

import pytest
import torch
from test_document_masking import END, SIZES, loss_model, words
from test_document_masking import SHAPES as ALL
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM

from trainer.model.documents import known_packing
from trainer.model.layers import checkpoint_activations
from trainer.model.load import make_config
from trainer.model.loss import LossModel

aten = torch.ops.aten
READS = {aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal, aten._unique2, aten.unique_consecutive, aten.repeat_interleave}
SHAPES = {**ALL, "windowed": {"model_type": "mistral", "intermediate_size": 32, **SIZES, "num_key_value_heads": 2, "sliding_window": 8}, "qwen2": {"model_type": "qwen2", "intermediate_size": 32, **SIZES, "num_key_value_heads": 2}}


class Reads(TorchDispatchMode):
    """Counts the operations whose result's value or size the host has to know."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in READS:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


def tokens_of_documents():
    return torch.cat([words(2, 7), torch.tensor([END]), words(1, 24)]).unsqueeze(0).repeat(2, 1)


@pytest.fixture(autouse=True)
def all_shapes(monkeypatch):
    monkeypatch.setattr("test_document_masking.SHAPES", SHAPES)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_value_is_read_in_a_micro_batch(shape, attention, masked):
    model = loss_model(shape, attention, masked)
    checkpoint_activations(model.model, "selective")
    with Reads() as reads:
        model(tokens_of_documents())[0].backward()
    # On a CPU, which need not be waited for, documents are looked at once; the fake GPU below shows that it is not asked.
    assert reads.found == (["aten._local_scalar_dense.default"] if masked else [])
    with Reads() as reads, torch.no_grad():
        model(tokens_of_documents())
    assert reads.found == []


def test_the_counter_sees_what_transformers_asks_by_itself():
    model = loss_model("llama", "sdpa", False)
    with Reads() as reads:
        model.model(input_ids=tokens_of_documents(), use_cache=False)
    assert reads.found == ["aten._local_scalar_dense.default"]


@pytest.mark.parametrize("masked", [False, True])
def test_the_forward_of_a_micro_batch_on_a_fake_gpu_asks_nothing(masked):
    """A fake tensor has no value to give: `.item()`, `.tolist()` and `if tensor:` raise. Its backward wants a real GPU's context."""
    with FakeTensorMode():
        config = make_config(dict(SHAPES["llama"]), "llama")
        with torch.device("cuda"):
            made = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
        model = LossModel(made, document_end=END if masked else None).train(False)
        tokens = torch.zeros(2, 32, dtype=torch.long, device="cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16):
            objective, _ = model(tokens)
        assert objective.device.type == "cuda" and objective.requires_grad


def test_masks_are_those_that_transformers_would_have_made():
    """A window of attention is in them as well."""
    tokens = tokens_of_documents()
    for shape in SHAPES:
        model = loss_model(shape, "sdpa", False)
        with torch.no_grad():
            alone = model.model(input_ids=tokens, use_cache=False).logits
            with known_packing(False):
                told = model.model(input_ids=tokens, use_cache=False).logits
        assert torch.equal(alone, told)
