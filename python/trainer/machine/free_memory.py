"""How much memory can be had now: of a GPU, or of this machine within every limit that holds for this process."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_THREADS = 256 << 20


def free_memory(device: torch.device) -> int | None:
    """Bytes; None where the machine does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    known = [bound for bound in (_machine(), _cgroup(), _address_space()) if bound is not None]
    return min(known, default=None)


def _machine() -> int | None:
    try:
        return next(int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _cgroup(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """What is left of the tightest memory limit (version 2) from this process's group upwards; None: no limit."""
    try:
        path = next(line[3:] for line in membership.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    folder, left = root / path.strip("/"), []
    for group in [folder, *folder.parents]:
        try:
            limit = (group / "memory.max").read_text().strip()
            if limit != "max":
                left.append(max(0, int(limit) - int((group / "memory.current").read_text()) + _reclaimable(group)))
        except (OSError, ValueError):
            pass  # a container shows its own group as the root; the root has no limit file
        if group == root:
            break
    return min(left, default=None)


def _reclaimable(group: Path) -> int:
    """Files in the page cache count as used until somebody needs the memory."""
    lines = (group / "memory.stat").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def _address_space() -> int | None:
    """`ulimit -v`, less what this process has mapped and what its later threads will map without using."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        return max(0, limit - _THREADS - int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE"))
    except (ImportError, OSError, ValueError):
        return None
