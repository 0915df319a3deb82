"""Where the model comes from: a recipe's architecture, a model folder, or one safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from ..config import Recipe, Source
from ..errors import TrainerError, is_out_of_memory
from ..files import read_object
from .compat import name_in_model
from .layers import tied_names


def load_model(source: Source, config: PretrainedConfig, attention: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """A transformers causal LM of that config on `device`, parameters in `dtype`. Raises TrainerError `bad_model` or `bad_recipe`.

    Initial weights depend on torch's seed only, and are made on the CPU, so that every device starts equal.
    """
    if source.kind == "recipe":
        return put(_from_config(config, attention, torch.float32), device, dtype)
    try:
        return put(_load_weights(source, config, attention, dtype), device)
    except TrainerError:
        raise
    except Exception as error:  # transformers raises many kinds for a folder that is not what it says
        raise TrainerError("bad_model", f"{source.path} cannot be loaded: {error}", [f"pt check {source.path}"]) from error


def put(model: PreTrainedModel, device: torch.device, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """The same model there, parameters in `dtype`. Buffers keep theirs: rotary frequencies in bf16 are other positions than validators compute."""
    if dtype is not None:
        for param in model.parameters():
            param.data = param.data.to(dtype)
    to = cast(Callable[..., PreTrainedModel], model.to)  # transformers' wrapper around it has lost its type
    return to(device)


def skeleton(config: PretrainedConfig, attention: str, dtype: torch.dtype) -> PreTrainedModel:
    """The model without memory, to be counted, or sharded before it has any. Raises TrainerError `bad_recipe`."""
    with torch.device("meta"):
        return _from_config(config, attention, dtype)


def _from_config(config: PretrainedConfig, attention: str, dtype: torch.dtype) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=dtype)
    except Exception as error:  # each architecture objects to its own contradictions, in its own classes
        if is_out_of_memory(error):
            raise
        raise TrainerError("bad_recipe", f"The architecture {config.model_type} cannot be built: {error}", ["Correct the recipe's architecture"]) from error


def load_config(source: Source, recipe: Recipe) -> PretrainedConfig:
    """The architecture's config; nothing but JSON and safetensors headers is read."""
    if source.kind == "recipe":
        return make_config(dict(recipe.architecture), f"recipe {recipe.name}")
    path = source.given()
    if not path.exists():
        raise TrainerError("bad_model", f"{path} does not exist.", ["Name a model folder or a .safetensors file that exists"])
    if source.kind == "model_dir":
        return make_config(read_object(path / "config.json", "bad_model", ["Name the right config.json"]), str(path / "config.json"))
    if source.config is not None:
        return make_config(read_object(Path(source.config), "bad_model", ["Name the right config.json"]), source.config)
    beside = path.parent / "config.json"
    if beside.is_file():
        return make_config(read_object(beside, "bad_model", ["Name the right config.json"]), str(beside))
    # Nothing is guessed: how many heads share a width, the rope base and the norms' epsilon leave no trace in shapes.
    raise TrainerError(
        "bad_model",
        f"{path} comes without its config.json, and tensors do not tell all of it (number of heads, rope base, epsilon).",
        ["pt train --load-model FILE --load-model-config CONFIG.json", "Put the model's config.json beside the file"],
    )


def make_config(raw: dict, where: str) -> PretrainedConfig:
    """A transformers config of these keys; code that a config may name is never run."""
    code = raw.get("auto_map")
    raw = {key: value for key, value in raw.items() if key != "auto_map"}
    kind = raw.pop("model_type", None)
    if not isinstance(kind, str):
        raise TrainerError("bad_model", f"{where} names no model_type.", ["Add model_type, for example llama or gpt_neox"])
    try:
        config = AutoConfig.for_model(kind, **raw)
    except Exception as error:  # transformers 5 validates with many exception classes
        if code is not None and kind not in CONFIG_MAPPING:
            message = f"{where} is of {kind}, a class that only its own code knows (auto_map), and that of others is never run here."
            raise TrainerError("bad_model", message, ["Start from a model of a class of transformers"]) from error
        raise TrainerError("bad_model", f"{where} is no config that transformers accepts: {error}", ["Correct that key"]) from error
    config.use_cache = True  # what users of the saved model expect; training asks for no cache itself
    return config


def load_folder(folder: Path, config: PretrainedConfig, attention: str, dtype: torch.dtype) -> PreTrainedModel:
    """The causal LM of a model folder, whole: from safetensors alone, and none of its code runs.

    Raises TrainerError `bad_model` where weights are missing or of another shape, or adapters lie beside them; and what transformers raises.
    """
    if (folder / "adapter_config.json").is_file():
        # transformers would put them on the model where `peft` is installed, and freeze the rest: who loads it elsewhere may get another model.
        fix = ["Merge them (peft: merge_and_unload), or take adapter_config.json out of a copy of the folder"]
        raise TrainerError("bad_model", f"{folder} holds adapters beside its model: which of both is meant cannot be told.", fix)
    loaded: tuple[PreTrainedModel, dict] = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=dtype,
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )  # pyright: ignore[reportAssignmentType]  (a pair, with output_loading_info)
    model, report = loaded
    missing, wrong = sorted(report.get("missing_keys", [])), report.get("mismatched_keys", [])
    if missing or wrong:
        # transformers fills the gaps with random numbers and goes on: neither a score nor a training of those means anything.
        names = ", ".join([*missing, *(str(item) for item in wrong)][:5])
        raise TrainerError("bad_model", f"{folder} lacks weights of {type(model).__name__} or has them in another shape: {names}", [f"pt check {folder}"])
    return model


def _load_weights(source: Source, config: PretrainedConfig, attention: str, dtype: torch.dtype) -> PreTrainedModel:
    path = source.given()
    if source.kind == "model_dir":
        return load_folder(path, config, attention, dtype)
    from safetensors.torch import load_file

    tensors = load_file(path)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    missing, unexpected = model.load_state_dict(_known_names(tensors, model), strict=False)
    tied = tied_names(model)
    missing = [name for name in missing if name not in tied and not (config.tie_word_embeddings and _is_head(model, name))]
    if missing or unexpected:
        some = ", ".join([*missing, *unexpected][:5])
        raise TrainerError(
            "bad_model",
            f"{path.name} does not hold the weights of {type(model).__name__}: {len(missing)} missing, {len(unexpected)} unknown ({some}).",
            ["Put the model's config.json beside the file", "pt train --load-model-dir FOLDER"],
        )
    model.tie_weights()
    return put(model, model.device, dtype)


def _is_head(model: PreTrainedModel, name: str) -> bool:
    head = model.get_output_embeddings()
    return head is not None and any(module is head and name.startswith(path + ".") for path, module in model.named_modules())


def _known_names(tensors: dict[str, torch.Tensor], model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Adds or drops the base model's prefix (`model.`, `gpt_neox.`) and buffers that older releases saved."""
    known = set(model.state_dict())
    prefix = model.base_model_prefix + "."
    renamed = {}
    for saved, tensor in tensors.items():
        name = name_in_model(model.config.model_type, saved, known)
        for candidate in (name, prefix + name, name.removeprefix(prefix)):
            if candidate in known:
                renamed[candidate] = tensor
                break
        else:
            if not name.endswith((".rotary_emb.inv_freq", ".attention.bias", ".attn.bias", ".attention.masked_bias", ".attn.masked_bias")):
                renamed[name] = tensor
    return renamed


def count_parameters(model: nn.Module) -> int:
    """As validators count: unique parameters once, buffers not."""
    return sum(param.numel() for param in model.parameters())
