"""Any exception as the error event that people read: what happened, and what to type next."""

from __future__ import annotations

import errno
import shlex

from .config import RunConfig
from .errors import TrainerError, is_out_of_memory


def explain(error: BaseException, config: RunConfig | None) -> TrainerError:
    """The TrainerError that says it best; unknown exceptions keep their own words under the code `exception`."""
    if isinstance(error, TrainerError):
        return error
    name, text = type(error).__name__, str(error)
    if is_out_of_memory(error):
        return out_of_memory(text, config)
    if (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "No space left on device" in text:
        return TrainerError("disk_full", f"The disk is full: {text}", ["pt train --resume   # once there is space"])
    if isinstance(error, OSError) and error.filename is not None:
        return TrainerError("file", f"{error.filename}: {error.strerror}.", [f"ls -ld {shlex.quote(str(error.filename))}", "pt train --resume   # once that is mended"])
    if isinstance(error, ImportError):
        return TrainerError("missing_package", f"A Python package is missing or broken: {text}", ["pt setup", "pt doctor"])
    if "CUDA error" in text or name == "AcceleratorError":
        return TrainerError("lost_gpu", f"The GPU failed: {text.splitlines()[0]}", ["nvidia-smi", "pt train --resume"])
    return TrainerError("exception", f"{name}: {text}", ["pt train --resume", "pt doctor"])


def out_of_memory(text: str, config: RunConfig | None) -> TrainerError:
    """With the flags that would take less, the mildest first."""
    steps = []
    if config is not None:
        recipe = config.recipe
        if recipe.batch_size == "auto" or recipe.batch_size > 1:
            size = 1 if recipe.batch_size == "auto" else recipe.batch_size // 2
            total = (1 if recipe.batch_size == "auto" else recipe.batch_size) * recipe.accumulation_steps
            steps.append(f"pt train --bs {size} --accumulation-steps {total // size}")
        if recipe.activation_checkpointing != "full":
            steps.append('In the recipe: "activation_checkpointing": "full"')
        if recipe.param_dtype != "bf16":
            steps.append('In the recipe: "param_dtype": "bf16"')
        if recipe.sequence_length > 512:
            steps.append(f"pt train --sl {recipe.sequence_length // 2}")
    return TrainerError("out_of_memory", f"Memory ran out: {text.splitlines()[0] if text else 'allocation failed'}", [*steps, "pt train --recipe tiny"])
