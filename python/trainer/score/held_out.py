"""Held-out loss: the number that decides which model is best."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..machine.distributed import World


@torch.no_grad()
def held_out_loss(model: nn.Module, held_out: Tensor, batch_size: int, world: World, alive: Callable[[], None]) -> float:
    """Mean next-token cross-entropy (nats) over `held_out` [n, length]; every rank takes its share, all get the answer."""
    losses, counts = [], []
    # Every rank makes the same number of forwards: sharded layers are gathered together.
    rounds = -(-len(held_out) // (batch_size * world.size))
    for i in range(rounds):
        start = (i * world.size + world.rank) * batch_size
        mine = held_out[start : start + batch_size]
        padded = mine if len(mine) else held_out[:1]
        _, loss = model(padded.to(world.device))
        losses.append(loss)
        counts.append(len(mine))
        alive()
    # Read once, at the end: a GPU works through all of them without being waited for.
    total = sum(loss * count for loss, count in zip(torch.stack(losses).tolist(), counts))
    return world.mean(total) / world.mean(sum(counts))
