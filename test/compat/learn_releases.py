"""Writes constants/transformers.json: what each pinned transformers, and the one installed here, does with each key of each class's config.

`npm run learn:releases`: runs probe.py in every environment of run.py and compares. A new pin is a line in PINNED and a run of this.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from run import HERE, PINNED, TOLERANCE, environment

OUT = HERE.parents[1] / "constants" / "transformers.json"
ABOUT = (
    "Made by `npm run learn:releases`; not edited. For each release of transformers that validators pin, and the one that pt trains with (newest): "
    "what it does with a key of a class's config. Fields: docs/architectures.md."
)


def probes(python: Path | str, folder: Path) -> dict:
    out = folder / "probes.json"
    subprocess.run([python, HERE / "probe.py", out], check=True, stderr=subprocess.DEVNULL)
    return json.loads(out.read_text())


def same(one: dict, other: dict) -> bool:
    return one["shapes"] == other["shapes"] and all(abs(a - b) < TOLERANCE for a, b in zip(one["logits"], other["logits"], strict=True))


def verdict(spellings: list, base: dict, newest: list, newest_base: dict) -> str:
    """`newest` are the newest release's outcomes of the same spellings, by which `differs` is told from `read`."""
    built = [each for each in spellings if isinstance(each, dict)]
    if not built:
        return "refused"
    changed = [each for each in built if not same(each, base)]
    if not changed:
        return "ignored"
    wanted = [each for each in newest if isinstance(each, dict) and not same(each, newest_base)]
    # Where the newest release reads nothing, or starts from other defaults, there is nothing to compare with.
    comparable = wanted and same(base, newest_base)
    return "differs" if comparable and not any(same(one, other) for one in changed for other in wanted) else "read"


Fates = dict[str, dict[str, str] | None]


def fates(probed: dict, newest: dict) -> Fates:
    """By class and key; null for a class that the release does not have."""

    def of_class(outcomes: dict, theirs: dict) -> dict[str, str]:
        return {key: verdict(outcomes[key], outcomes[""], theirs[key], theirs[""]) for key in outcomes if key}

    return {name: outcomes and of_class(outcomes, newest["classes"][name]) for name, outcomes in probed["classes"].items()}


def without_idle(releases: dict[str, Fates]) -> dict[str, Fates]:
    """Without the keys that no release does anything with."""

    def busy(name: str, key: str) -> bool:
        return any((classes[name] or {}).get(key, "ignored") != "ignored" for classes in releases.values())

    def kept(name: str, keys: dict[str, str] | None) -> dict[str, str] | None:
        return keys and {key: fate for key, fate in keys.items() if busy(name, key)}

    return {version: {name: kept(name, keys) for name, keys in classes.items()} for version, classes in releases.items()}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pt-learn-") as temporary:
        newest = probes(sys.executable, Path(temporary))
        found = [probes(environment(version), Path(temporary)) for version in PINNED]
    releases = without_idle({probed["version"]: fates(probed, newest) for probed in [*found, newest]})
    OUT.write_text(as_text(newest["version"], releases))


def as_text(newest: str, releases: dict[str, Fates]) -> str:
    """JSON with a line for each class."""

    def block(classes: Fates) -> str:
        return "{\n" + ",\n".join(f"      {json.dumps(name)}: {json.dumps(keys)}" for name, keys in classes.items()) + "\n    }"

    blocks = ",\n".join(f"    {json.dumps(version)}: {block(classes)}" for version, classes in releases.items())
    return f'{{\n  "about": {json.dumps(ABOUT)},\n  "newest": {json.dumps(newest)},\n  "releases": {{\n{blocks}\n  }}\n}}\n'


if __name__ == "__main__":
    main()
