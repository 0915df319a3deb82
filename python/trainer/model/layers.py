"""What is done to a model layer by layer: computed again in backward, sharded over ranks."""

from __future__ import annotations

import functools

import torch.utils.checkpoint
from torch import nn

from ..machine.distributed import World


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The repeated blocks: the members of the largest ModuleList."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module)]
    return list(max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))) if lists else []


def checkpoint_activations(model: nn.Module, which: str) -> None:
    """`full`: every decoder layer is computed again in backward; `selective`: every other one; `none`."""
    stride = {"none": 0, "selective": 2, "full": 1}[which]
    for layer in decoder_layers(model)[::stride] if stride else []:
        layer.forward = functools.partial(torch.utils.checkpoint.checkpoint, layer.forward, use_reentrant=False)


def shard(model: nn.Module, world: World, compute: torch.dtype) -> nn.Module:
    """Shards parameters, gradients and optimizer state over all ranks (FSDP2); every decoder layer is one unit."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=compute if compute != torch.float32 else None, reduce_dtype=torch.float32)
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    return fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)
