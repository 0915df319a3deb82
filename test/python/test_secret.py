"""What is secret in the trainer is what is secret in pt, and nothing that a recipe prints or raises shows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import secret
from trainer_support import write_run

ROOT = Path(__file__).resolve().parents[2]

VECTORS = json.loads((ROOT / "test" / "secret-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][:20])
def test_the_same_as_pt_masks(vector, monkeypatch):
    monkeypatch.setattr(secret, "_known", lambda: secret.secrets_of(vector["env"]))
    assert secret.mask(vector["text"]) == vector["masked"]


RECIPE = """
import logging, os, sys, warnings
token = os.environ["HF_TOKEN"]
print("printed", token)
print(token, file=sys.stderr)
logging.warning("logged %s", token)
warnings.warn("warned " + token)
sys.stdout.writelines(["written ", token, chr(10)])

def data(recipe):
    raise ValueError("no access with " + token + " and hf_anotherOne123")
"""


def test_what_a_recipe_prints_and_raises_shows_no_secret(tmp_path):
    token = "hub-token-of-nobody"
    (tmp_path / "own.py").write_text(RECIPE)
    run_dir = write_run(tmp_path / "run", tmp_path / "none.txt", {}, recipe_file=str(tmp_path / "own.py"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "python" / "train.py"), "--config", str(run_dir / "run.json")],
        env={**os.environ, "HF_TOKEN": token, "PT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    events = (run_dir / "events.jsonl").read_text()
    for shown in (done.stdout, done.stderr, events):
        assert token not in shown and "hf_anotherOne123" not in shown
    assert "printed ***" in done.stdout and "written ***" in done.stdout
    assert "logged ***" in done.stderr and "warned ***" in done.stderr
    error = next(event for event in map(json.loads, events.splitlines()) if event["type"] == "error")
    assert "no access with *** and hf_***" in error["message"] and "***" in error["traceback"]
