"""Matrix products of the decoder layers in fp8, by torchao, on GPUs that have them (Hopper and later)."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from ..errors import TrainerError

_OFF = 'In the recipe: "fp8": false'
# What the tensor cores' fp8 products demand of both sides of a matrix.
_MULTIPLE = 16


def require_fp8(device: torch.device) -> None:
    """Raises TrainerError when this device or this environment cannot: a recipe that asks for fp8 and silently trains in bf16 would lie."""
    if device.type != "cuda":
        raise TrainerError("bad_recipe", f"fp8 needs an NVIDIA GPU of the Hopper generation or later; this run is on {device}.", [_OFF])
    if torch.cuda.get_device_capability(device) < (9, 0):
        name = torch.cuda.get_device_name(device)
        raise TrainerError("bad_recipe", f"fp8 needs an NVIDIA GPU of the Hopper generation or later, not {name}.", [_OFF])
    try:
        import torchao.float8  # noqa: F401  # pyright: ignore[reportMissingImports]  (optional)
    except ImportError as error:
        raise TrainerError("missing_package", f"fp8 needs the package torchao: {error}", ["pip install torchao", _OFF]) from error


def use_fp8(model: PreTrainedModel, **options) -> int:
    """Converts the linear layers below the head in place, parameters and their names unchanged; returns how many.

    The head stays as it is: the loss takes its product itself. `options` go to torchao's Float8LinearConfig.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training  # pyright: ignore[reportMissingImports]

    chosen = {name for name, module in model.base_model.named_modules() if isinstance(module, nn.Linear) and not any(s % _MULTIPLE for s in module.weight.shape)}
    convert_to_float8_training(model.base_model, module_filter_fn=lambda _, name: name in chosen, config=Float8LinearConfig(**options))
    return len(chosen)
