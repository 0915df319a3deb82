"""Which parameters of a model train: all, but those that are frozen."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase

import torch
from torch import nn

from ..errors import TrainerError
from ..machine.distributed import World
from ..machine.sharded import local

_PRIME = 2**31 - 1


def matches(name: str, pattern: str) -> bool:
    """Whether the dotted `name` has `pattern` in it as whole parts: `layers.0` is in `model.layers.0.mlp`, not in `model.layers.01`.
    `*` is anything, dots too, `?` one character, `[0-3]` one of these."""
    return fnmatchcase(f".{name}.", f"*.{pattern}.*")


def freeze(model: nn.Module, patterns: list[str]) -> None:
    """Takes every parameter that a pattern `matches` out of the training. Raises TrainerError `bad_recipe` where one matches none, or none is left."""
    names = dict(model.named_parameters(remove_duplicate=False))
    for pattern in patterns:
        found = [param for name, param in names.items() if matches(name, pattern)]
        if not found:
            some = ", ".join(sorted({name.rpartition(".")[0] for name in names})[:: max(1, len(names) // 8)][:8])
            raise TrainerError("bad_recipe", f"freeze: {pattern} matches no parameter of {type(model).__name__}.", [f"Name a part of it, for example {some}"])
        for param in found:
            param.requires_grad_(False)
    if patterns and not any(param.requires_grad for param in names.values()):
        raise TrainerError("bad_recipe", f"freeze: {' '.join(patterns)} leaves nothing of {type(model).__name__} to train.", ["Freeze less"])


def trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that train, by name."""
    return ((name, param) for name, param in model.named_parameters() if param.requires_grad)


def count_trained(model: nn.Module) -> int:
    return sum(param.numel() for _, param in trained(model))


def frozen_mark(model: nn.Module, world: World) -> int | None:
    """A number that tells other frozen weights from these, the same on any number of processes; None: all train.

    Checkpoints hold only what trains. The rest is read again from where the run began, and must be what it was.
    """
    frozen = [(name, local(param.detach())) for name, param in model.named_parameters() if not param.requires_grad]
    if not world.any(bool(frozen)):
        return None
    # Sums of whole numbers: whatever the order, and wherever the parts lie, the same.
    bits = ((name, tensor.contiguous().view(torch.int32 if tensor.element_size() == 4 else torch.int16)) for name, tensor in frozen)
    return world.total(sum(zlib.crc32(name.encode()) * int(part.sum(dtype=torch.int64)) for name, part in bits) % _PRIME) % _PRIME
