"""Complete training state in `checkpoints/step-N/`: written aside in the background, named when whole, the newest kept.

Tensors go through torch.distributed.checkpoint, so that any number of processes can load what any other number wrote; the small rest
(`trainer.json`: step, data position, best so far; `rng-RANK.json`) is JSON. `files.json` holds size and CRC-32 of every file.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import pickle
import re
import shlex
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata

from ..background import Ahead
from ..errors import TrainerError
from ..files import write_json
from ..machine.sharded import local
from .metrics import last_step

_NAME = re.compile(r"step-(\d+)$")


class Checkpoints:
    """The checkpoints of one run. One writes at a time; `wait` before reading or leaving."""

    def __init__(self, folder: Path, group: dist.ProcessGroup | None, kept: int = 2):
        """`group`: a gloo group of all ranks for this class alone (it is used from a thread), or None when alone. `kept`: how many stay."""
        self.folder, self.kept = folder, kept
        self.group = group
        self.rank = dist.get_rank() if group is not None else 0
        self._writing: Ahead[None] | None = None
        if self.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            for rest in folder.glob(".step-*.tmp"):
                shutil.rmtree(rest, ignore_errors=True)
        self._barrier()

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any], after: Callable[[], None] = lambda: None) -> None:
        """Copies the state and returns; the copy is written by a thread. `state` is JSON-able and equal on all ranks. `after` returns when all
        that `state` speaks of is on disk too (best/): until then the checkpoint has no name.

        Raises what the write before this one failed with (TrainerError `disk_full` when the disk has no room).
        """
        self.wait()
        needed = sum(tensor.numel() * tensor.element_size() for tensor in map(local, tensors.values()))
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise disk_full(self.folder, f"a checkpoint needs {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free")
        staged = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
        rng = {"cpu": _encode(torch.get_rng_state())}
        if torch.cuda.is_available():
            rng["cuda"] = _encode(torch.cuda.get_rng_state())
        self._writing = Ahead(lambda: self._write(step, staged, state, rng, after), "checkpoint")

    def wait(self) -> None:
        """Until the checkpoint under way is whole; raises if it failed."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def newest(self) -> tuple[Path | None, list[tuple[Path, str]]]:
        """The newest whole checkpoint, and those newer ones that are not, with the reason. Every rank gets rank 0's answer."""
        answer: list[Any] = [self._newest() if self.rank == 0 else None]
        if self.group is not None:
            dist.broadcast_object_list(answer, src=0, group=self.group)
        return answer[0]

    def set_aside(self, damaged: list[Path]) -> None:
        """Renames them, so that they neither count among those kept nor stand in the way of the same step."""
        for path in damaged if self.rank == 0 else []:
            aside = path.with_name(f"{path.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(path, aside)
        self._barrier()

    def load(self, path: Path, tensors: dict[str, Tensor], optional: str) -> dict[str, Any]:
        """Fills `tensors` (live) in place, restores this rank's random numbers, and returns the JSON state.

        Those whose names begin with `optional` are left as they are where the checkpoint has none of them.
        """
        written = read_metadata(path).state_dict_metadata
        tensors = {name: tensor for name, tensor in tensors.items() if name in written or not name.startswith(optional)}
        live = {name: tensor.detach() for name, tensor in tensors.items()}
        dcp.load(live, checkpoint_id=path, process_group=self.group, no_dist=self.group is None)  # pyright: ignore[reportPrivateImportUsage]
        for name, tensor in tensors.items():
            if live[name].data_ptr() != tensor.data_ptr():  # not loaded in place (0-dimensional tensors in some releases)
                tensor.detach().copy_(live[name])
        rng_file = path / f"rng-{self.rank}.json"
        if rng_file.exists():  # more ranks than wrote it: theirs start from the seed
            rng = json.loads(rng_file.read_text())
            torch.set_rng_state(_decode(rng["cpu"]))
            if "cuda" in rng and torch.cuda.is_available():
                torch.cuda.set_rng_state(_decode(rng["cuda"]))
        return json.loads((path / "trainer.json").read_text())

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are there, oldest first."""
        return sorted(int(match.group(1)) for path in self.folder.iterdir() if (match := _NAME.match(path.name)))

    def _write(self, step: int, staged: dict[str, Tensor], state: dict, rng: dict, after: Callable[[], None]) -> None:
        temporary = self.folder / f".step-{step}.tmp"
        try:
            if self.rank == 0:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
            self._barrier()
            write_json(temporary / f"rng-{self.rank}.json", rng)
            dcp.save(staged, checkpoint_id=temporary, process_group=self.group, no_dist=self.group is None)  # pyright: ignore[reportPrivateImportUsage]
            self._barrier()
            if self.rank == 0:
                write_json(temporary / "trainer.json", state)
                write_json(temporary / "files.json", {path.name: _fingerprint(path) for path in sorted(temporary.iterdir())})
                after()
                self._put(temporary, self.folder / f"step-{step}")
        except BaseException as error:  # carried to the main thread
            known = _explain(error, self.folder)
            if self.rank == 0:
                shutil.rmtree(temporary, ignore_errors=True)
            if known is error:
                raise
            raise known from error

    def _put(self, temporary: Path, final: Path) -> None:
        shutil.rmtree(final, ignore_errors=True)  # the same step, trained again after a damaged one
        os.rename(temporary, final)
        for step in self.steps()[: -self.kept]:
            shutil.rmtree(self.folder / f"step-{step}", ignore_errors=True)

    def _newest(self) -> tuple[Path | None, list[tuple[Path, str]]]:
        damaged = []
        for step in reversed(self.steps()):
            path = self.folder / f"step-{step}"
            fault = damage(path)
            if fault is None:
                return path, damaged
            damaged.append((path, fault))
        return None, damaged

    def _barrier(self) -> None:
        if self.group is not None:
            dist.barrier(self.group)


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None: every file that was written is there, with its size and checksum."""
    try:
        files = json.loads((path / "files.json").read_text())
        for name, expected in files.items():
            file = path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != expected["bytes"]:
                return f"{name} has {file.stat().st_size} bytes, not {expected['bytes']}"
            if _fingerprint(file) != expected:
                return f"{name} was changed after it was written"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"files.json cannot be read: {error}"
    return None if "trainer.json" in files else "trainer.json is missing"


_DESCRIBING = {
    "torch": ("Size",),
    "torch.serialization": ("_get_layout",),
    "torch.distributed.checkpoint.metadata": (
        "Metadata", "MetadataIndex", "StorageMeta", "TensorStorageMetadata", "BytesStorageMetadata", "ChunkStorageMetadata", "TensorProperties", "_MEM_FORMAT_ENCODING",
    ),
    "torch.distributed.checkpoint.filesystem": ("_StorageInfo",),
    "pathlib": ("PosixPath",),
    "pathlib._local": ("PosixPath",),
}  # fmt: skip


class _Metadata(pickle.Unpickler):
    """PyTorch writes what a checkpoint holds as a pickle: opened only where it names nothing that could do more than describe tensors."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if global_name in _DESCRIBING.get(module_name, ()) or (module_name == "torch" and isinstance(getattr(torch, global_name, None), torch.dtype)):
            return super().find_class(module_name, global_name)
        raise pickle.UnpicklingError(f"{module_name}.{global_name} describes no tensor")


def read_metadata(path: Path) -> Metadata:
    """What the checkpoint `path` holds: name, shape and dtype of each tensor. Nothing else may read it before this has.

    Raises TrainerError `damaged_checkpoint` for a file that is no such description.
    """
    try:
        with open(path / ".metadata", "rb") as file:
            return _Metadata(file).load()
    except Exception as error:  # bytes of anybody
        raise TrainerError("damaged_checkpoint", f"{path} cannot be read: {error}.", ["pt train --resume   # from another checkpoint"]) from error


def no_checkpoint(run_dir: Path, damaged: list[tuple[Path, str]]) -> TrainerError:
    """For a run that is to go on and cannot; `damaged`: its checkpoints with what is wrong with each."""
    reached = last_step(run_dir / "metrics.jsonl")
    why = "; ".join(f"{path.name}: {fault}" for path, fault in damaged)
    state = f"no whole checkpoint ({why})" if damaged else "no checkpoint"
    steps = ["pt train --resume --from-start"]
    if (run_dir / "best" / "config.json").is_file():
        steps.append(f"pt train --load-model-dir {shlex.quote(str(run_dir / 'best'))}")
    return TrainerError("run.no_checkpoint", f"Run {run_dir.name} has {state}; it had reached step {reached}. To begin again must be asked for.", steps)


def disk_full(folder: Path, why: str) -> TrainerError:
    return TrainerError(
        "disk_full",
        f"The disk of {folder} is full: {why}. Nothing half-written was left, and earlier checkpoints are whole.",
        ["pt train --resume   # once there is space", "pt runs"],
    )


def _explain(error: BaseException, folder: Path) -> BaseException:
    """A full disk by its name, also when a library wrapped it."""
    cause: BaseException | None = error
    text = repr(error)
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return disk_full(folder, os.strerror(cause.errno))
        text += repr(cause)
        cause = cause.__cause__ or cause.__context__
    full = "No space left on device" in text or shutil.disk_usage(folder).free < 1 << 20
    return disk_full(folder, "no space left while writing") if full else error


def _fingerprint(path: Path) -> dict[str, int]:
    crc = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            crc = zlib.crc32(block, crc)
    return {"bytes": path.stat().st_size, "crc32": crc}


def _encode(tensor: Tensor) -> str:
    return base64.b64encode(tensor.cpu().numpy().tobytes()).decode()


def _decode(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8).clone()
