"""A recipe in Python (docs/custom-miner.md): up to three functions of the user's, `model`, `data`, `optimizer`, and settings in `RECIPE`.

The file is the user's own, named on their own command line; that is the only code that the trainer ever runs without having brought it. It
is copied into the run folder when the run begins, and a resumed run takes the copy.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import Recipe
from .errors import TrainerError, is_out_of_memory
from .files import write_whole

# Loaded only when a recipe needs them: run.json is read, and its faults are told, before anything heavy is imported.
if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedModel

    from .data.shards import Source

_FUNCTIONS = ("model", "data", "optimizer")
_GUIDE = "The interface: docs/custom-miner.md, Recipe file"


class OwnRecipe:
    """The file, executed. What its code raises comes out as TrainerError `bad_recipe` with file and line."""

    def __init__(self, path: Path, named: Path):
        """`path` is read, `named` is where the user has it: its folder may hold what the file imports or opens."""
        self._path, self.name = path, named.name
        try:
            self._source = path.read_bytes()
        except OSError as error:
            raise TrainerError("bad_recipe", f"{path} cannot be read: {error.strerror}.", ["Name the file with --recipe FILE.py"]) from error
        module = types.ModuleType("own_recipe")
        module.__file__ = str(named)
        sys.modules["own_recipe"] = module  # so that classes defined there can be pickled and named
        if str(named.parent) not in sys.path:
            sys.path.append(str(named.parent))
        with self.explained():
            exec(compile(self._source, str(path), "exec"), module.__dict__)  # noqa: S102 (the user's own file, see above)
        self.settings: dict = getattr(module, "RECIPE", {})
        self._functions: dict[str, Callable] = {name: getattr(module, name) for name in _FUNCTIONS if hasattr(module, name)}
        if not isinstance(self.settings, dict):
            raise self._fault(f"RECIPE must be a dict of a recipe's keys, not {type(self.settings).__name__}")
        if not self.settings and not self._functions:
            raise self._fault("it defines none of RECIPE, model, data and optimizer")
        for name, function in self._functions.items():
            if not callable(function):
                raise self._fault(f"{name} must be a function, not {type(function).__name__}")

    def __contains__(self, function: str) -> bool:
        return function in self._functions

    def keep(self, run_dir: Path) -> None:
        """Copies the file into the run folder, where a resumed run finds it."""
        target = run_dir / "recipe.py"
        if self._path != target:
            write_whole(target, self._source)

    def model(self, recipe: Recipe) -> PretrainedConfig | PreTrainedModel:
        """What `model(recipe)` returns: a transformers config (or its keys as a dict), or a PreTrainedModel with its initial weights."""
        from transformers import PretrainedConfig, PreTrainedModel

        from .model.load import make_config

        made = self._call("model", dataclasses.asdict(recipe))
        if isinstance(made, dict):
            return make_config(made, f"{self.name}: what model() returns")
        if not isinstance(made, (PretrainedConfig, PreTrainedModel)):
            kind = type(made).__name__
            raise self._fault(f"model() must return a transformers config or model, because that is what validators load, not {kind}")
        return made

    def data(self, recipe: Recipe) -> Source:
        """The documents of `data(recipe)` as a source of the data room. Called again only where the kept tokens are gone."""
        from .data.shards import Shard, Source

        values = dataclasses.asdict(recipe)
        # What a resumed run may change must not make other data of it.
        fixed = {name: value for name, value in values.items() if not name.endswith(("_every_steps", "_every_minutes")) and name != "average_window"}
        key = hashlib.sha256(self._source + json.dumps(fixed, sort_keys=True, default=str).encode()).hexdigest()
        given = self._call("data", values)
        if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
            raise self._fault(f"data() must give texts, or a list of functions that do, not {type(given).__name__}")
        if isinstance(given, (list, tuple)) and given and all(callable(part) for part in given):
            parts = [partial(self._texts, part) for part in given]
        else:
            parts = [partial(self._texts, partial(self._functions["data"], values))]
        shards = [Shard(f"{key}|{i}", f"data() of {self.name}, part {i + 1}", part) for i, part in enumerate(parts)]
        return Source(key, [lambda: shards], complete=True)

    def optimizers(self, model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """The torch optimizers that `optimizer(model, recipe)` returns."""
        import torch

        made = self._call("optimizer", model, dataclasses.asdict(recipe))
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        if not made or not all(isinstance(part, torch.optim.Optimizer) for part in made):
            raise self._fault(f"optimizer() must return a torch optimizer or a list of them, not {', '.join(type(part).__name__ for part in made)}")
        mine, taken = set(model.parameters()), [param for part in made for group in part.param_groups for param in group["params"]]
        left = sum(param.numel() for param in mine - set(taken) if param.requires_grad)
        if left:
            raise self._fault(f"optimizer() leaves out {left:,} parameters; what is not to be trained needs requires_grad_(False)")
        if not mine.issuperset(taken):
            raise self._fault("optimizer() takes parameters that are not the model's")
        return made

    @contextmanager
    def explained(self, function: str | None = None) -> Iterator[None]:
        """Turns what the user's code raises into an error that names its line."""
        try:
            yield
        except TrainerError:
            raise
        except (Exception, SystemExit) as error:
            if is_out_of_memory(error):
                raise
            raise self._fault(f"{type(error).__name__}: {error}", self._line(error), function) from error

    def _call(self, function: str, *arguments: object) -> Any:
        with self.explained(function):
            return self._functions[function](*arguments)

    def _texts(self, part: Callable) -> Iterator[str]:
        with self.explained("data"):
            for text in part():
                if not isinstance(text, str):
                    raise TypeError(f"data() must give texts, not {type(text).__name__}")
                yield text

    def _line(self, error: BaseException) -> int | None:
        if isinstance(error, SyntaxError) and error.filename == str(self._path):
            return error.lineno
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self._path)]
        return frames[-1].lineno if frames else None

    def _fault(self, what: str, line: int | None = None, function: str | None = None) -> TrainerError:
        where = f"{self.name}{'' if line is None else f', line {line}'}{'' if function is None else f', in {function}()'}"
        return TrainerError("bad_recipe", f"{where}: {what}.", [f"Correct {self._path}{'' if line is None else f':{line}'}", _GUIDE])


def open_own_recipe(recipe_file: str | None, run_dir: str, resumed: bool) -> OwnRecipe | None:
    """The run's own recipe: the copy in the run folder when the run goes on, else the named file; executed once in a process."""
    if recipe_file is None:
        return None
    copy = Path(run_dir) / "recipe.py"
    return _open(str(copy) if resumed and copy.is_file() else recipe_file, recipe_file)


@functools.lru_cache(maxsize=1)
def _open(path: str, named: str) -> OwnRecipe:
    return OwnRecipe(Path(path), Path(named))
