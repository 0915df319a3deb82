"""`RunConfig` and the run.json that TypeScript writes (`schemas/run-folder/run.json`, made of src/training/knobs.ts) have the same fields, of the same types."""

import dataclasses
import types
import typing

from contract import faults, schema
from trainer.config import Recipe, RunConfig


def words_of_hint(hint) -> set[str]:
    """A Python type in the words of JSON."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return set().union(*map(words_of_hint, arguments))
    if origin is typing.Literal:
        return {f"={choice}" for choice in arguments}
    if origin is list:
        return {f"[{word}]" for word in words_of_hint(arguments[0])}
    if dataclasses.is_dataclass(hint) and hint is not Recipe:
        return fields_of(hint)
    return {{str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", Recipe: "object", type(None): "null"}[origin or hint]}


def fields_of(kind) -> set[str]:
    hints = typing.get_type_hints(kind)
    return {f"{item.name}: {word}" for item in dataclasses.fields(kind) for word in words_of_hint(hints[item.name])}


def words_of_schema(rule: dict) -> set[str]:
    for word in ("anyOf", "oneOf"):
        if word in rule:
            return set().union(*map(words_of_schema, rule[word]))
    if "enum" in rule or ("const" in rule and isinstance(rule["const"], str)):
        return {f"={choice}" for choice in rule.get("enum", [rule.get("const")]) if choice is not None} | ({"null"} if None in rule.get("enum", []) else set())
    if "const" in rule:
        return {{int: "integer"}[type(rule["const"])]}
    kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    found = set()
    for kind in kinds:
        if kind == "array":
            found |= {f"[{word}]" for word in words_of_schema(rule["items"])}
        elif kind == "object" and "properties" in rule:
            found |= {f"{name}: {word}" for name, part in rule["properties"].items() for word in words_of_schema(part)}
        else:
            found.add(kind)
    return found


def test_both_sides_have_the_same_fields_of_the_same_types():
    typescript, python = words_of_schema(schema("run")), fields_of(RunConfig)
    assert python - typescript == set(), "in RunConfig alone"
    assert typescript - python == set(), "in src/training (knobs.ts, run-schema.ts) alone"
    assert len(python) > 60


def test_pt_writes_every_field():
    rule = schema("run")
    assert set(rule["required"]) == {item.name for item in dataclasses.fields(RunConfig)} and rule["additionalProperties"] is False


def test_the_defaults_of_python_fit():
    config = dataclasses.asdict(RunConfig(run_dir="/run"))
    assert faults(config, schema("run")) == []
