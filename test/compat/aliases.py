"""Second names of the keys of a class's config, under any version.

    aliases.py names        prints every name that some class of this release has, in any way
    aliases.py of NAMES     prints {class: {second name: {key, null}}} of the names in that JSON list

Found by giving a config both names, in either order, and seeing which value it has then: with GPT-2, `hidden_size` overrules `n_embd`. `null`: whether a
null does so too. A name that gives way to the own one is none.
"""

from __future__ import annotations

import inspect
import json
import re
import sys

import transformers
from probe import ABOUT, config_of
from tiny import MODELS, class_name

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
# No number of anything that a tiny config has.
OTHER = 48


def config_classes() -> dict[str, type]:
    return {name: config for name in MODELS if (config := getattr(transformers, f"{name}Config", None)) is not None}


def names() -> set[str]:
    """What a class takes besides its own keys is told by its text alone."""
    found: set[str] = set()
    for config in config_classes().values():
        found |= {*config().to_dict(), *config.attribute_map, *re.findall(r"kwargs\.(?:pop|get)\(\s*[\"'](\w+)", inspect.getsource(config))}
    return found


def aliases_of(name: str, config: type, candidates: list[str]) -> dict[str, dict]:
    own = config().to_dict()
    base = {**own, **config_of(name, {}, config.model_type)}
    found = {}
    for candidate in candidates:
        if candidate in ABOUT or (candidate in own and candidate not in config.attribute_map):
            continue
        keys = overruled(config, base, candidate, OTHER)
        if keys is not None and len(keys) == 1:
            found[candidate] = {"key": keys[0], "null": overruled(config, base, candidate, None) in (keys, None)}
    return found


def overruled(config: type, base: dict, name: str, value: int | None) -> list[str] | None:
    """Keys that have the value which `name` was given, and not their own, wherever in the file it stands; None: it is refused there."""
    base = {key: usual for key, usual in base.items() if key != name}
    try:
        made = [config.from_dict(given) for given in ({name: value, **base}, {**base, name: value})]
    except Exception:
        return None
    return sorted(key for key, usual in base.items() if usual is not None and all(getattr(each, key, usual) == value != usual for each in made))


if __name__ == "__main__":
    if sys.argv[1] == "names":
        print(json.dumps(sorted(names())))
    else:
        print(json.dumps({class_name(name): aliases_of(name, config, json.loads(sys.argv[2])) for name, config in config_classes().items()}))
