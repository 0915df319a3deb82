"""How fast this machine scores: what an earlier scoring took, kept in one small file; else what it multiplies in half a second."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from ..files import write_json
from ..machine.device import device_name

_MOST = 50
_SECONDS = 0.5
_ROWS = 1024
# Large enough for all of a device's speed.
_WIDTH = 2048
_WIDTH_GPU = 8192


def keep_rate(cache_dir: Path, device: torch.device, dtype: torch.dtype, model: str, length: int, flops: float, tokens: int, seconds: float) -> None:
    """Notes that `tokens` tokens in sequences of `length` took so long, at `flops` FLOP a token. Of the same sizes the newest stays."""
    here = {"device": device_name(device), "dtype": str(dtype), "length": length, "flops": flops}
    others = [row for row in _read(cache_dir) if any(row.get(key) != value for key, value in here.items())]
    row = {**here, "model": model, "tokens": tokens, "seconds": seconds, "at": time.time()}
    cache_dir.mkdir(parents=True, exist_ok=True)
    write_json(_file(cache_dir), [*others, row][-_MOST:])


def earlier_rate(cache_dir: Path, device: torch.device, dtype: torch.dtype, length: int, flops: float) -> dict | None:
    """The scoring on this kind of device that was most like one of `flops` FLOP a token. None: there was none.

    `{tokens_per_second, model, tokens, at, same}`; `same`: of a model of the same sizes, so measured; else by the ratio of their arithmetic.
    """
    rows = [row for row in _read(cache_dir) if row.get("device") == device_name(device) and row.get("dtype") == str(dtype) and row["seconds"] > 0]
    if not rows:
        return None
    row = min(rows, key=lambda row: (max(row["flops"], flops) / min(row["flops"], flops), abs(row["length"] - length)))
    rate = row["tokens"] / row["seconds"] * row["flops"] / flops
    return {"tokens_per_second": rate, "model": row["model"], "tokens": row["tokens"], "at": row["at"], "same": row["flops"] == flops}


def product_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of products of large matrices here and now: what a model's layers do not surpass."""
    width = _WIDTH if device.type == "cpu" else _WIDTH_GPU
    left, right = torch.ones(_ROWS, width, device=device, dtype=dtype), torch.ones(width, width, device=device, dtype=dtype)
    _product(left, right)
    started, count = time.monotonic(), 0
    while time.monotonic() - started < _SECONDS:
        _product(left, right)
        count += 1
    return 2 * _ROWS * width * width * count / (time.monotonic() - started)


def _product(left: torch.Tensor, right: torch.Tensor) -> None:
    (left @ right)[0, 0].item()  # waits for a GPU


def _file(cache_dir: Path) -> Path:
    return cache_dir / "scoring-speed.json"


def _read(cache_dir: Path) -> list[dict]:
    try:
        rows = json.loads(_file(cache_dir).read_text())
        return [row for row in rows if all(isinstance(row[key], (int, float)) and row[key] > 0 for key in ("length", "flops", "tokens", "seconds"))]
    except (OSError, ValueError, TypeError, KeyError):
        return []
