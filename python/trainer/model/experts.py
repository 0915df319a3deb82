"""How evenly the router of a mixture of experts spreads tokens over them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


def mixtures(model: nn.Module) -> list[nn.Module]:
    """The modules that hold the experts of a layer in one tensor, as transformers does: called with (hidden states, chosen experts, their weights)."""
    return [module for module in model.modules() if hasattr(module, "num_experts") and any(param.ndim == 3 for param in module._parameters.values() if param is not None)]


def active_shares(model: PreTrainedModel) -> dict[nn.Parameter, float]:
    """Of each tensor of experts, the part that one token goes through."""
    chosen = getattr(model.config.get_text_config(), "num_experts_per_tok", None)
    return {} if chosen is None else {param: chosen / layer.num_experts for layer in mixtures(model) for param in layer.parameters()}


@torch.no_grad()
def expert_load(model: nn.Module, layers: list[nn.Module], tokens: Tensor) -> dict[str, list[float]]:
    """One forward of `model`, whose `mixtures` are `layers`, over `tokens` [batch, length]. By layer, `busiest`: tokens of the expert with most, as a
    multiple of an even share (1 is even, the number of experts is the worst), and `unused`: experts that none came to."""
    counts: dict[nn.Module, Tensor] = {}

    def count(module: nn.Module, args: tuple, kwargs: dict) -> None:
        chosen = args[1] if len(args) > 1 else kwargs["top_k_index"]
        counts[module] = torch.bincount(chosen.flatten(), minlength=module.num_experts)[: module.num_experts]  # pyright: ignore

    hooks = [layer.register_forward_pre_hook(count, with_kwargs=True) for layer in layers]
    try:
        with torch.compiler.set_stance("force_eager"):
            model(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    loads = [counts[layer].double() for layer in layers if layer in counts]
    return {"busiest": [(load.max() / load.mean()).item() for load in loads], "unused": [int((load == 0).sum().item()) for load in loads]}
