"""Pushes a tiny Llama to the Hub at HF_ENDPOINT, loads it back with from_pretrained, and compares logits."""

import torch
from huggingface_hub import HfApi
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=64,
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=2,
)
model = LlamaForCausalLM(config).eval()
# Two shards, so that the index file is followed too.
model.push_to_hub("alice/tiny", private=True, max_shard_size="8KB")
HfApi().update_repo_settings("alice/tiny", private=False) if hasattr(HfApi, "update_repo_settings") else HfApi().update_repo_visibility("alice/tiny", private=False)
commit = HfApi(token=False).model_info("alice/tiny").sha
assert AutoConfig.from_pretrained("alice/tiny", revision=commit, token=False).vocab_size == 64
loaded = AutoModelForCausalLM.from_pretrained("alice/tiny", revision=commit, token=False, use_safetensors=True).eval()
tokens = torch.arange(10)[None]
with torch.no_grad():
    assert torch.equal(model(tokens).logits, loaded(tokens).logits)
print("all fine")
