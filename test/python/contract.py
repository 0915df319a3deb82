"""The contract of the run folder as TypeScript states it: `schemas/run-folder/`, and a validator for as much of JSON Schema as it uses."""

import json

from trainer_support import ROOT

TYPES = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
WORDS = {"type", "const", "enum", "anyOf", "oneOf", "properties", "required", "additionalProperties", "propertyNames", "items", "minimum", "maximum", "exclusiveMinimum"}
NOTES = {"description", "title", "$schema", "default"}


def schema(name: str) -> dict:
    return json.loads((ROOT / "schemas" / "run-folder" / f"{name}.json").read_text())


def faults(value, rule: dict, where: str = "") -> list[str]:
    """What does not fit, by its place; a word of JSON Schema that is not known here is a fault too."""
    found = [f"{where}: unknown word {word}" for word in set(rule) - WORDS - NOTES]
    for word in ("anyOf", "oneOf"):
        if word in rule:
            tried = [faults(value, part, where) for part in rule[word]]
            if all(tried):
                found.append(f"{where}: none of {len(tried)}: {min(tried, key=len)}")
    types = rule.get("type", [])
    if types and not any(TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return [*found, f"{where}: {value!r} is no {rule['type']}"]
    if value not in rule.get("enum", [value]) or value != rule.get("const", value):
        found.append(f"{where}: {value!r} is not one of {rule.get('enum', rule.get('const'))}")
    if isinstance(value, (int, float)) and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        found.append(f"{where}: {value!r} is out of range")
    if "exclusiveMinimum" in rule and value <= rule["exclusiveMinimum"]:
        found.append(f"{where}: {value!r} is out of range")
    if isinstance(value, dict):
        known, rest = rule.get("properties", {}), rule.get("additionalProperties", {})
        found += [f"{where}: {name} is missing" for name in rule.get("required", []) if name not in value]
        for name, item in value.items():
            if name in known:
                found += faults(item, known[name], f"{where}.{name}")
            elif rest is False:
                found.append(f"{where}: {name} is not in the schema")
            else:
                found += faults(item, rest, f"{where}.{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += faults(item, rule.get("items", {}), f"{where}[{index}]")
    return found
