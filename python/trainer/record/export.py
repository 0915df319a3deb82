"""A checkpoint as a model folder: what best/ would have held at that step, to the byte.

Names, dtypes and all other files are best/'s; numbers are read parameter by parameter, so that memory stays that of the largest few.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from safetensors import safe_open
from torch import Tensor

from ..config import RunConfig, Source
from ..errors import TrainerError
from ..model.adapters import adapt, merged
from ..model.layers import tied_names
from ..model.layout import tensor_files
from ..model.load import load_config, skeleton
from ..model.save import file_tensors, save_as
from .checkpoint import damage, read_metadata

_BASE = ".base_layer."
"""In the names of weights that have an adapter beside them."""


def export_checkpoint(checkpoint: Path, best: Path, config: RunConfig, out: Path, stop_if_asked: Callable[[], None]) -> None:
    """Writes `out`, which must not exist. `best`: a model folder of the same run. What does not train is taken from there.

    Raises TrainerError `damaged_checkpoint` where a file of it is not as it was written, `bad_model` where `best` has no place for a tensor.
    """
    fault = damage(checkpoint)
    if fault is not None:
        raise TrainerError("damaged_checkpoint", f"{checkpoint.name} is damaged: {fault}.", ["pt merge RUN@STEP   # another checkpoint"])
    tensors = _Tensors(checkpoint, best, config, stop_if_asked)
    save_as(out, best, tensors, {})


class _Tensors(Mapping[str, Tensor]):
    """The trained tensors by the names that files hold, each read when it is asked for."""

    def __init__(self, checkpoint: Path, best: Path, config: RunConfig, stop_if_asked: Callable[[], None]):
        self._checkpoint, self._asked = checkpoint, stop_if_asked
        self._saved = read_metadata(checkpoint).state_dict_metadata
        source = Source("model_dir", str(best))
        self._model = skeleton(load_config(source, config.recipe), "eager", torch.float32)
        adapt(self._model, config.recipe.lora, sizes_only=True)
        self._base = tensor_files(config.source.given()) if config.source.kind == "model_dir" and config.recipe.lora.rank else {}
        trained = {name.removeprefix("model.") for name in self._saved if name.startswith("model.")}
        shapes = dict(self._model.state_dict(keep_vars=True))
        foreign = sorted(trained - shapes.keys())
        if foreign:
            raise TrainerError("bad_model", f"{best} is another model than {checkpoint.name}, which has {', '.join(foreign[:3])}.", ["pt train --resume   # writes best/ anew"])
        in_files = tensor_files(best).keys()
        self._parts: dict[str, tuple[str, ...]] = {}
        for part in self._groups(trained):
            on_meta = {name: shapes[name].detach().to("meta") for name in part}
            self._parts |= dict.fromkeys(file_tensors(self._model, merged(self._model, on_meta)), part)
        # One of several names of the same tensor is enough.
        tied = tied_names(self._model)
        self._parts = {name: part for name, part in self._parts.items() if name in in_files or name not in tied}
        # The pieces of stacked experts are asked for one after another.
        self._converted = functools.lru_cache(maxsize=4)(self._convert)

    def _groups(self, trained: set[str]) -> Iterator[tuple[str, ...]]:
        """Names that are read together: a weight with its adapter, or one tensor."""
        for name in sorted(trained):
            path, adapter, _ = name.partition(".lora_A.")
            if adapter:
                yield f"{path}{_BASE}weight", name, name.replace(".lora_A.", ".lora_B.")
            elif ".lora_B." not in name:
                yield (name,)

    def _convert(self, part: tuple[str, ...]) -> dict[str, Tensor]:
        self._asked()
        return file_tensors(self._model, merged(self._model, {name: self._read(name) for name in part}))

    def _read(self, name: str) -> Tensor:
        if _BASE in name:
            return self._of_start(name.replace(_BASE, "."))
        saved = self._saved[f"model.{name}"]
        tensor = torch.empty(saved.size, dtype=saved.properties.dtype)  # pyright: ignore[reportAttributeAccessIssue]  (all of the model's are tensors)
        dcp.load({f"model.{name}": tensor}, checkpoint_id=self._checkpoint, no_dist=True)  # pyright: ignore[reportPrivateImportUsage]
        return tensor

    def _of_start(self, name: str) -> Tensor:
        (in_file,) = file_tensors(self._model, {name: torch.empty(0, device="meta")})
        if in_file not in self._base:
            raise TrainerError("bad_model", f"The model that this run's adapters stand beside has no {in_file} where the run began.", ["pt train --load-model-dir DIR"])
        with safe_open(self._base[in_file], framework="pt") as opened:
            return opened.get_tensor(in_file)

    def __getitem__(self, name: str) -> Tensor:
        return self._converted(self._parts[name])[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)
