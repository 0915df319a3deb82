"""best/ with the files of the model it began from, and mixtures of experts in files as everybody reads them."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from trainer.errors import TrainerError
from trainer.model.layers import persistent_buffers, tied_names
from trainer.model.layout import layout
from trainer.model.load import make_config
from trainer.model.save import file_tensors, save_as, save_model
from trainer.tokenizer import load_tokenizer
from trainer_support import NANO, events, finish, start, write_run

SIZES = {"vocab_size": 4096, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
         "head_dim": 16, "moe_intermediate_size": 24, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip
EXPERTS = {
    "qwen3_moe": {**SIZES, "num_experts": 4, "num_experts_per_tok": 2, "decoder_sparse_step": 1, "mlp_only_layers": []},
    "qwen3_5_moe_text": {**SIZES, "shared_expert_intermediate_size": 24, "num_experts": 4, "num_experts_per_tok": 2, "linear_num_key_heads": 2,
                         "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "layer_types": ["full_attention", "linear_attention"]},
    "deepseek_v3": {**{key: value for key, value in SIZES.items() if key != "head_dim"}, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1,
                    "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "moe_layer_freq": 1},
    "llama": {**{key: value for key, value in SIZES.items() if key != "moe_intermediate_size"}, "tie_word_embeddings": True},
}  # fmt: skip
ALL = pytest.mark.parametrize("kind", list(EXPERTS))


def model_of(kind: str, seed: int = 0):
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(make_config({"model_type": kind, **EXPERTS[kind]}, kind), dtype=torch.bfloat16)
    for name, buffer in persistent_buffers(model):
        assert "bias" in name
        buffer.copy_(torch.randn(buffer.shape).to(buffer.dtype) / 100)
    return model.eval()


def tensors_of(model) -> dict[str, torch.Tensor]:
    return file_tensors(model, {name: tensor.detach() for name, tensor in [*model.named_parameters(), *persistent_buffers(model)]})


@torch.no_grad()
def logits(model) -> torch.Tensor:
    return model(torch.arange(40).unsqueeze(0)).logits


def loaded(folder: Path):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True, use_safetensors=True).eval()


@ALL
def test_a_saved_model_is_read_back_with_equal_logits_one_expert_a_tensor(tmp_path, kind):
    model = model_of(kind)
    save_model(tmp_path / "saved", model.config, type(model).__name__, tensors_of(model), load_tokenizer("builtin"), torch.bfloat16)
    torch.testing.assert_close(logits(loaded(tmp_path / "saved")), logits(model), rtol=0, atol=0)
    with safe_open(tmp_path / "saved" / "model.safetensors", framework="pt") as saved:
        ranks = {len(saved.get_slice(name).get_shape()) for name in saved.keys() if "experts" in name}
    assert ranks <= {1, 2}, "experts that are one tensor in memory are one each in the file"


@ALL
def test_saved_as_its_start_everything_but_the_numbers_is_equal_to_the_byte(tmp_path, kind):
    king, challenger = model_of(kind, 1), model_of(kind, 2)
    king.save_pretrained(tmp_path / "king", max_shard_size="150KB")
    (tmp_path / "king" / "chat_template.jinja").write_text("{{ message }}")
    tied = tied_names(challenger)
    save_as(tmp_path / "best", tmp_path / "king", tensors_of(challenger), tied)
    files = sorted(file.name for file in (tmp_path / "king").iterdir())
    assert files == sorted(file.name for file in (tmp_path / "best").iterdir())
    assert len([name for name in files if name.endswith(".safetensors")]) > 1
    for name in files:
        before, after = tmp_path / "king" / name, tmp_path / "best" / name
        if name.endswith(".safetensors"):
            assert layout(before)[0] == layout(after)[0]
            assert before.stat().st_size == after.stat().st_size
        else:
            assert before.read_bytes() == after.read_bytes()
    torch.testing.assert_close(logits(loaded(tmp_path / "best")), logits(challenger), rtol=0, atol=0)
    save_as(tmp_path / "same", tmp_path / "king", tensors_of(king), tied)
    for name in files:
        assert (tmp_path / "same" / name).read_bytes() == (tmp_path / "king" / name).read_bytes()


def test_a_model_of_another_shape_has_no_place_there(tmp_path):
    model_of("llama").save_pretrained(tmp_path / "king")
    with pytest.raises(TrainerError, match="has no place for"):
        save_as(tmp_path / "best", tmp_path / "king", tensors_of(model_of("qwen3_moe")), {})
    tensors = tensors_of(model_of("llama"))
    tensors["model.norm.weight"] = tensors["model.norm.weight"][:8]
    with pytest.raises(TrainerError, match=r"model.norm.weight is \[8\], and \[32\]"):
        save_as(tmp_path / "other", tmp_path / "king", tensors, {})


def test_a_run_from_a_king_keeps_its_files(place, text, tmp_path):
    king = model_of("qwen3_moe")
    king.save_pretrained(tmp_path / "king", max_shard_size="300KB")
    load_tokenizer("builtin").save_pretrained(tmp_path / "king")
    run_dir = write_run(place / "locked", text, {"eval_every_steps": 4}, source={"kind": "model_dir", "path": str(tmp_path / "king"), "config": None},
                        files_of=str(tmp_path / "king"), max_steps=4, epochs=-1, lr=1e-2, optimizer="adamw")  # fmt: skip
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "best"), NANO["name"]
    weights = [file.name for file in (tmp_path / "king").glob("*.safetensors")]
    for file in (tmp_path / "king").iterdir():
        same = file.read_bytes() == (run_dir / "best" / file.name).read_bytes()
        assert same is (file.name not in weights), file.name
    assert torch.isfinite(logits(loaded(run_dir / "best"))).all()
