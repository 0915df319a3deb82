"""Whether a run fits into memory, told before it starts, with what would fit."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable

import torch
from transformers import PretrainedConfig, PreTrainedModel

from ..config import Recipe, RunConfig
from ..errors import TrainerError
from ..machine.distributed import World
from ..machine.free_memory import free_memory
from .memory import Estimate, estimate, size

# What a CPU's allocator and kernels keep beside the tensors: 0.77 and 0.84 of the measured peak were told without it.
_CPU_KEEPS = 1.26
# A model whose rough needs are under this part of the memory is not worth the seconds of an estimate.
_OBVIOUS = 0.1
_MOST_GPUS = 512
_PAST = "pt train --ignore-estimate   # where it is known to fit"


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


def require_fit(
    config: RunConfig,
    world: World,
    model_config: PretrainedConfig,
    compute: torch.dtype,
    attention: str,
    micro: int,
    kind: type[PreTrainedModel] | None = None,
    compiled: bool = False,
    teacher: PretrainedConfig | None = None,
) -> Estimate | None:
    """Raises TrainerError `too_large` with the sizes and what would fit unless the run ignores that; None when it fits so easily that
    nothing was estimated."""
    available = memory_for_each(world)
    if available is None or (teacher is None and _obviously_fits(config, model_config, micro, available)):
        return None

    def need(recipe: Recipe, micro: int) -> Estimate:
        return estimate(model_config, recipe, compute, attention, micro, world.size, kind, compiled, teacher)

    needed = need(config.recipe, micro)
    if config.ignore_estimate:
        return needed
    host = _needed_to_load(config, world, needed)
    if _total(world, needed) <= available:
        if host is None:
            return needed
        message, less = host
        raise TrainerError("too_large", message, ["Use a machine with more memory", less, _PAST])
    copied = f", a checkpoint's copy {size(needed.saving)}" if world.device.type == "cpu" else ""
    raise TrainerError(
        "too_large",
        f"This run needs about {size(_total(world, needed))} on {world.device} ({needed.words()}{copied}), and {size(available)} are free.",
        [*_what_fits(config, world, needed, micro, available, need), _PAST, "pt train --recipe tiny"],
    )


def _obviously_fits(config: RunConfig, model_config: PretrainedConfig, micro: int, available: int) -> bool:
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


def _needed_to_load(config: RunConfig, world: World, needed: Estimate) -> tuple[str, str] | None:
    """What is wrong with the machine's own memory, through which weights come to a GPU, and what needs less; None: nothing."""
    if world.device.type == "cpu" or world.rank >= _here(world):
        return None  # the first process alone makes or reads them
    free = free_memory(torch.device("cpu"))
    given = config.source.kind != "recipe"
    bf16 = config.recipe.param_dtype == "bf16"
    parts = [
        ("The model is loaded into this machine's memory first" if given else "Initial weights are made in this machine's memory", needed.loading // 2 if given and bf16 else needed.loading),
        ("The teacher is loaded into this machine's memory first", needed.teacher * world.size),
    ]
    for what, size_of in parts:
        if free is not None and size_of > free:
            less = 'in the recipe: "param_dtype": "bf16"' if given else "pt train --load-model-dir FOLDER   # weights made elsewhere need less"
            return f"{what}, {size(size_of)}, and {size(free)} are free.", less
    return None


def _what_fits(config: RunConfig, world: World, needed: Estimate, micro: int, available: int, need: Callable[[Recipe, int], Estimate]) -> list[str]:
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
