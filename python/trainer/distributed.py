"""One process or many: torchrun's environment in, device, ranks and sharding out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

from .errors import TrainerError


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

    def any(self, flag: bool) -> bool:
        """True when it is on any rank."""
        if self.control is None:
            return flag
        number = torch.tensor(int(flag))
        dist.all_reduce(number, op=dist.ReduceOp.MAX, group=self.control)
        return bool(number.item())


def join(device: str) -> World:
    """Reads torchrun's environment (WORLD_SIZE, RANK, LOCAL_RANK) and sets up the process groups."""
    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0
    if size == 1:
        return World(rank, size, chosen, None, None, restarted)
    backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=_store(), rank=rank, world_size=size, timeout=timedelta(minutes=30))
    return World(rank, size, chosen, dist.new_group(backend="gloo"), dist.new_group(backend="gloo"), restarted)


def _store() -> dist.Store:
    """Where the ranks find each other. torchrun's store outlives a restart, with the addresses of processes that are dead by then,
    so each attempt has its own names in it (torch 2.15 leaves that to its callers)."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    served_by_agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    server = not served_by_agent and os.environ["RANK"] == "0"
    store = dist.TCPStore(host, port, is_master=server, timeout=timedelta(minutes=10), wait_for_workers=False)
    return dist.PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """`auto` is the GPU of this rank, else Apple's, else the CPU. Raises TrainerError `bad_device`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainerError("bad_device", f"{name!r} is no device.", ["--device auto, cpu, cuda, cuda:N or mps"]) from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise TrainerError("bad_device", f"--device {name}: PyTorch {torch.__version__} sees no GPU here.", ["pt doctor", "--device cpu"])
        index = device.index if device.index is not None else local_rank
        if index >= torch.cuda.device_count():
            raise TrainerError(
                "bad_device", f"--device {name}: there is no GPU {index} among {torch.cuda.device_count()}.", ["--device auto", "--gpus N"]
            )
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise TrainerError("bad_device", "--device mps: this machine has no such GPU.", ["--device auto"])
    if device.type not in ("cpu", "mps"):
        raise TrainerError("bad_device", f"{name!r} is no device that the trainer knows.", ["--device auto, cpu, cuda, cuda:N or mps"])
    return device


def shard(model: nn.Module, world: World, compute: torch.dtype) -> nn.Module:
    """Shards parameters, gradients and optimizer state over all ranks (FSDP2); every decoder layer is one unit."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=compute if compute != torch.float32 else None, reduce_dtype=torch.float32)
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    return fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=False)


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The repeated blocks: the members of the largest ModuleList."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module)]
    return list(max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))) if lists else []


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
