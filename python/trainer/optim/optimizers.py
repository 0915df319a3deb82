"""AdamW for vectors, embeddings and heads, Muon for hidden matrices; state addressed by parameter name, for any world size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..config import OptimizerConfig
from ..model.layers import output_head
from ..model.trainable import trained
from .lean_adamw import LeanAdamW
from .muon import Muon
from .rates import Rates


class Optimizers(Rates):
    """All optimizers of a model as one: step, rates by a common factor, state as flat named tensors."""

    def __init__(self, model: PreTrainedModel, config: OptimizerConfig):
        """`model` is the transformers model (maybe sharded); names in `state` are its parameters' names."""
        self.names: dict[Tensor, str] = {param: name for name, param in trained(model)}
        matrices, embeddings, vectors, others = split_parameters(model)
        decay = config.weight_decay
        groups = [
            {"params": embeddings, "lr": config.embedding_lr or config.lr, "weight_decay": 0.0},
            {"params": vectors, "lr": config.lr, "weight_decay": 0.0},
            {"params": others if config.name == "muon" else matrices + others, "lr": config.lr, "weight_decay": decay},
        ]
        groups = [group for group in groups if group["params"]]
        # PyTorch's own where it can: bf16 parameters have to be rounded at random, and its moments are as wide as its parameters.
        self.adamw: LeanAdamW | torch.optim.AdamW | None = None
        if not groups:
            pass  # what trains is all Muon's
        elif config.state_dtype != "fp32" or any(param.dtype == torch.bfloat16 for param in self.names):
            self.adamw = LeanAdamW(groups, _betas(config), config.eps, config.state_dtype)
        else:
            self.adamw = _torch_adamw(groups, config, next(iter(self.names)).device.type in ("cpu", "cuda"))
        self.muon: Muon | None = None
        if config.name == "muon" and matrices:
            self.muon = Muon(matrices, config.muon_lr, config.momentum, decay, config.orthogonal_steps, config.state_dtype, config.even_rows)
        parts: list[torch.optim.Optimizer] = [part for part in (self.adamw, self.muon) if part is not None]
        super().__init__(parts, [group for part in parts for group in part.param_groups])

    def step(self, factor: float, ok: Tensor) -> None:
        """One step with every rate at `factor` times its peak; where `ok` (0-dimensional bool) is false, nothing changes.

        Gradients are dropped after it. On a GPU nothing is waited for.
        """
        self.set_rates(factor)
        if ok.is_cuda:
            if isinstance(self.adamw, LeanAdamW):
                self.adamw.step(ok)
            elif self.adamw is not None:
                # Read by the fused kernel, as a gradient scaler would set them.
                vars(self.adamw).update(found_inf=(~ok).float(), grad_scale=None)
                self.adamw.step()
            if self.muon is not None:
                self.muon.step(ok)
        elif ok:
            for part in self.parts:
                part.step()
        self.zero_grad()

    def fill_state(self) -> None:
        """Called before a checkpoint is loaded into `state`: all of it is there from the beginning."""

    def numbers(self) -> dict:
        """State that is no tensor: none."""
        return {}

    def load_numbers(self, numbers: dict) -> None:
        """Puts back what `numbers` gave."""

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


def _torch_adamw(groups: list[dict], config: OptimizerConfig, fused: bool) -> torch.optim.AdamW:
    """With its state from the beginning, so that a checkpoint has something to be loaded into."""
    adamw = torch.optim.AdamW(groups, betas=_betas(config), eps=config.eps, fused=fused)
    for group in adamw.param_groups:
        for param in group["params"]:
            step = torch.zeros((), dtype=torch.float32, device=param.device if fused else "cpu")
            adamw.state[param] = {"step": step, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}
    return adamw


def _betas(config: OptimizerConfig) -> tuple[float, float]:
    first, second = config.betas
    return first, second


def split_parameters(model: PreTrainedModel) -> tuple[list, list, list, list]:
    """Of what trains: (hidden matrices and stacks of them, embeddings and head, vectors, other): what Muon is for, and the three kinds that AdamW takes."""
    filters = {module.weight for module in model.modules() if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d))}
    tables = {module.weight for module in model.modules() if isinstance(module, nn.Embedding)}
    head = output_head(model)
    if head is not None:
        tables.add(head.weight)
    matrices, embeddings, vectors, others = [], [], [], []
    for _, param in trained(model):
        if param in tables:
            embeddings.append(param)
        elif param.ndim in (2, 3) and min(param.shape[-2:]) > 1 and param not in filters:
            matrices.append(param)
        elif param.ndim < 2:
            vectors.append(param)
        else:
            others.append(param)
    return matrices, embeddings, vectors, others
