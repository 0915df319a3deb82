"""Which device trains, in which numbers and with which attention kernel."""

from __future__ import annotations

import importlib.util
import os
import platform

import torch

from ..errors import TrainerError
from ..events import Events


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


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()


def compute_dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        name = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    return torch.bfloat16 if name == "bf16" else torch.float32


def choose_attention(name: str, device: torch.device, events: Events, document_masking: bool = False) -> str:
    """The attention kernel, decided before the config object sees it: a failed `flash_attention_2` leaves that object unusable."""
    has_flash = importlib.util.find_spec("flash_attn") is not None and device.type == "cuda"
    if name == "flash_attention_2" and not has_flash:
        raise TrainerError(
            "missing_package",
            "--attention flash_attention_2: the package flash-attn is not installed, or there is no GPU.",
            ["--attention sdpa (PyTorch's own flash kernel)", "pt setup --flash-attn"],
        )
    if name == "flex_attention" and device.type != "cuda":
        raise TrainerError("bad_device", f"--attention flex_attention has no backward on {device}.", ["--attention sdpa"])
    if name != "auto":
        return name
    if document_masking and device.type == "cuda":
        return "flex_attention"  # a mask of documents takes the other kernels off their flash path
    if has_flash:
        return "flash_attention_2"
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        events.emit("warning", code="no_flash_attention", message="This GPU has no flash attention kernel: training is slow and takes much memory.")
    return "sdpa"


def be_deterministic() -> None:
    """The same numbers to the last bit each time, on the same kind of device: kernels that add in no fixed order (backward of fast attention
    among them) are replaced by slower ones. Raises at an operation that has no such kernel."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]  (nothing here reads what it has not written)
