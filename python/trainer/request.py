"""`run.json` read: the request as config.py describes it, with the settings of a recipe in Python and the run's own over the recipe's."""

from __future__ import annotations

import os
from pathlib import Path

from .config import Recipe, RunConfig, apply_overrides, parse
from .files import read_object
from .own_recipe import open_own_recipe


def read_config(path: str | Path) -> RunConfig:
    """The request in that file, with run.json's overrides already applied to its recipe. Raises TrainerError `bad_recipe`."""
    raw = read_object(Path(path), "bad_recipe", ["pt train   # makes the run again, without --resume"])
    config = parse(RunConfig, raw, Path(path).name)
    own = open_own_recipe(config.recipe_file, config.run_dir, config.resume or "1" <= os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if own is not None:
        config.recipe = parse(Recipe, merge(raw.get("recipe", {}), own.settings), f"RECIPE in {Path(config.recipe_file).name}")
    return apply_overrides(config)


def merge(recipe: dict, settings: dict) -> dict:
    """`settings` over `recipe`; optimizer, schedule and finetune by key, an architecture as a whole."""
    merged = dict(recipe)
    for key, value in settings.items():
        deep = key != "architecture" and isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if deep else value
    return merged
