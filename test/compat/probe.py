"""What the installed transformers does with each key of a config, under any version.

    probe.py save OUT       (today's) makes a folder for every class and probe: the config as the probe spells it, the weights that the class has
                            with it, and the logits it should give; `base` is the class without any probe.
    probe.py judge OUT      loads each folder as validators do, and prints {version, classes: {class: null or {probe: outcome}}, defaults, caches}.

An outcome is {"logits": [...]}, or {"error": why, "misfit": whether it is the shapes, "loaded": whether it came after loading}. Weights depend on the tensor's name alone, so that a key
that is ignored gives the logits of `base`. learn_releases.py compares.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from tiny import MODELS, class_name

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
torch.set_num_threads(1)
HALF = 8  # half of the width of a head
VOCABULARY = 128
# Longer than the 32 positions that rotating classes declare, or dynamic scaling would change nothing.
TOKENS = torch.arange(48)[None] * 7 % VOCABULARY
FIXED = {"GPT2", "GPTJ", "Bart"}
LONG = {"short_factor": [1.5] * HALF, "long_factor": [2.5] * HALF}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"factor": 4.0, "original_max_position_embeddings": 16}
LONGER = {"original_max_position_embeddings": 32, "max_position_embeddings": 64}
WINDOW = {"use_sliding_window": True, "sliding_window": 8}

# Named after where the file came from, or about it as a file: no release computes anything with them.
ABOUT = {"_name_or_path", "transformers_version", "architectures", "model_type", "id2label", "label2id", "torch_dtype", "dtype", "_attn_implementation_autoset", "vocab_size"}  # fmt: skip

# `key` stands for any value that is not the default, `key=value` for that value, `rope_scaling.KIND` for a kind of scaling, with the spelling
# after a colon where releases differ in what they take.
PROBES: dict[str, dict] = {
    **{f"rope_scaling.{kind}:{'+'.join(names)}": {"rope_scaling": {**dict.fromkeys(names, kind), **rest}, **more} for kind, rest, more in (
        ("linear", {"factor": 2.0}, {}),
        ("dynamic", {"factor": 2.0}, {}),
        ("llama3", LLAMA3, {}),
        ("yarn", YARN, {}),
        ("longrope", LONG, LONGER),
        ("su", LONG, LONGER),
    ) for names in (("type",), ("rope_type",), ("rope_type", "type"))},
    "rope_scaling.default:type": {"rope_scaling": {"type": "default"}},
    "rope_scaling.default:rope_type": {"rope_scaling": {"rope_type": "default"}},
    "rope_scaling.default:rope_type+type": {"rope_scaling": {"rope_type": "default", "type": "default"}},
    **{key: {key: value} for key, value in {
        "rope_parameters": {"rope_type": "default", "rope_theta": 20000.0},
        "rope_theta": 20000.0,
        "rotary_emb_base": 20000.0,
        "partial_rotary_factor": 0.75,
        "rotary_pct": 0.75,
        "rotary_dim": 4,
        "head_dim": 8,
        "num_key_value_heads": 1,
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
        "reorder_and_upcast_attn": True,
        "scale_embedding": True,
        "tie_word_embeddings": True,
        "pretraining_tp": 2,
        "use_bidirectional_attention": True,
        "attention_dropout": 0.5,
        "pad_token_id": 3,
        "clip_qkv": 0.5,
    }.items()},
    **{f"{key}=false": {key: False} for key in ("tie_word_embeddings", "attention_bias", "use_parallel_residual", "is_decoder")},
    **{f"{key}=null": {key: None} for key in (
        "sliding_window", "num_key_value_heads", "attn_logit_softcapping", "final_logit_softcapping", "hidden_activation", "query_pre_attn_scalar", "n_inner",
        "ffn_hidden_size", "num_kv_heads", "head_dim", "num_ln_in_parallel_attn"
    )},
    "use_sliding_window": {**WINDOW, "max_window_layers": 0},
    "max_window_layers": {**WINDOW, "max_window_layers": 1},
    "layer_types": {**WINDOW, "max_window_layers": 0, "layer_types": ["full_attention", "sliding_attention"]},
    "num_ln_in_parallel_attn=1": {"new_decoder_architecture": True, "num_ln_in_parallel_attn": 1},
    "num_ln_in_parallel_attn=2": {"new_decoder_architecture": True, "num_ln_in_parallel_attn": 2},
    # Sizes that do not go into one another, and less than half of the positions that are fed.
    "num_key_value_heads:uneven": {"num_key_value_heads": 3},
    "num_attention_heads:uneven": {"num_attention_heads": 5, "num_key_value_heads": 5},
    "max_position_embeddings:quarter": {"max_position_embeddings": 12},
    "rotary_dim:odd": {"rotary_dim": 7},
    "head_dim:odd": {"head_dim": 5},
    "num_kv_heads:new": {"new_decoder_architecture": True, "num_kv_heads": 2},
}  # fmt: skip


def config_of(name: str, changes: dict, kind: str) -> dict:
    sizes = {**MODELS[name], "vocab_size": VOCABULARY}
    sizes = sizes if name in FIXED else {**sizes, "max_position_embeddings": 32}
    return {**sizes, "model_type": kind, "architectures": [class_name(name)], "torch_dtype": "float32", **changes}


def save(folder: Path, name: str, changes: dict) -> None:
    """The folder of one probe; without weights where this release cannot build it."""
    folder.mkdir(parents=True)
    config = config_of(name, changes, getattr(transformers, f"{name}Config").model_type)
    (folder / "config.json").write_text(json.dumps(config))
    try:
        loaded = transformers.AutoConfig.from_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_config(loaded, attn_implementation="eager").eval().float()
    except Exception:  # judge() says it again
        return
    model.tie_weights()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            fill(parameter, parameter_name)
    tensors: dict[str, torch.Tensor] = {}
    for tensor_name, tensor in model.state_dict().items():
        if not any(tensor.data_ptr() == other.data_ptr() for other in tensors.values()):
            tensors["embed_out.weight" if name == "GPTNeoX" and tensor_name == "lm_head.weight" else tensor_name] = tensor
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})


def fill(parameter: torch.Tensor, name: str) -> None:
    """Far from the initial values, under which position hardly matters."""
    drawn = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    parameter.copy_(drawn * 0.2 if parameter.dim() > 1 else 1 + drawn * 0.1)


def load(folder: Path) -> torch.nn.Module:
    if (folder / "model.safetensors").exists():
        return transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    config = transformers.AutoConfig.from_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()


def outcome(folder: Path) -> dict:
    loaded = False
    try:
        model = load(folder)
        loaded = True
        with torch.no_grad():
            logits = model(TOKENS, use_cache=False).logits[0, -16:, :64]
    except Exception as error:  # whatever a release raises is a result
        text = f"{type(error).__name__}: {error}"
        return {"error": text[:300], "misfit": "size mismatch" in text, "loaded": loaded}
    return {"logits": [round(value, 5) for value in logits.double().flatten().tolist()]}


def with_empty_cache(folder: Path) -> str | None:
    """Why a forward pass that is handed an empty DynamicCache fails, as `6.0` computes its loss; null: it gives finite logits."""
    try:
        from transformers import DynamicCache

        with torch.no_grad():
            logits = load(folder)(TOKENS, past_key_values=DynamicCache()).logits
        return None if bool(torch.isfinite(logits).all()) else "the logits are not finite"
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def defaults(name: str) -> dict:
    """Values of the keys that a config of the class does not give; a list or object is none that a key of ours has."""
    config = getattr(transformers, f"{name}Config")().to_dict()
    return {key: value for key, value in config.items() if not isinstance(value, dict | list)}


def judge(out: Path) -> dict:
    classes, caches, known, flash = {}, {}, {}, {}
    for name in MODELS:
        architecture = class_name(name)
        if not hasattr(transformers, architecture):
            classes[architecture] = None
            continue
        folders = sorted((out / name).iterdir())
        classes[architecture] = {json.loads((folder / "probe.json").read_text()): outcome(folder) for folder in folders}
        caches[architecture] = with_empty_cache(out / name / "base")
        known[architecture] = defaults(name)
        flash[architecture] = bool(getattr(getattr(transformers, architecture), "_supports_flash_attn_2", True))
    return {"version": transformers.__version__, "classes": classes, "defaults": known, "caches": caches, "flash": flash}


def main() -> None:
    out = Path(sys.argv[2])
    if sys.argv[1] == "save":
        for name in MODELS:
            for number, (label, changes) in enumerate({"": {}, **PROBES}.items()):
                folder = out / name / (str(number) if label else "base")
                save(folder, name, changes)
                (folder / "probe.json").write_text(json.dumps(label))
    else:
        print(json.dumps(judge(out)))


if __name__ == "__main__":
    main()
