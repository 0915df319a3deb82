"""Whether a run fits into memory, told before it starts, with what would fit; and the micro-batch size found by trying."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .config import RunConfig
from .distributed import World
from .errors import TrainerError, is_out_of_memory
from .export import write_json
from .free_memory import free_memory
from .memory import Estimate, estimate, size
from .plan import Plan

# Of the memory of a GPU, of a machine; the rest is for what fragments, for batches that happen to need more, and for other programs.
_FILLED = 0.92
_FILLED_CPU = 0.8
# What a CPU's allocator and kernels keep beside the tensors: 0.81 and 0.88 of the measured peak were told without it.
_CPU_KEEPS = 1.2
# A model whose rough needs are under this part of the memory is not worth the seconds of an estimate.
_OBVIOUS = 0.1
_MOST_GPUS = 512


def memory_for_each(world: World) -> int | None:
    """Bytes that one process of this machine may use on its device; None where the machine does not say."""
    free = free_memory(world.device)
    if free is None or world.device.type == "cuda":
        return free
    return free // _here(world)


def _here(world: World) -> int:
    """Processes of this run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", world.size))


def _total(world: World, needed: Estimate) -> int:
    """On a CPU checkpoints are copied within the same memory."""
    return int(_CPU_KEEPS * needed.total) + needed.saving if world.device.type == "cpu" else needed.total


def require_fit(config: RunConfig, world: World, model_config: Any, compute: torch.dtype, attention: str, micro: int, kind: type | None = None) -> Estimate | None:
    """Raises TrainerError `too_large` with the sizes and what would fit; None when it fits so easily that nothing was estimated."""
    available = memory_for_each(world)
    if available is None or _obviously_fits(config, model_config, micro, available):
        return None

    def need(recipe: Any, micro: int) -> Estimate:
        return estimate(model_config, recipe, compute, attention, micro, world.size, kind)

    needed = need(config.recipe, micro)
    host = _needed_to_load(config, world, needed)
    if _total(world, needed) <= available and host is None:
        return needed
    if _total(world, needed) <= available:
        raise TrainerError("too_large", host, ["Use a machine with more memory", "pt train --load-model-dir FOLDER   # weights made elsewhere need less"])
    copied = f", a checkpoint's copy {size(needed.saving)}" if world.device.type == "cpu" else ""
    raise TrainerError(
        "too_large",
        f"This run needs about {size(_total(world, needed))} on {world.device} ({needed.words()}{copied}), and {size(available)} are free.",
        [*_what_fits(config, world, needed, micro, available, need), "pt train --recipe tiny"],
    )


def _obviously_fits(config: RunConfig, model_config: Any, micro: int, available: int) -> bool:
    text = model_config.get_text_config()
    try:
        width, layers, inner = text.hidden_size, text.num_hidden_layers, getattr(text, "intermediate_size", None) or 4 * text.hidden_size
        parameters = layers * (4 * width * width + 3 * width * inner) + 2 * text.vocab_size * width
        tokens = micro * config.recipe.sequence_length
        activations = tokens * layers * (40 * width + 12 * inner + 2 * config.recipe.sequence_length * text.num_attention_heads)
        logits = 6 * tokens * text.vocab_size
    except (AttributeError, TypeError):
        return False
    return 4 * (8 * parameters + activations + logits) < _OBVIOUS * available


def _needed_to_load(config: RunConfig, world: World, needed: Estimate) -> str | None:
    """What is wrong with the machine's own memory when the weights are made there for a GPU."""
    if world.device.type == "cpu" or config.source.kind != "recipe":
        return None
    processes = _here(world)
    free = free_memory(torch.device("cpu"))
    if free is None or needed.loading * processes <= free:
        return None
    return f"Initial weights are made in this machine's memory, {size(needed.loading)} for each of {processes} processes, and {size(free)} are free."


def _what_fits(config: RunConfig, world: World, needed: Estimate, micro: int, available: int, need: Callable[[Any, int], Estimate]) -> list[str]:
    """The mildest change first; each one adds to those before it."""
    recipe = copy.deepcopy(config.recipe)
    flags: list[str] = []
    keys: dict[str, str] = {}
    tried = needed

    def says() -> str:
        parts = [f"pt train {' '.join(flags)}".strip() if flags else "", f"in the recipe: {json.dumps(keys)[1:-1]}" if keys else ""]
        return f"{', and '.join(filter(None, parts))}   # about {size(_total(world, tried))}"

    if micro > 1:
        micro, total = 1, recipe.accumulation_steps * (recipe.batch_size if recipe.batch_size != "auto" else 1)
        flags.append(f"--bs 1 --accumulation-steps {total}")
        tried = need(recipe, 1)
        if _total(world, tried) <= available:
            return [says()]
    if recipe.activation_checkpointing != "full":
        recipe.activation_checkpointing = keys["activation_checkpointing"] = "full"
        tried = need(recipe, 1)
        if _total(world, tried) <= available:
            return [says()]
    if recipe.param_dtype != "bf16" and world.device.type == "cuda":
        recipe.param_dtype = keys["param_dtype"] = "bf16"
        tried = need(recipe, 1)
        if _total(world, tried) <= available:
            return [says()]
    if world.device.type == "cuda" and world.size == 1:
        smallest = tried
        for gpus in (2**i for i in range(1, _MOST_GPUS.bit_length())):
            tried = smallest.shared_by(gpus)
            if _total(world, tried) <= available:
                flags.append(f"--gpus {gpus}" if gpus <= 8 else f"--gpus 8 --nnodes {gpus // 8} --rdzv-endpoint HOST:29500")
                return [says() + " on each"]
        tried = smallest
    return [f"Use a machine with more memory: with {says().split('   #')[0] or 'these settings'} it is still about {size(_total(world, tried))}."]


def kept_micro(run_dir: Path, name: str) -> int | None:
    """The micro-batch that this run found before on the same kind of device, so that a resumed run sums in the same order."""
    try:
        kept = json.loads((run_dir / "batch.json").read_text())
        return int(kept["micro"]) if kept["device"] == name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_micro(run_dir: Path, world: World, name: str, micro: int) -> None:
    if world.first:
        write_json(run_dir / "batch.json", {"micro": micro, "device": name})


def try_sizes(config: RunConfig, world: World, plan: Plan, loss_model: nn.Module, autocast: Callable[[], Any], estimated: Callable[[int], int]) -> int:
    """`find_micro` with real steps of random tokens; nothing of them is left. Compiled parts run plain, which takes no less memory."""
    share = math.gcd(*(round(plan.batches.sequences // world.size * part) or 1 for part in (1.0, *(part for _, part in plan.ramp))))
    generator = torch.Generator().manual_seed(0)
    cuda = world.device.type == "cuda"
    vocabulary, params = loss_model.model.config.get_text_config().vocab_size, list(loss_model.parameters())

    def attempt(micro: int) -> int:
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(world.device)
        tokens = torch.randint(vocabulary, (micro, config.recipe.sequence_length), generator=generator).to(world.device)
        with autocast():
            objective, _ = loss_model(tokens)
        objective.backward()
        return torch.cuda.max_memory_reserved(world.device) if cuda else 0

    held = sum(param.numel() * param.element_size() for param in params)
    try:
        with torch.compiler.set_stance("force_eager"):
            return find_micro(world, share, estimated, attempt, torch.cuda.memory_allocated(world.device) + held if cuda else 0)
    finally:
        for param in params:
            param.grad = None
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(world.device)


def find_micro(world: World, share: int, estimated: Callable[[int], int], attempt: Callable[[int], int], idle: int = 0) -> int:
    """The largest part of a rank's `share` that fits and divides it; every rank gets the same answer.

    `estimated(micro)` is the whole need in bytes, by arithmetic; `attempt(micro)` does forward and backward and returns the GPU's peak, or raises what
    the allocator raises; `idle` is what the GPU holds without a batch. A GPU is filled by growing; a CPU has no error to run into before the
    system kills the process, so there the estimate decides and the attempt confirms. Raises TrainerError `out_of_memory` when not even one fits.
    """
    sizes = [micro for micro in range(1, share + 1) if share % micro == 0]
    available = memory_for_each(world)
    if world.device.type != "cuda":
        if available is not None and len(sizes) > 1:
            try:
                one = estimated(1)
                slope = estimated(sizes[1]) - one
            except Exception:  # what cannot be estimated is not risked: the system would end the process
                return _largest(world, sizes[:1], attempt)
            sizes = [micro for micro in sizes if micro == 1 or not world.any(one + slope * (micro - 1) / (sizes[1] - 1) > _FILLED_CPU * available)]
        return _largest(world, sizes, attempt)
    return grow(world, sizes, int(_FILLED * torch.cuda.get_device_properties(world.device).total_memory), attempt, idle)


def _largest(world: World, sizes: list[int], attempt: Callable[[int], int]) -> int:
    for micro in reversed(sizes):
        if not world.any(_peak(attempt, micro) is None):
            return micro
    raise _too_little()


def grow(world: World, sizes: list[int], limit: int, attempt: Callable[[int], int], idle: int) -> int:
    """Tries larger and larger sizes until one fails, passes `limit` bytes, or would by what the last two needed.

    The forecast keeps sharded runs whole: an error on one rank alone would leave the others waiting for it.
    """
    chosen, before = 0, (0, idle)
    for micro in sizes:
        peak = _peak(attempt, micro)
        if world.any(peak is None or peak > limit):
            break
        slope = (peak - before[1]) / (micro - before[0])
        chosen, before = micro, (micro, peak)
        following = next((size for size in sizes if size > micro), None)
        if following is None or world.any(peak + slope * (following - micro) > limit):
            break
    if chosen:
        return chosen
    raise _too_little()


def _peak(attempt: Callable[[int], int], micro: int) -> int | None:
    """What the attempt needed; None when memory ran out."""
    try:
        return attempt(micro)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None


def _too_little() -> TrainerError:
    return TrainerError("out_of_memory", "Not even one sequence at once fits into memory.", ["pt train --sl 256", "pt train --recipe tiny"])
