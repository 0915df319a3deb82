"""Every event that Python writes is one that `src/bridge/events.ts` knows, with just its fields: in the source, and in real runs."""

import ast
import json
import os
import signal
import subprocess
import sys

import pytest

from contract import faults, schema
from trainer_support import ROOT, events, finish, start, wait_for, write_run

EVENTS = {rule["properties"]["type"]["const"]: rule for rule in schema("events")["oneOf"]}
SOURCES = {path: ast.parse(path.read_text()) for path in (ROOT / "python").rglob("*.py")}
FUNCTIONS = [node for tree in SOURCES.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_the_validator_finds_faults():
    done = {"type": "done", "time": 1.0, "reason": "finished"}
    assert faults(done, EVENTS["done"]) == []
    for bad in ({**done, "reason": "bored"}, {**done, "steps": -1}, {**done, "steps": True}, {**done, "more": 1}, {"type": "done", "time": 1.0}, {**done, "time": "now"}):
        assert faults(bad, EVENTS["done"]) and faults(bad, schema("events")), bad


def names_emit(function: ast.expr) -> bool:
    """`x.emit`, `x.emit_throttled`, and one or the other by a condition."""
    if isinstance(function, ast.IfExp):
        return names_emit(function.body) and names_emit(function.orelse)
    return isinstance(function, ast.Attribute) and function.attr in ("emit", "emit_throttled")


def keys_of(value: ast.expr, within: ast.AST) -> set[str] | None:
    """Names of what `**value` adds: a dict, a variable of one, or the dict that a function returns; None: cannot be told."""
    if isinstance(value, ast.Dict) and all(isinstance(key, ast.Constant) for key in value.keys):
        return {key.value for key in value.keys}
    if isinstance(value, ast.DictComp) and isinstance(value.generators[0].iter, ast.Tuple):  # {name: … for name, … in (("a", …), …)}
        return {pair.elts[0].value for pair in value.generators[0].iter.elts}
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict" and not value.args:
        return {keyword.arg for keyword in value.keywords}
    if isinstance(value, ast.Name):
        assigned = [node.value for node in ast.walk(within) if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == value.id for to in node.targets)]
        return keys_of(assigned[0], within) if len(assigned) == 1 and not isinstance(assigned[0], ast.Name) else None
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", None)
        returned = [node.value for function in FUNCTIONS if function.name == name for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        return keys_of(returned[0], within) if len(returned) == 1 else None
    return None


def emits():
    """Each place that writes an event: (where, type, fields or None where they cannot be told)."""
    for path, tree in SOURCES.items():
        parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not names_emit(call.func):
                continue
            within = call
            while not isinstance(within, (ast.FunctionDef, ast.Module)):
                within = parents[within]
            if within.name == "emit_throttled":  # passes on what it was given
                continue
            fields: set[str] | None = set()
            for keyword in call.keywords:
                more = {keyword.arg} if keyword.arg is not None else keys_of(keyword.value, within)
                fields = None if fields is None or more is None else fields | more
            assert len(call.args) == 1 and isinstance(call.args[0], ast.Constant), f"{path}:{call.lineno} names its event by no constant"
            yield f"{path.relative_to(ROOT)}:{call.lineno}", call.args[0].value, fields


def test_every_emit_in_the_source_is_in_the_schema():
    found = list(emits())
    assert len(found) > 20
    for where, name, fields in found:
        assert name in EVENTS, f"{where}: {name}"
        rule = EVENTS[name]
        if fields is None:
            assert rule["additionalProperties"] is not False, f"{where}: the fields of {name} cannot be told from the source"
            continue
        fields |= {"type", "time"}
        assert fields <= set(rule["properties"]), f"{where}: {fields - set(rule['properties'])}"
        assert fields >= set(rule["required"]), f"{where}: {set(rule['required']) - fields} missing"


def test_nothing_is_in_the_schema_that_python_never_writes():
    written = {name: set() for name in EVENTS}
    for _, name, fields in emits():
        written[name] |= fields or set()
    written["heartbeat"] |= {"type"}  # written by its thread, past `emit`
    for name, rule in EVENTS.items():
        unused = set(rule["properties"]) - written[name] - {"type", "time"}
        assert (written[name] and not unused) or name == "result", f"{name}: {unused}"


def check(run_dir, *types):
    """Every line is as the schema says, and all of `types` are among them."""
    lines = events(run_dir)
    assert lines
    for line in lines:
        assert faults(line, schema("events")) == [], line
    assert set(types) <= {line["type"] for line in lines}


def test_real_runs_write_what_the_schema_says(place, text):
    whole = write_run(place / "whole", text)
    stopped = write_run(place / "stopped", text, {"steps_per_epoch": 100000})
    bad = write_run(place / "bad", text, {"sequence_length": 128})
    unknown = write_run(place / "unknown", text, {"learning": 1})
    processes = [start(run_dir, place) for run_dir in (whole, stopped, bad, unknown)]
    wait_for(lambda: len(events(stopped, "step")) > 1)
    os.kill(processes[1].pid, signal.SIGINT)
    assert finish(*processes) == [0, 130, 7, 7]
    check(whole, "phase", "start", "step", "eval", "best", "checkpoint", "done")
    check(stopped, "done")
    check(bad, "error")
    check(unknown, "error")
    onward = write_run(place / "onward", text, {"optimizer": {"lr": 1e-9, "muon_lr": 1e-9}}, max_steps=2, source={"kind": "model_dir", "path": str(whole / "best"), "config": None})
    assert finish(start(onward, place)) == [0]
    check(onward, "warning", "done")


@pytest.mark.parametrize("script", ["evaluate.py", "deep_check.py"])
def test_scripts_write_what_the_schema_says(place, text, script):
    model = write_run(place / f"model-{script}", text, max_steps=2)
    assert finish(start(model, place)) == [0]
    run_dir = place / script
    run_dir.mkdir()
    asked = {
        "evaluate.py": {"models": [{"name": "a", "dir": str(model / "best")}], "tasks": [{"name": "t", "data": str(text), "weight": 1.0, "pages": 1, "rows_per_page": 1}], "cache_dir": str(run_dir / "cache"), "offline": True},
        "deep_check.py": {"dir": str(model / "best")},
    }[script]
    (run_dir / "config.json").write_text(json.dumps({**asked, "run_dir": str(run_dir), "sequence_length": 32, "device": "cpu"}))
    log = (run_dir / "trainer.log").open("w")
    code = subprocess.run([sys.executable, str(ROOT / "python" / script), "--config", str(run_dir / "config.json")], stdout=log, stderr=log, check=False).returncode
    assert code == 0, (run_dir / "trainer.log").read_text()
    check(run_dir, "phase", "result", "done", *(["score"] if script == "evaluate.py" else []))
