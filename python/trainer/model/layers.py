"""A model by its layers: which they are, and what is done to each: compiled, computed again in backward, sharded over ranks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import torch.distributed as dist
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only
from transformers import PreTrainedModel

from ..machine.distributed import World


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The repeated blocks: the members of the largest ModuleList."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module)]
    return list(max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))) if lists else []


def persistent_buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What a saved model holds beside its parameters (the bias that balances experts, say), by name."""
    kept = model.state_dict().keys()
    return ((name, buffer) for name, buffer in model.named_buffers() if name in kept)


def tied_names(model: PreTrainedModel) -> dict[str, str]:
    """Names of tensors that are copies, and of what: a saved model may leave them out."""
    return dict(getattr(model, "all_tied_weights_keys", None) or {})


def input_table(model: PreTrainedModel) -> nn.Embedding:
    """The embedding: [vocabulary, width]."""
    return cast(nn.Embedding, model.get_input_embeddings())


def output_head(model: PreTrainedModel) -> nn.Linear | None:
    """What turns hidden states into logits; its weight may be the embedding's. None: the model has no such layer."""
    return cast("nn.Linear | None", model.get_output_embeddings())


class Frames:
    """How many graphs were compiled for the layers so far: a layer that is compiled in name only adds none."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[torch.Tensor]):
        """The backend of torch.compile: inductor, counted."""
        from torch._inductor.compile_fx import compile_fx

        self.count += 1
        return compile_fx(graph, inputs)


Backend = TypeVar("Backend", bound=Callable[..., object])


def compile_layers(model: nn.Module, backend: Backend) -> Backend:
    """Compiles every decoder layer's own forward: what wraps it (hooks, sharding, activation checkpointing) stays outside of the graph, which
    torch.compile would otherwise give up on in silence. So it comes before `checkpoint_activations` and `shard`. Returns the backend."""
    for layer in decoder_layers(model):
        layer.forward = torch.compile(layer.forward, backend=backend)
    return backend


def checkpoint_activations(model: nn.Module, which: str) -> None:
    """`full`: every decoder layer is computed again in backward; `selective`: every other one; `none`."""
    stride = {"none": 0, "selective": 2, "full": 1}[which]
    for layer in decoder_layers(model)[::stride] if stride else []:
        layer.forward = functools.partial(torch.utils.checkpoint.checkpoint, layer.forward, use_reentrant=False)


def cast_layer_inputs(model: nn.Module, dtype: torch.dtype) -> None:
    """Every decoder layer takes its inputs in the compute dtype, as it does when sharded: under autocast alone the residual stream would stay in
    fp32, twice the memory and another computation than on several devices."""

    def cast(_: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        return tree_map_only(torch.Tensor, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor, (args, kwargs))

    for layer in decoder_layers(model):
        layer.register_forward_pre_hook(cast, with_kwargs=True)


def shard(model: nn.Module, world: World, compute: torch.dtype) -> None:
    """Shards parameters, gradients and optimizer state over all ranks (FSDP2); every decoder layer is one unit."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=compute if compute != torch.float32 else None, reduce_dtype=torch.float32)
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)


def fill(sharded: nn.Module, source: nn.Module | None, world: World) -> None:
    """Gives a sharded model on the meta device its memory and the numbers of the first rank's `source` (None on others), tensor by tensor.

    `sharded` has the model as its `model`. Nothing but `source` is ever whole, in the first rank's own memory.
    """
    owners: dict[nn.Parameter, list[tuple[nn.Module, str]]] = {}
    for module in sharded.modules():
        for name, param in module._parameters.items():
            if param is not None:
                owners.setdefault(param, []).append((module, name))
    sharded.to_empty(device=world.device)
    for (first, first_name), *others in owners.values():  # tied tensors were parted
        for module, name in others:
            module._parameters[name] = first._parameters[first_name]
    numbers = {} if source is None else {**dict(source.named_parameters()), **dict(source.named_buffers())}
    for name, tensor in [*sharded.named_parameters(), *sharded.named_buffers()]:
        given = numbers.pop(name.removeprefix("model.")).detach().to(world.device) if source is not None else torch.empty(tensor.shape, dtype=tensor.dtype, device=world.device)
        if isinstance(tensor, DTensor):
            tensor.to_local().detach().copy_(distribute_tensor(given, tensor.device_mesh, tensor.placements).to_local())
        else:
            dist.broadcast(given, 0)
            tensor.detach().copy_(given)
