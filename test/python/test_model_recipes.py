"""Every recipe is well-formed, and its parameter count fits the competitions it is for. Counted on the meta device."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainer.config import Recipe, RunConfig, apply_overrides, parse
from trainer.model.load import count_parameters, make_config

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "constants" / "recipes").glob("*.json"))
PERIODS = json.loads((ROOT / "test" / "vectors" / "schedule.json").read_text())["unified"]
COMPETITIONS = [competition for period in PERIODS for competition in period["competitions"]]
TOKENS = {"builtin": 4096, "distilgpt2": 50257, "Xenova/gpt-4": 100277}

# Which competitions of the schedule each recipe is for, by their largest parameter count.
FOR = {"122m": 122268040, "186m": 186000000, "772m": 772000000, "3b": 3400000000, "7b": 6900000000, "14b": 13900000000}


def load(path: Path) -> Recipe:
    recipe = parse(Recipe, json.loads(path.read_text()), path.name)
    apply_overrides(RunConfig(run_dir="/run", recipe=recipe))
    return recipe


def build(recipe: Recipe):
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(make_config(dict(recipe.architecture), recipe.name))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_well_formed(path):
    recipe = load(path)
    assert recipe.name == path.stem
    assert recipe.description and recipe.source
    assert recipe.architecture["vocab_size"] >= TOKENS[recipe.tokenizer]
    assert recipe.sequence_length <= recipe.architecture["max_position_embeddings"]


@pytest.mark.parametrize("name", FOR)
def test_fits_its_competitions(name):
    recipe = load(ROOT / "constants" / "recipes" / f"{name}.json")
    model = build(recipe)
    count = count_parameters(model)
    matching = [c for c in COMPETITIONS if c["max_model_parameters"] == FOR[name]]
    assert matching
    for competition in matching:
        assert competition["min_model_parameters"] <= count <= competition["max_model_parameters"]
        assert competition["allowed_architectures"] is None or type(model).__name__ in competition["allowed_architectures"]
        assert competition["tokenizer"] == recipe.tokenizer
        assert competition["sequence_length"] == recipe.sequence_length
        # Published in bf16, with a megabyte or two for the tokenizer.
        assert 2 * count + 5e6 < competition["max_bytes"]
    assert count > 0.9 * FOR[name], "a recipe should use the size that its competition allows"


def test_every_language_competition_has_a_recipe():
    sizes = {c["max_model_parameters"] for c in COMPETITIONS if c["tokenizer"] in TOKENS}
    assert sizes == set(FOR.values())


def test_the_references_model_to_the_last_parameter():
    expected = json.loads((ROOT / "test" / "vectors" / "param_count.json").read_text())["default_scratch_model"]
    assert count_parameters(build(load(ROOT / "constants" / "recipes" / "772m-gpt-neox.json"))) == expected["parameters"] == 769_782_400
