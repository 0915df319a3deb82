"""A model by its layers: which they are, and what is done to each: computed again in backward, sharded over ranks."""

from __future__ import annotations

import functools
from typing import cast

import torch.utils.checkpoint
from torch import nn
from transformers import PreTrainedModel

from ..machine.distributed import World


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The repeated blocks: the members of the largest ModuleList."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module)]
    return list(max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))) if lists else []


def input_table(model: PreTrainedModel) -> nn.Embedding:
    """The embedding: [vocabulary, width]."""
    return cast(nn.Embedding, model.get_input_embeddings())


def output_head(model: PreTrainedModel) -> nn.Linear | None:
    """What turns hidden states into logits; its weight may be the embedding's. None: the model has no such layer."""
    return cast("nn.Linear | None", model.get_output_embeddings())


def checkpoint_activations(model: nn.Module, which: str) -> None:
    """`full`: every decoder layer is computed again in backward; `selective`: every other one; `none`."""
    stride = {"none": 0, "selective": 2, "full": 1}[which]
    for layer in decoder_layers(model)[::stride] if stride else []:
        layer.forward = functools.partial(torch.utils.checkpoint.checkpoint, layer.forward, use_reentrant=False)


def shard(model: nn.Module, world: World, compute: torch.dtype) -> None:
    """Shards parameters, gradients and optimizer state over all ranks (FSDP2); every decoder layer is one unit."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=compute if compute != torch.float32 else None, reduce_dtype=torch.float32)
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)
