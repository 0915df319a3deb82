"""Muon (Jordan et al. 2024): momentum, then orthogonalisation of the whole update of a hidden matrix.

Matrices of one shape go through it together, and so do those of a stack (the experts of a layer, in one tensor of three dimensions). When they are sharded over ranks, each rank orthogonalises its share of them: rows travel to the
rank that owns a matrix, and the finished rows travel back, so that the work of a step is divided and not repeated.

The rate follows width by the update's largest singular value: `rate * sqrt(max(1, rows / columns))` whatever the width (`adjust_lr_fn="original"` of PyTorch's). Scaled to
the size of AdamW's updates (0.2 sqrt(max(rows, columns)): Liu et al. 2025, arXiv 2502.16982) it was worse at each of three rates (docs/experiments.md).
"""

from __future__ import annotations

from collections import defaultdict

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard

from ..machine.sharded import local
from . import rounding

# Odd quintic with a steep slope at 0: drives singular values into about [0.7, 1.2] in 5 steps.
_A, _B, _C = 3.4445, -4.7750, 2.0315
# Elements that a rank orthogonalises at once: more only costs memory (a few copies of them).
BATCH_ELEMENTS = 1 << 27
# Of a row's running size, that a step keeps.
_ROWS_KEPT = 0.95


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly, of each of [count, rows, columns]; same shape.

    bf16 on a GPU, where it is fast and exact enough; fp32 on a CPU, where bf16 products are many times slower.
    """
    x = matrices.to(product_dtype(matrices.device))
    wide = x.shape[-2] <= x.shape[-1]
    x = x if wide else x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x if wide else x.mT


def product_dtype(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if device.type == "cuda" else torch.float32


class Muon(torch.optim.Optimizer):
    """For matrices and stacks of them [count, rows, columns]. `state_dtype` is that of the momentum: fp32, or bf16 (also for int8, which is for AdamW's moments).

    `even_rows`: each row of an update is divided by its running size, the matrix keeping its norm (NorMuon: Li et al. 2025, arXiv 2510.05491).
    """

    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float, weight_decay: float, steps: int, state_dtype: str = "fp32", even_rows: bool = False
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "steps": steps})
        dtype = torch.float32 if state_dtype == "fp32" else torch.bfloat16
        for param in params:
            self.state[param] = {"momentum": torch.zeros_like(param, dtype=dtype)}
            if even_rows:
                self.state[param]["rows"] = _rows_of(param)

    @torch.no_grad()
    def step(self, ok: Tensor | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  (there is no closure)
        """`ok`: 0-dimensional bool; where it is false nothing changes, without waiting for a GPU to say so."""
        for group in self.param_groups:
            alike: dict[tuple, list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    alike[(param.shape, param.dtype, param.placements if isinstance(param, DTensor) else None)].append(param)
            for params in alike.values():
                ranks = params[0].device_mesh.size() if isinstance(params[0], DTensor) else 1
                count = ranks * max(1, BATCH_ELEMENTS // params[0].numel())
                for start in range(0, len(params), count):
                    self._step_batch(params[start : start + count], group, ok)

    def _step_batch(self, params: list[Tensor], group: dict, ok: Tensor | None) -> None:
        buffers = [local(self.state[param]["momentum"]) for param in params]
        gradients = [local(param.grad).to(buffer.dtype) for param, buffer in zip(params, buffers) if param.grad is not None]
        if ok is not None:
            gradients = [torch.where(ok, gradient, buffer) for gradient, buffer in zip(gradients, buffers)]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])  # pyright: ignore[reportPrivateImportUsage]
        # Nesterov: look one step ahead along the momentum.
        updates = list(torch._foreach_lerp(gradients, buffers, group["momentum"]))  # pyright: ignore[reportPrivateImportUsage]
        del gradients
        orthogonal = _orthogonalise_parts(updates, params[0], group["steps"])
        if "rows" in self.state[params[0]]:
            orthogonal = _even(orthogonal, [local(self.state[param]["rows"]) for param in params], params[0], ok)
        rows, columns = params[0].shape[-2:]
        scale = group["lr"] * max(1.0, rows / columns) ** 0.5
        shrink = 1 - group["lr"] * group["weight_decay"]
        if ok is not None:
            orthogonal = torch._foreach_mul(orthogonal, ok)  # pyright: ignore[reportPrivateImportUsage]
            shrink = torch.where(ok, shrink, 1.0)
        for param, update in zip(map(local, params), orthogonal):
            if param.dtype == torch.bfloat16:
                rounding.write(param, (param.float() * shrink).sub_(update, alpha=scale))
            else:
                param.mul_(shrink).sub_(update, alpha=scale)


def _rows_of(param: Tensor) -> Tensor:
    """Zeros, one a row, sharded as the parameter is."""
    zeros = torch.zeros(local(param).shape[:-1], device=param.device)
    if not isinstance(param, DTensor):
        return zeros
    shape = param.shape[:-1]
    stride = (1,) if len(shape) == 1 else (shape[1], 1)
    return DTensor.from_local(zeros, param.device_mesh, param.placements, run_check=False, shape=shape, stride=stride)


def _even(updates: list[Tensor], sizes: list[Tensor], like: Tensor, ok: Tensor | None) -> list[Tensor]:
    """Updates whose rows are divided by the roots of their running mean squares `sizes`, each matrix as large as before. `like`: as for `_orthogonalise_parts`."""
    even, norms = [], []
    for update, size in zip(updates, sizes):
        update = update.float()
        new = torch.lerp(size, update.square().mean(-1), 1 - _ROWS_KEPT)
        size.copy_(new if ok is None else torch.where(ok, new, size))
        even.append(update / (size.sqrt().unsqueeze(-1) + 1e-8))
        norms.append(torch.stack([each.square().sum((-2, -1)) for each in (update, even[-1])]))
    squares = torch.stack(norms)
    if isinstance(like, DTensor) and like.ndim == 2:  # the rest of each matrix lies on other ranks
        dist.all_reduce(squares, group=like.device_mesh.get_group())
    return [each * (before / after.clamp(min=1e-30)).sqrt()[..., None, None] for each, (before, after) in zip(even, squares)]


def _orthogonalise_parts(updates: list[Tensor], like: Tensor, steps: int) -> list[Tensor]:
    """This rank's rows, or matrices of a stack, before -> after. `like`: one of the parameters, for how they are sharded."""
    mesh = like.device_mesh if isinstance(like, DTensor) else None
    if isinstance(like, DTensor) and (like.device_mesh.ndim != 1 or like.placements != (Shard(0),)):
        raise NotImplementedError(f"Muon takes matrices sharded by rows over one dimension of ranks, not {like.placements}.")
    if like.ndim == 3:  # each rank has whole matrices
        return [_orthogonalise_stack(update, steps) for update in updates]
    if mesh is None:
        return list(orthogonalise(torch.stack(updates), steps))
    return _take_turns(updates, like.shape[0], mesh.get_group(), steps)


def _orthogonalise_stack(matrices: Tensor, steps: int) -> Tensor:
    """Each matrix of [count, rows, columns] (count may be 0), not more of them at once than fit."""
    at_once = max(1, BATCH_ELEMENTS // matrices[0].numel()) if len(matrices) else 1
    return torch.cat([orthogonalise(part, steps) for part in matrices.split(at_once)]) if len(matrices) else matrices


def _take_turns(updates: list[Tensor], rows: int, group: dist.ProcessGroup, steps: int) -> list[Tensor]:
    """Rank r orthogonalises the r-th run of the matrices. Two exchanges, each of one matrix's worth a matrix over all ranks."""
    ranks, columns = group.size(), updates[0].shape[1]
    each = -(-len(updates) // ranks)
    owned = [max(0, min(each, len(updates) - each * rank)) for rank in range(ranks)]
    longest = -(-rows // ranks)  # as torch.chunk cuts them: the last ranks may have fewer, or none
    held = [max(0, min(longest, rows - longest * rank)) for rank in range(ranks)]
    mine, here = owned[group.rank()], held[group.rank()]
    sent = torch.stack(updates).to(product_dtype(updates[0].device)).flatten()
    outgoing = [count * here * columns for count in owned]
    incoming = [mine * height * columns for height in held]
    received = sent.new_empty(sum(incoming))
    dist.all_to_all_single(received, sent, incoming, outgoing, group=group)
    if mine:
        parts = [part.view(mine, height, columns) for part, height in zip(received.split(incoming), held)]
        whole = orthogonalise(torch.cat(parts, dim=1), steps)
        received = torch.cat([part.flatten() for part in whole.split(held, dim=1)])
    dist.all_to_all_single(sent, received, outgoing, incoming, group=group)
    return list(sent.view(len(updates), here, columns))
