"""One process or many: torchrun's environment in, device and ranks out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from .device import choose_device


@dataclass
class World:
    rank: int
    size: int
    device: torch.device
    control: dist.ProcessGroup | None
    """gloo group of all ranks for flags and small numbers; None when alone."""
    background: dist.ProcessGroup | None
    """gloo group for the checkpoint thread alone."""
    restarted: bool
    """torchrun started this again after a failure: go on from the last checkpoint."""

    @property
    def first(self) -> bool:
        return self.rank == 0

    def mean(self, value: float) -> float:
        """The mean of a number over all ranks."""
        if self.control is None:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(number, group=self.control)
        return number.item() / self.size

    def total(self, value: int) -> int:
        """The sum of a whole number over all ranks."""
        if self.control is None:
            return value
        number = torch.tensor(value, dtype=torch.int64)
        dist.all_reduce(number, group=self.control)
        return int(number.item())

    def any(self, flag: bool) -> bool:
        """True when it is on any rank."""
        if self.control is None:
            return flag
        number = torch.tensor(int(flag))
        dist.all_reduce(number, op=dist.ReduceOp.MAX, group=self.control)
        return bool(number.item())


def join(device: str) -> World:
    """Reads torchrun's environment (WORLD_SIZE, RANK, LOCAL_RANK) and sets up the process groups."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if size == 1:
        return World(rank, size, chosen, None, None, restarted)
    backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=_store(), rank=rank, world_size=size, timeout=timedelta(minutes=30))
    return World(rank, size, chosen, _gloo(), _gloo(), restarted)


def _gloo() -> dist.ProcessGroup:
    group = dist.new_group(backend="gloo")
    assert isinstance(group, dist.ProcessGroup), "every rank is a member"
    return group


def _store() -> dist.Store:  # pyright: ignore[reportPrivateImportUsage]  (public, and not marked so)
    """Where the ranks find each other. torchrun's store outlives a restart, with the addresses of processes that are dead by then,
    so each attempt has its own names in it (torch 2.15 leaves that to its callers)."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    served_by_agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    server = not served_by_agent and os.environ["RANK"] == "0"
    patience = timedelta(minutes=10)
    store = dist.TCPStore(host, port, is_master=server, timeout=patience, wait_for_workers=False)  # pyright: ignore[reportPrivateImportUsage]
    return dist.PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)  # pyright: ignore[reportPrivateImportUsage]


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
