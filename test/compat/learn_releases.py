"""Writes constants/transformers.json: what each pinned transformers, and the one installed here, does with each key of each class's config.

`npm run learn:releases`: runs probe.py, values.py, aliases.py and tokenizer_files.py in every environment of run.py and compares. A new pin is a line in PINNED and a run
of this.
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


def judged(python: Path | str, folders: Path) -> dict:
    done = subprocess.run([python, HERE / "probe.py", "judge", folders], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def valued(python: Path | str, folders: Path) -> dict:
    done = subprocess.run([python, HERE / "values.py", folders], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def fetched(python: Path | str) -> dict:
    done = subprocess.run([python, HERE / "tokenizer_files.py"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def aliased(pythons: dict[str, Path | str]) -> dict[str, dict]:
    """By release and class; tried are the names that any release has."""

    def run(python: Path | str, *arguments: str) -> list | dict:
        done = subprocess.run([python, HERE / "aliases.py", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(done.stdout)

    names = sorted({name for python in pythons.values() for name in run(python, "names")})
    return {version: run(python, "of", json.dumps(names)) for version, python in pythons.items()}


def same(one: dict, other: dict) -> bool:
    return all(abs(a - b) < TOLERANCE for a, b in zip(one["logits"], other["logits"], strict=True))


def fate(found: dict, base: dict, newest: dict, newest_base: dict) -> str | None:
    """Of one probe under an older release, held against today's; null: neither does anything with the key."""
    if "error" in found:
        return "misfit" if found["misfit"] else "lost" if found["loaded"] else "refused"
    if "error" in newest:
        return "untold"
    if same(found, newest):
        return None if same(newest, newest_base) else "read"
    return "ignored" if same(found, base) else "differs"


def fates(outcomes: dict, newest: dict) -> dict[str, str]:
    found = {key: fate(outcome, outcomes[""], newest[key], newest[""]) for key, outcome in outcomes.items() if key}
    return {key: word for key, word in found.items() if word is not None and not (word == "untold" and idle(key, outcomes))}


def idle(key: str, outcomes: dict) -> bool:
    """A null, or a scaling of what does not rotate, that only today's release refuses: the older ones hear nothing in it."""
    return key.endswith("=null") or (key.startswith("rope_scaling.") and "logits" in outcomes["rope_theta"] and same(outcomes["rope_theta"], outcomes[""]) and same(outcomes[key], outcomes[""]))


def facts_of(probed: dict, name: str, newest: dict, keys: set[str], values: dict, aliases: dict) -> dict:
    """What a release does with a class: fates of keys, other defaults than today's, and what only some classes cannot do."""
    defaults, today = probed["defaults"][name], newest["defaults"][name]
    told = {key: value for key, value in sorted(defaults.items()) if key in keys and (probed is newest or (key in today and today[key] != value))}
    return {
        "keys": dict(sorted(fates(probed["classes"][name], newest["classes"][name]).items())),
        "defaults": told,
        **({"values": values} if values else {}),
        **({"aliases": aliases} if aliases else {}),
        **({"empty_cache": probed["caches"][name]} if probed["caches"][name] else {}),
        **({} if probed["flash"][name] else {"flash_attention": False}),
    }


def learn(found: list[dict], newest: dict, values: dict[str, dict], aliases: dict[str, dict]) -> dict:
    """The content of `releases`."""
    releases = {}
    for probed in [*found, newest]:
        releases[probed["version"]] = classes = {}
        for name, outcomes in probed["classes"].items():
            keys = {key.split("=")[0] for key in newest["classes"][name]} | size_keys(name)
            version = probed["version"]
            classes[name] = outcomes and facts_of(probed, name, newest, keys, values[version]["classes"].get(name, {}), aliases[version].get(name, {}))
    return releases


def size_keys(name: str) -> set[str]:
    sizes = json.loads((HERE.parents[1] / "constants" / "architectures.json").read_text())["architectures"][name]["sizes"]
    return {key for size in sizes.values() for key in size["keys"]}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pt-learn-") as temporary:
        subprocess.run([sys.executable, HERE / "probe.py", "save", temporary], check=True, stderr=subprocess.DEVNULL)
        newest = judged(sys.executable, Path(temporary))
        found = [judged(environment(version), Path(temporary)) for version in PINNED]
        values = {version: valued(environment(version), Path(temporary)) for version in PINNED}
        values[newest["version"]] = valued(sys.executable, Path(temporary))
    aliases = aliased({newest["version"]: sys.executable, **{version: environment(version) for version in PINNED}})
    tokenizers = {version: fetched(environment(version)) for version in PINNED}
    OUT.write_text(as_text(newest["version"], learn(found, newest, values, aliases), {version: each["any"] for version, each in values.items()}, tokenizers))


def as_text(newest: str, releases: dict, values: dict, tokenizers: dict) -> str:
    """JSON with a line for each class."""

    def block(name: str, entries: dict) -> str:
        return f'    {json.dumps(name)}: {{\n' + ",\n".join(f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items()) + "\n    }"

    def blocks(entries: dict) -> str:
        return "{\n" + ",\n".join(block(name, each) for name, each in entries.items()) + "\n  }"

    return (
        f'{{\n  "about": {json.dumps(ABOUT)},\n  "newest": {json.dumps(newest)},\n'
        f'  "releases": {blocks(releases)},\n  "values": {blocks(values)},\n  "tokenizers": {blocks(tokenizers)}\n}}\n'
    )


if __name__ == "__main__":
    main()
