"""AdamW in little memory: moments in fp32, bf16 or 8 bits, parameters in fp32 or bf16 (rounded at random, so that small updates arrive).

PyTorch's own AdamW is taken where all is fp32; this one is for what it cannot do.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from ..machine.sharded import local
from . import rounding

# Elements of a parameter that are updated at a time: what the step needs beside its state stays below a few GB.
SLICE_ELEMENTS = 1 << 26


class LeanAdamW(torch.optim.Optimizer):
    """`state_dtype`: fp32, bf16 or int8. Moments of vectors are fp32 in any case: they are few, and one number decides much."""

    def __init__(self, groups: list[dict], betas: tuple[float, float], eps: float, state_dtype: str):
        super().__init__(groups, {"lr": 0.0, "betas": betas, "eps": eps, "weight_decay": 0.0})
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = {"step": torch.zeros((), device=param.device), **_moments(param, state_dtype)}

    @torch.no_grad()
    def step(self, ok: Tensor | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  (there is no closure)
        """`ok`: 0-dimensional bool; where it is false nothing changes, without waiting for a GPU to say so."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    state = self.state[param]
                    state["step"] += 1 if ok is None else ok
                    moments = {name: local(tensor) for name, tensor in state.items() if name != "step"}
                    _update(local(param), local(param.grad), moments, state["step"], group, ok)


def _moments(param: Tensor, state_dtype: str) -> dict[str, Tensor]:
    if state_dtype == "int8" and param.ndim == 2:
        scales = {f"{name}_scale": _scales(param) for name in ("exp_avg", "exp_avg_sq")}
        # Code 0 is 0 for the first moment; for the second the scale of 0 makes it so.
        return {"exp_avg": torch.zeros_like(param, dtype=torch.int8), "exp_avg_sq": torch.zeros_like(param, dtype=torch.uint8), **scales}
    dtype = torch.bfloat16 if state_dtype == "bf16" and param.ndim > 1 else torch.float32
    return {name: torch.zeros_like(param, dtype=dtype) for name in ("exp_avg", "exp_avg_sq")}


def _scales(param: Tensor) -> Tensor:
    """One number for each block of each row, sharded by rows as the parameter is."""
    here = local(param)
    blocks = rounding.blocks_of(param.shape[1])
    scales = torch.zeros(here.shape[0], blocks, device=here.device)
    if not isinstance(param, DTensor):
        return scales
    return DTensor.from_local(scales, param.device_mesh, param.placements, run_check=False, shape=torch.Size((param.shape[0], blocks)), stride=(blocks, 1))


def _update(param: Tensor, gradient: Tensor, moments: dict[str, Tensor], step: Tensor, group: dict, ok: Tensor | None) -> None:
    if param.numel() > SLICE_ELEMENTS and param.ndim > 1:
        rows = max(1, SLICE_ELEMENTS * len(param) // param.numel())
        for start in range(0, len(param), rows):
            part = slice(start, start + rows)
            _update_slice(param[part], gradient[part], {name: tensor[part] for name, tensor in moments.items()}, step, group, ok)
    elif param.numel():
        _update_slice(param, gradient, moments, step, group, ok)


def _update_slice(param: Tensor, gradient: Tensor, moments: dict[str, Tensor], step: Tensor, group: dict, ok: Tensor | None) -> None:
    first, second = group["betas"]
    gradient = gradient.float()
    old_mean, old_square = _read(moments)
    mean = torch.lerp(old_mean, gradient, 1 - first)
    square = torch.lerp(old_square, gradient.square(), 1 - second)
    size = (square / (1 - second**step)).sqrt_().add_(group["eps"])
    before = param.float()
    after = before * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * (mean / (1 - first**step)) / size
    if ok is not None:
        mean, square, after = (torch.where(ok, new, old) for new, old in ((mean, old_mean), (square, old_square), (after, before)))
    _keep(moments, mean, square)
    rounding.write(param, after)


def _read(moments: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    if "exp_avg_scale" not in moments:
        return moments["exp_avg"].float(), moments["exp_avg_sq"].float()
    mean = rounding.decode_signed(moments["exp_avg"], moments["exp_avg_scale"])
    return mean, rounding.decode_positive(moments["exp_avg_sq"], moments["exp_avg_sq_scale"])


def _keep(moments: dict[str, Tensor], mean: Tensor, square: Tensor) -> None:
    if "exp_avg_scale" not in moments:
        rounding.write(moments["exp_avg"], mean)
        rounding.write(moments["exp_avg_sq"], square)
        return
    rounding.encode_signed(mean, moments["exp_avg"], moments["exp_avg_scale"])
    rounding.encode_positive(square, moments["exp_avg_sq"], moments["exp_avg_sq_scale"])
