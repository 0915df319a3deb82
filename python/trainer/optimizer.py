"""AdamW for vectors, embeddings and heads, Muon for hidden matrices; state addressed by parameter name, for any world size."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from .config import OptimizerConfig

# Odd quintic with a steep slope at 0 (Jordan et al. 2024, "Muon"): drives singular values into about [0.7, 1.2] in 5 steps.
_A, _B, _C = 3.4445, -4.7750, 2.0315
# Matrices orthogonalised at once: about six copies of them live meanwhile, which for all of a 7B model would be 60 GB in fp32.
_STACK_ELEMENTS = 1 << 28


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly, of each of [count, rows, columns]; same shape and dtype.

    bf16 on a GPU, where it is fast and exact enough; fp32 on a CPU, where bf16 products are many times slower.
    """
    x = matrices.to(torch.bfloat16 if matrices.is_cuda else torch.float32)
    wide = x.shape[-2] <= x.shape[-1]
    x = x if wide else x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C) @ x
    return (x if wide else x.mT).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum, then orthogonalisation of the whole update; matrices of one shape go through it together."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float, weight_decay: float, steps: int):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "steps": steps})

    @torch.no_grad()
    def step(self, ok: Tensor | None = None) -> None:
        """`ok`: 0-dimensional bool; where it is false nothing changes, without waiting for a GPU to say so."""
        for group in self.param_groups:
            by_shape: dict[tuple, list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    by_shape[(param.shape, param.dtype)].append(param)
            for params in by_shape.values():
                together = max(1, _STACK_ELEMENTS // params[0].numel())
                for start in range(0, len(params), together):
                    self._step_shape(params[start : start + together], group, ok)

    def _step_shape(self, params: list[Tensor], group: dict, ok: Tensor | None) -> None:
        buffers = [self.state[param]["momentum"] for param in params]
        gradients = [param.grad for param in params]
        if ok is not None:
            gradients = [torch.where(ok, gradient, buffer) for gradient, buffer in zip(gradients, buffers)]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        # Nesterov: look one step ahead along the momentum.
        updates = torch._foreach_lerp(gradients, buffers, group["momentum"])
        rows, columns = params[0].shape
        scale = group["lr"] * max(1.0, rows / columns) ** 0.5
        whole = torch.stack([update.full_tensor() if isinstance(update, DTensor) else update for update in updates])
        orthogonal = orthogonalise(whole, group["steps"])
        shrink = 1 - group["lr"] * group["weight_decay"]
        if ok is not None:
            orthogonal = orthogonal * ok
            shrink = torch.where(ok, shrink, 1.0)
        for param, update in zip(params, orthogonal):
            param.mul_(shrink)
            param.sub_(_like(update, param), alpha=scale)


def _like(whole: Tensor, param: Tensor) -> Tensor:
    """This rank's part of a whole matrix, when the parameter is sharded."""
    if not isinstance(param, DTensor):
        return whole
    replicated = DTensor.from_local(whole, param.device_mesh, [torch.distributed.tensor.Replicate()], run_check=False)
    return replicated.redistribute(placements=param.placements)


class Optimizers:
    """All optimizers of a model as one: step, rates by a common factor, state as flat named tensors."""

    def __init__(self, model: nn.Module, config: OptimizerConfig):
        """`model` is the transformers model (maybe sharded); names in `state` are its parameters' names."""
        self.names = {param: name for name, param in model.named_parameters()}
        matrices, embeddings, vectors, others = split_parameters(model)
        fused = next(iter(self.names)).is_cuda
        decay = config.weight_decay
        groups = [
            {"params": embeddings, "lr": config.embedding_lr or config.lr, "weight_decay": 0.0},
            {"params": vectors, "lr": config.lr, "weight_decay": 0.0},
            {"params": others if config.name == "muon" else matrices + others, "lr": config.lr, "weight_decay": decay},
        ]
        groups = [group for group in groups if group["params"]]
        self.adamw = torch.optim.AdamW(groups, betas=tuple(config.betas), eps=config.eps, fused=fused)
        for group in self.adamw.param_groups:
            for param in group["params"]:
                step = torch.zeros((), dtype=torch.float32, device=param.device if fused else "cpu")
                self.adamw.state[param] = {"step": step, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}
        self.muon = None
        if config.name == "muon" and matrices:
            self.muon = Muon(matrices, config.muon_lr, config.momentum, decay, config.orthogonal_steps)
            for param in matrices:
                self.muon.state[param] = {"momentum": torch.zeros_like(param)}
        self.parts: list[torch.optim.Optimizer] = [part for part in (self.adamw, self.muon) if part is not None]
        self.groups = [group for part in self.parts for group in part.param_groups]
        for group in self.groups:
            group["peak_lr"] = group["lr"]

    def step(self, factor: float, ok: Tensor) -> None:
        """One step with every rate at `factor` times its peak; where `ok` (0-dimensional bool) is false, nothing changes.

        Gradients are dropped after it. On a GPU nothing is waited for.
        """
        for group in self.groups:
            group["lr"] = group["peak_lr"] * factor
        if ok.is_cuda:
            self.adamw.found_inf = (~ok).float()  # read by the fused kernel, as a gradient scaler would set it
            self.adamw.grad_scale = None
            self.adamw.step()
            if self.muon is not None:
                self.muon.step(ok)
        elif ok:
            self.adamw.step()
            if self.muon is not None:
                self.muon.step()
        self.zero_grad()

    def fill_state(self) -> None:
        """Called before a checkpoint is loaded into `state`: all of it is there from the beginning."""

    def numbers(self) -> dict:
        """State that is no tensor: none."""
        return {}

    def load_numbers(self, numbers: dict) -> None:
        """Puts back what `numbers` gave."""

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    @property
    def lr(self) -> float:
        """The rate people ask for: of the matrices."""
        return self.groups[-1]["lr"]

    @property
    def peak_lr(self) -> float:
        return self.groups[-1]["peak_lr"]

    def state(self) -> dict[str, Tensor]:
        """`{"<parameter>|<slot>": tensor}`, the live tensors: loading into them is resuming."""
        return {
            f"{self.names[param]}|{slot}": tensor
            for part in self.parts
            for param, slots in part.state.items()
            for slot, tensor in slots.items()
        }


def split_parameters(model: nn.Module) -> tuple[list, list, list, list]:
    """(hidden matrices, embeddings and head, vectors, other): what Muon is for, and the three kinds that AdamW takes."""
    tables = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    head = model.get_output_embeddings()
    if head is not None:
        tables.add(head.weight)
    matrices, embeddings, vectors, others = [], [], [], []
    for param in model.parameters():
        if param in tables:
            embeddings.append(param)
        elif param.ndim == 2 and min(param.shape) > 1:
            matrices.append(param)
        elif param.ndim < 2:
            vectors.append(param)
        else:
            others.append(param)
    return matrices, embeddings, vectors, others
