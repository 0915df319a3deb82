"""The data files of constants/, which TypeScript reads too (src/constants.ts)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "constants"


@cache
def read_constants(name: str) -> Any:
    """The content of a file of constants/; kept, so it must not be changed."""
    return json.loads((FOLDER / name).read_text())


def architecture_of(model_type: object) -> dict | None:
    """What constants/architectures.json holds of the class with that `model_type`; None for one not known there. Fields: docs/architectures.md."""
    return next((facts for facts in read_constants("architectures.json")["architectures"].values() if facts["model_type"] == model_type), None)


def fate_of(model_type: object, key: str) -> dict[str, str]:
    """What each pinned transformers does with a key of the class's config, by version, where it does anything. Words: docs/architectures.md."""
    found = {version: facts.get("keys", {}).get(key) for version, facts in _releases(model_type).items() if version != _newest()}
    return {version: fate for version, fate in found.items() if fate is not None}


def usual_keys(model_type: object) -> dict[str, object]:
    """The keys that some release does something with, of a class's config, with the newest's defaults; None where it has none."""
    releases = _releases(model_type)
    defaults = releases.get(_newest(), {}).get("defaults", {})
    return {key: defaults.get(key) for facts in releases.values() for key in facts.get("keys", {}) if not set(key) & set(":=.")}


def _newest() -> str:
    return read_constants("transformers.json")["newest"]


def _releases(model_type: object) -> dict[str, dict]:
    """What is known of a class by release; empty of one that a release does not have."""
    name = next((name for name, facts in read_constants("architectures.json")["architectures"].items() if facts["model_type"] == model_type), None)
    return {version: classes.get(name) or {} for version, classes in read_constants("transformers.json")["releases"].items()}
