"""What the installed transformers does with each key of a config: `probe.py OUT.json`, under any version.

Builds a tiny model of every class, once as it is and once for each probe, with weights that depend on the tensor's name alone, as validators
load it (from config.json, by AutoModelForCausalLM). Writes {class: null or {probe: "refused: why" or {shapes, logits}}}; learn_releases.py
compares.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from pathlib import Path

import torch
import transformers
from tiny import MODELS, class_name

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
torch.set_num_threads(2)
HALF = 8  # half of the width of a head
# Longer than the 32 positions that rotating classes declare, or dynamic scaling would change nothing.
TOKENS = torch.arange(48)[None] * 7 % 4096
FIXED = {"GPT2", "GPTJ", "Bart"}
LONG = {"short_factor": [1.5] * HALF, "long_factor": [2.5] * HALF}

# Each is tried in every spelling; what one release takes counts.
PROBES: dict[str, list[dict]] = {
    "rope_scaling.linear": [{"rope_scaling": {"type": "linear", "factor": 2.0}}],
    "rope_scaling.dynamic": [{"rope_scaling": {"type": "dynamic", "factor": 2.0}}],
    "rope_scaling.llama3": [
        {"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}}
    ],
    "rope_scaling.yarn": [{"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}}],
    "rope_scaling.longrope": [
        {"rope_scaling": {"type": name, **LONG}, "original_max_position_embeddings": 32, "max_position_embeddings": 64} for name in ("longrope", "su")
    ],
    "rope_parameters": [{"rope_parameters": {"rope_type": "default", "rope_theta": 20000.0, "partial_rotary_factor": 1.0}}],
    **{key: [{key: value}] for key, value in {
        "rope_theta": 20000.0,
        "rotary_emb_base": 20000.0,
        "partial_rotary_factor": 0.75,
        "rotary_pct": 0.75,
        "rotary_dim": 4,
        "head_dim": 8,
        "num_key_value_heads": 4,
        "num_kv_heads": 2,
        "n_inner": 80,
        "ffn_hidden_size": 80,
        "attention_bias": True,
        "mlp_bias": True,
        "bias": True,
        "use_qkv_bias": True,
        "qk_layernorm": True,
        "use_parallel_residual": True,
        "parallel_attn": False,
        "multi_query": False,
        "new_decoder_architecture": True,
        "alibi": True,
        "hidden_act": "relu",
        "hidden_activation": "relu",
        "activation": "relu",
        "activation_function": "relu",
        "rms_norm_eps": 0.1,
        "layer_norm_eps": 0.1,
        "layer_norm_epsilon": 0.1,
        "sliding_window": 8,
        "attn_logit_softcapping": 1.0,
        "final_logit_softcapping": 1.0,
        "query_pre_attn_scalar": 4,
        "scale_attn_weights": False,
        "scale_attn_by_inverse_layer_idx": True,
        "scale_embedding": True,
        "tie_word_embeddings": True,
    }.items()},
    "tie_word_embeddings=false": [{"tie_word_embeddings": False}],
    "attention_bias=false": [{"attention_bias": False}],
    "use_parallel_residual=false": [{"use_parallel_residual": False}],
    "use_sliding_window": [{"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}],
}  # fmt: skip


def outcome(name: str, changes: dict) -> dict | str:
    sizes = MODELS[name] if name in FIXED else {**MODELS[name], "max_position_embeddings": 32}
    kind = getattr(transformers, f"{name}Config").model_type
    config = {**sizes, "model_type": kind, "architectures": [class_name(name)], **changes}
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config))
            loaded = transformers.AutoConfig.from_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_config(loaded, attn_implementation="eager").eval().float()
        model.tie_weights()
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                fill(parameter, "lm_head.weight" if parameter_name == "embed_out.weight" else parameter_name)
            logits = model(TOKENS, use_cache=False).logits[0, -16:]
    except Exception as error:  # whatever a release raises is a result
        return f"{type(error).__name__}: {str(error)[:200]}"
    return {"shapes": sum(p.numel() for p in model.parameters()), "logits": logits[:, :64].double().flatten().tolist()}


def fill(parameter: torch.Tensor, name: str) -> None:
    """Far from the initial values, under which position hardly matters."""
    drawn = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    parameter.copy_(drawn * 0.2 if parameter.dim() > 1 else 1 + drawn * 0.1)


def probe(name: str) -> dict | None:
    if not hasattr(transformers, class_name(name)):
        return None
    return {"": outcome(name, {}), **{key: [outcome(name, changes) for changes in spellings] for key, spellings in PROBES.items()}}


if __name__ == "__main__":
    found = {class_name(name): probe(name) for name in MODELS}
    Path(sys.argv[1]).write_text(json.dumps({"version": transformers.__version__, "classes": found}))
