"""The keys and names that pinned transformers read. That logits are equal there is shown by test/compat/run.py."""

import json

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM

from trainer.errors import TrainerError
from trainer.events import Events
from trainer.model.compat import compat_config, compat_problems, fix_folder, name_in_model, string_merges
from trainer.model.save import save_model
from trainer.score.checking import check_folder
from trainer.tokenizer import load_tokenizer


def new_rope(model_type, **rope):
    return {"model_type": model_type, "dtype": "bfloat16", "rope_parameters": {"rope_type": "default", "rope_theta": 5e5, **rope}}


def test_old_keys_say_what_the_new_ones_say():
    llama = compat_config(new_rope("llama", rope_type="linear", factor=2))
    assert (llama["rope_theta"], llama["rope_scaling"], llama["torch_dtype"]) == (5e5, {"type": "linear", "factor": 2.0}, "bfloat16")
    neox = compat_config(new_rope("gpt_neox", partial_rotary_factor=0.5))
    assert (neox["rotary_emb_base"], neox["rotary_pct"], neox["rope_scaling"]) == (5e5, 0.5, None)
    assert compat_config({"model_type": "gpt2"}) == {"model_type": "gpt2"}


def test_old_configs_get_the_new_keys():
    config = compat_config({"model_type": "phi", "rope_theta": 2e4, "partial_rotary_factor": 0.4, "torch_dtype": "torch.float16"})
    assert config["rope_parameters"] == {"rope_type": "default", "rope_theta": 2e4, "partial_rotary_factor": 0.4} and config["dtype"] == "float16"


@pytest.mark.parametrize("model", ["llama", "gpt_neox", "phi", "mistral", "gpt2", "bart"])
def test_twice_is_once(model):
    once = compat_config(new_rope(model))
    assert compat_config(once) == once


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (new_rope("llama", rope_type="llama3", factor=8.0), "llama3"),
        (new_rope("mistral", rope_type="linear", factor=2.0), "linear"),
        (new_rope("llama", partial_rotary_factor=0.5), "partial"),
        ({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32}, "head_dim"),
        ({"model_type": "llama", "mlp_bias": True}, "mlp_bias"),
    ],
)
def test_what_cannot_be_said_is_named(config, word):
    assert any(word in problem for problem in compat_problems(config))
    assert compat_problems(new_rope("llama")) == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (new_rope("llama", rope_type="yarn", factor=4.0), ["refused by 4.38.0", "means something else by 4.44.1"]),
        (new_rope("llama", rope_type="longrope"), ["refused by 4.38.0 and is refused by 4.44.1"]),
        ({"model_type": "phi", "qk_layernorm": True}, ["gives no loss by 4.38.0"]),
        ({"model_type": "stablelm", "use_parallel_residual": True}, ["means something else by 4.38.0", "use false"]),
        ({"model_type": "falcon", "new_decoder_architecture": True, "num_ln_in_parallel_attn": 1}, []),
        ({"model_type": "qwen3", "partial_rotary_factor": 0.5}, ["not known"]),
    ],
)
def test_what_the_pinned_releases_were_seen_to_do_is_said(config, said):
    problems = compat_problems(config)
    assert all(any(words in problem for problem in problems) for words in said), problems


def test_a_config_that_every_release_reads_alike_has_no_problem():
    for config in ({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "head_dim": 16}, new_rope("falcon", rope_type="linear", factor=2.0)):
        assert compat_problems(config) == []


def test_merges_become_strings_only_where_that_is_safe():
    assert string_merges({"model": {"merges": [["a", "b"], "c d"]}})["model"]["merges"] == ["a b", "c d"]
    spaced = {"model": {"merges": [["a b", "c"]]}}
    assert string_merges(spaced) == spaced


@pytest.fixture(scope="module")
def neox(tmp_path_factory):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "max_position_embeddings": 128}
    model = GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=4096, tie_word_embeddings=False, **sizes)).eval()
    folder = tmp_path_factory.mktemp("neox") / "saved"
    save_model(folder, model.config, "GPTNeoXForCausalLM", dict(model.state_dict()), load_tokenizer("builtin"), torch.float32)
    return model, folder


def test_the_head_of_gpt_neox_is_saved_under_the_name_that_validators_load(neox):
    model, folder = neox
    with safe_open(folder / "model.safetensors", framework="pt") as opened:
        assert "embed_out.weight" in opened.keys() and "lm_head.weight" not in opened.keys()
    again, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    tokens = torch.arange(64)[None]
    assert torch.allclose(again.eval()(tokens).logits, model(tokens).logits, atol=1e-5)
    assert name_in_model("gpt_neox", "embed_out.weight", model.state_dict()) in model.state_dict()


def test_deep_check_knows_that_name(neox, tmp_path):
    events = Events(tmp_path / "events.jsonl")
    result = check_folder({"dir": str(neox[1]), "sequence_length": 128, "device": "cpu"}, events, lambda: None)
    events.close()
    weights = next(item for item in result["findings"] if item["rule"] == "deep.weights")
    assert weights["ok"], weights["message"]


def test_fix_folder_mends_once_and_names_what_it_did(neox, tmp_path):
    neox[0].save_pretrained(tmp_path)
    load_tokenizer("builtin").save_pretrained(tmp_path)
    changed = fix_folder(tmp_path)
    assert any("rotary_pct" in line for line in changed) and fix_folder(tmp_path) == []
    assert json.loads((tmp_path / "config.json").read_text())["rotary_emb_base"] == 10000.0


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_broken_config_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(TrainerError) as caught:
        fix_folder(tmp_path)
    assert caught.value.code == "bad_model"


@pytest.mark.parametrize("rope", [{"factor": "abc"}, {"factor": None}, {"factor": [2]}, {}])
def test_a_rope_factor_that_is_no_number_is_named_and_nothing_is_written(tmp_path, rope):
    text = json.dumps({"model_type": "llama", "rope_parameters": {"rope_type": "linear", **rope}})
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TrainerError, match="rope settings") as caught:
        fix_folder(tmp_path)
    assert caught.value.code == "bad_model"
    assert (tmp_path / "config.json").read_text() == text
