"""A tiny config of every architecture of the schedule, by class name without its ending; runs under any transformers."""

SIZES = {
    "vocab_size": 4096,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
OLD_SIZES = {"vocab_size": 4096, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}
BART = {f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 96))}
MODELS = {
    "Llama": SIZES,
    "Mistral": SIZES,
    "Qwen2": SIZES,
    # What releases have other defaults for is given.
    "Gemma": {**SIZES, "head_dim": 16, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh"},
    "Gemma2": {**SIZES, "head_dim": 16, "query_pre_attn_scalar": 16},
    "Falcon": {key: SIZES[key] for key in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")},
    "GPTNeoX": {key: value for key, value in SIZES.items() if key != "num_key_value_heads"},
    "Phi": SIZES,
    "Phi3": {**SIZES, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0},
    "StableLm": SIZES,
    "GPT2": OLD_SIZES,
    "GPTJ": {**OLD_SIZES, "rotary_dim": 8},
    "Bart": {"vocab_size": 4096, "d_model": 64, "max_position_embeddings": 64, **BART},
}


def class_name(name: str) -> str:
    return f"{name}LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM"
