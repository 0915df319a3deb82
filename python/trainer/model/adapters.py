"""Low-rank adapters (LoRA: Hu et al. 2021, arXiv 2106.09685), by `peft`: small matrices that learn beside frozen ones, and are added to them where
the model is saved. `peft` is imported only where a run has some."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..config import LoraConfig
from ..errors import TrainerError
from .layers import output_head
from .trainable import matches


def adapt(model: PreTrainedModel, config: LoraConfig, sizes_only: bool = False) -> None:
    """Gives the model its adapters, in fp32, and freezes all else. They change nothing yet: their second matrix is 0, the first is drawn by torch's seed.
    `sizes_only`: they hold no numbers, because the model's tensors are fake.

    Raises TrainerError `bad_recipe` where a target is none.
    """
    if config.rank == 0:
        return
    import peft

    chosen = target_layers(model, config.targets)
    alpha = 2 * config.rank if config.alpha is None else config.alpha
    asked = peft.LoraConfig(r=config.rank, lora_alpha=alpha, target_modules=chosen)  # pyright: ignore[reportArgumentType] (a float is as good)
    with unset_fake_temporarily():  # what is fake cannot be moved, as peft does
        peft.inject_adapter_in_model(asked, model, low_cpu_mem_usage=sizes_only)
    for name, module in model.named_modules() if sizes_only else ():
        if isinstance(module, nn.Linear) and _is_adapter(f"{name}."):  # left on the meta device
            module.weight = nn.Parameter(torch.empty(module.weight.shape))
    for name, param in model.named_parameters():
        param.requires_grad_(_is_adapter(name))


def target_layers(model: PreTrainedModel, patterns: list[str]) -> list[str]:
    """Names of the linear layers that get an adapter: those that a pattern `matches`, or all. Not the head, whose logits are never whole here, nor gates of one row."""
    head = output_head(model)
    linear = [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, Conv1D)) and module is not head and min(module.weight.shape) > 1]
    for pattern in patterns:
        if not any(matches(name, pattern) for name in linear):
            some = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
            message = f"lora.targets: {pattern} matches no linear layer of {type(model).__name__} (the head and experts kept in one tensor take no adapter)."
            raise TrainerError("bad_recipe", message, [f"Name some of {some}"])
    return [name for name in linear if not patterns or any(matches(name, pattern) for pattern in patterns)]


def merged(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` (whole, on the CPU, named as the model names them) with every adapter added, in fp32, to the weight that it is beside, under the
    names that the model has without adapters. Those of a model without any as they are."""
    if not any(map(_is_adapter, tensors)):
        return tensors
    layers = dict(model.named_modules())
    added = {}
    for name, tensor in tensors.items():
        path, beside, rest = name.partition(".base_layer.")
        down, up = (tensors.get(f"{path}.{matrix}.default.weight") for matrix in ("lora_A", "lora_B"))
        if beside and rest == "weight" and down is not None and up is not None:
            layer = layers[path]
            change = up.float() @ down.float() * layer.scaling["default"]  # pyright: ignore
            tensor = tensor.float() + (change.t() if layer.fan_in_fan_out else change)
        if not _is_adapter(name):
            added[f"{path}.{rest}" if beside else name] = tensor
    return added


def _is_adapter(name: str) -> bool:
    return ".lora_A." in name or ".lora_B." in name
