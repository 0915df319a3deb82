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
    data = read_constants("transformers.json")
    name = next((name for name, facts in read_constants("architectures.json")["architectures"].items() if facts["model_type"] == model_type), None)
    found = {version: ((classes.get(name) or {}).get("keys") or {}).get(key) for version, classes in data["releases"].items() if version != data["newest"]}
    return {version: fate for version, fate in found.items() if fate is not None}
