"""Memory and disk that recipes need, by arithmetic: `python python/estimate.py [RECIPE ...] [--gpus N] [--micro N] [--dtype bf16|fp32]`.

A recipe is a name of constants/recipes or a JSON file; none: all of them. Nothing is allocated, no GPU is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
RECIPES = Path(__file__).resolve().parent.parent / "constants" / "recipes"
GB = 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--gpus", type=int, default=1, help="devices that share the model (FSDP)")
    parser.add_argument("--micro", type=int, help="sequences at once on each; default: the recipe's batch_size")
    parser.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16", help="compute")
    asked = parser.parse_args()
    paths = [Path(name) if name.endswith(".json") else RECIPES / f"{name}.json" for name in asked.recipes] or sorted(RECIPES.glob("*.json"))
    print("| recipe | sequences at once | parameters | gradients | optimizer | activations | optimizer's step | in all | a checkpoint | best/ |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in paths:
        print(row(path, asked.gpus, asked.micro, asked.dtype))


def row(path: Path, gpus: int = 1, micro: int | None = None, dtype: str = "bf16") -> str:
    """One line of a Markdown table, GB (10^9 bytes) on each device, compiled where it is a GPU's bf16; a checkpoint and best/ are on disk, once for all."""
    import torch

    from trainer.config import Recipe, parse
    from trainer.fit.memory import estimate
    from trainer.model.load import make_config

    recipe = parse(Recipe, json.loads(path.read_text()), path.name)
    at_once = micro or (recipe.batch_size if recipe.batch_size != "auto" else 1)
    config = make_config(dict(recipe.architecture), path.name)
    found = estimate(config, recipe, torch.bfloat16 if dtype == "bf16" else torch.float32, "sdpa", at_once, gpus, compiled=dtype == "bf16")
    sizes = [found.parameters + found.gathered, found.gradients, found.optimizer, found.activations, found.update, found.total, found.saving * gpus, found.loading]
    return f"| {recipe.name} | {at_once} | " + " | ".join(f"{size / GB:.1f}" if size >= 1e8 else f"{size / GB:.2f}" for size in sizes) + " |"


if __name__ == "__main__":
    main()
