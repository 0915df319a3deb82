"""evaluate.py and deep_check.py on real folders: the right numbers, one bad model does not spoil the others, nothing hidden."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from data_support import numbered_texts, write_parquet
from trainer.errors import TrainerError
from trainer.events import Events
from trainer.score import checking, evaluating, sampling
from trainer.tokenizer import load_tokenizer

PYTHON = Path(__file__).resolve().parents[2] / "python"
SIZES = {"vocab_size": 4096, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}


def save(folder: Path, seed: int, change=lambda model: None, **config) -> Path:
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, **config}))
    change(model)
    model.save_pretrained(folder)
    load_tokenizer("builtin").save_pretrained(folder)
    return folder


def spoil(model) -> None:
    model.model.norm.weight.data.fill_(float("nan"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    found = {name: save(root / name, seed) for seed, name in enumerate(("a", "b"))}
    found["nan"] = save(root / "nan", 3, spoil)
    found["constant"] = save(root / "constant", 4, lambda model: model.lm_head.weight.data.zero_())
    found["no config"] = root / "no-config"
    found["no config"].mkdir()
    found["cut off"] = save(root / "cut-off", 5)
    weights = found["cut off"] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    found["pickle"] = save(root / "pickle", 6)
    (found["pickle"] / "model.safetensors").unlink()
    (found["pickle"] / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    found["missing layer"] = save(root / "missing-layer", 7)
    config = json.loads((found["missing layer"] / "config.json").read_text())
    (found["missing layer"] / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    found["code"] = save(root / "code", 8)
    (found["code"] / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Model"}}))
    (found["code"] / "own.py").write_text("raise SystemExit('code of a stranger ran')")
    found["small vocabulary"] = save(root / "small", 9, vocab_size=100)
    return found


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_parquet(tmp_path_factory.mktemp("text") / "text.parquet", numbered_texts(300), 100)


@pytest.fixture()
def events(tmp_path):
    events = Events(tmp_path / "events.jsonl")
    yield events
    events.close()


def request(folders, text, cache, names, **changes) -> dict:
    return {
        "models": [{"name": name, "dir": str(folders[name])} for name in names],
        "tasks": [{"name": "main", "data": str(text), "weight": 0.75, "pages": 3, "rows_per_page": 5}, {"name": "other", "data": str(text), "weight": 0.25, "pages": 2, "rows_per_page": 5}],
        "sequence_length": 128,
        "tokenizer": "builtin",
        "cache_dir": str(cache),
        "device": "cpu",
        **changes,
    }


def run(raw, events):
    return {model["name"]: model for model in evaluating.evaluate_models(raw, events, lambda: None)["models"]}


def test_losses_are_those_of_a_bare_forward_pass(folders, text, tmp_path, events):
    raw = request(folders, text, tmp_path, ["a", "b"])
    result = run(raw, events)
    samples = sampling.draw_samples(sampling.parse(raw), "builtin", events)
    for name in ("a", "b"):
        model = LlamaForCausalLM.from_pretrained(folders[name]).eval()
        for sample, task in zip(samples, result[name]["tasks"]):
            for batch, loss in zip(sample.batches, task["losses"], strict=True):
                tokens = torch.from_numpy(batch.astype("int64"))
                with torch.no_grad():
                    assert loss == pytest.approx(model(tokens, labels=tokens).loss.item(), rel=1e-5)
        main, other = result[name]["tasks"]
        assert result[name]["loss"] == pytest.approx(0.75 * main["loss"] + 0.25 * other["loss"])
        assert len(main["losses"]) >= 3 and result[name]["not_finite"] == 0
    assert result["a"]["tasks"][0]["sample"] == result["b"]["tasks"][0]["sample"]
    assert result["a"]["loss"] != result["b"]["loss"]


def test_so_many_sequences_as_asked_and_more_begin_with_fewer(folders, text, tmp_path, events):
    def draw(sequences, skip=0):
        task = {"name": "main", "data": str(text), "pages": 1, "rows_per_page": 5, "sequences": sequences, "skip": skip}
        (sample,) = sampling.draw_samples(sampling.parse(request(folders, text, tmp_path, ["a"], tasks=[task])), "builtin", events)
        return sample.batches

    few, many, everything = draw(2), draw(5), draw(1_000_000)
    assert (len(few), len(many)) == (2, 5) and 5 < len(everything) < 1_000_000
    assert all((short == long).all() for short, long in zip([*few, *many], [*many[:2], *everything[:5]], strict=True))
    # Fresh ones for a confirmation: those that come after, and none of those before.
    assert all((fresh == later).all() for fresh, later in zip(draw(3, skip=2), many[2:], strict=True))


def test_text_is_read_once_for_models_with_the_same_tokenizer(folders, text, tmp_path, events, monkeypatch):
    read = []
    monkeypatch.setattr(evaluating, "draw_samples", lambda *a: read.append(a[1]) or sampling.draw_samples(*a))
    result = run(request(folders, text, tmp_path, ["a", "b", "nan"], tokenizer=None), events)
    assert len(read) == 1 and len({model["tasks"][0]["sample"] for model in result.values()}) == 1
    config = folders["b"] / "tokenizer_config.json"
    kept = config.read_bytes()
    try:
        config.write_bytes(kept + b"\n")
        run(request(folders, text, tmp_path, ["a", "b"], tokenizer=None), events)
    finally:
        config.write_bytes(kept)
    assert len(read) == 3


def test_kept_losses_are_reused_until_model_or_sample_change(folders, text, tmp_path, events):
    raw = request(folders, text, tmp_path, ["a"])
    first = run(raw, events)["a"]
    again = run(raw, events)["a"]
    assert (first["reused"], again["reused"]) == (False, True) and again["tasks"] == first["tasks"]
    other = run({**raw, "seed": 1}, events)["a"]
    assert not other["reused"] and other["tasks"][0]["sample"] != first["tasks"][0]["sample"]
    weights = folders["a"] / "model.safetensors"
    kept = weights.read_bytes()
    try:
        save(folders["a"], 77)
        assert run(raw, events)["a"]["loss"] != first["loss"]
    finally:
        weights.write_bytes(kept)


def test_what_is_wrong_with_one_model_is_its_own(folders, text, tmp_path, events):
    wrong = {"no config": "bad_model", "cut off": "bad_model", "pickle": "bad_model", "missing layer": "bad_model", "code": "bad_model", "small vocabulary": "tokenizer_too_large"}
    result = run(request(folders, text, tmp_path, [*wrong, "b"]), events)
    for name, code in wrong.items():
        assert result[name]["error"]["code"] == code, result[name]
        assert result[name]["loss"] is None and result[name]["error"]["next_steps"]
    assert result["b"]["error"] is None and result["b"]["loss"] > 0


def test_nan_is_counted_not_hidden(folders, text, tmp_path, events):
    model = run(request(folders, text, tmp_path, ["nan"]), events)["nan"]
    assert model["loss"] is None and model["error"] is None
    assert model["not_finite"] == sum(len(task["losses"]) for task in model["tasks"]) > 0


def test_a_model_that_repeats_itself_is_told(folders, text, tmp_path, events):
    assert run(request(folders, text, tmp_path, ["constant"]), events)["constant"]["reasonable"] is False


def test_a_model_larger_than_the_memory_is_not_loaded(folders, text, tmp_path, events, monkeypatch):
    monkeypatch.setattr("trainer.score.loading.free_memory", lambda device: 1000)
    assert run(request(folders, text, tmp_path, ["a"]), events)["a"]["error"]["code"] == "too_large"


def test_the_limit_of_batches_takes_a_seeded_part(folders, text, tmp_path, events):
    whole = run(request(folders, text, tmp_path, ["a"]), events)["a"]["tasks"][0]["losses"]
    part = run(request(folders, text, tmp_path, ["a"], batches_limit=2), events)["a"]["tasks"][0]["losses"]
    assert len(part) == 2 < len(whole) and all(any(loss == pytest.approx(known, rel=1e-5) for known in whole) for loss in part)


@pytest.mark.parametrize(
    "change", [{"models": []}, {"tasks": []}, {"sequence_length": 1}, {"packing": "x"}, {"unknown_key": 1}, {"tasks": [{"name": "x"}]}, {"models": [{"dir": "x"}]}]
)
def test_a_wrong_config_is_named(folders, text, tmp_path, events, change):
    with pytest.raises(TrainerError) as caught:
        run({**request(folders, text, tmp_path, ["a"]), **change}, events)
    assert caught.value.code == "bad_config"


def deep(folder, events, **changes) -> dict:
    result = checking.check_folder({"dir": str(folder), "sequence_length": 64, "device": "cpu", **changes}, events, lambda: None)
    return {"ok": result["ok"], **{item["rule"]: item for item in result["findings"]}}


def test_deep_check_of_a_good_model(folders, events):
    found = deep(folders["b"], events)
    assert found["ok"] and all(found[rule]["ok"] for rule in ("deep.architecture", "deep.weights", "deep.compat", "deep.tokenizer", "deep.loss", "deep.repetition"))
    assert found["deep.flash_attention"]["ok"] is None  # said, not pretended


@pytest.mark.parametrize(
    ("name", "rule"),
    [("nan", "deep.loss"), ("constant", "deep.repetition"), ("missing layer", "deep.weights"), ("code", "deep.bad_model"), ("pickle", "deep.bad_model"), ("cut off", "deep.bad_model"), ("small vocabulary", "deep.tokenizer")],
)
def test_deep_check_finds(folders, events, name, rule):
    found = deep(folders[name], events)
    assert not found["ok"] and found[rule]["ok"] is False and found[rule]["message"]


def test_deep_check_finds_too_few_positions(folders, events):
    assert deep(folders["b"], events, sequence_length=512)["deep.sequence_length"]["ok"] is False


def test_the_script_writes_events_and_ends_with_the_documented_codes(folders, text, tmp_path):
    for config, code, last in (
        (request(folders, text, tmp_path, ["a"], run_dir=str(tmp_path / "run")), 0, "done"),
        (request(folders, tmp_path / "nowhere", tmp_path, ["a"], run_dir=str(tmp_path / "run")), 7, "error"),
    ):
        file = tmp_path / "evaluate.json"
        file.write_text(json.dumps(config))
        ended = subprocess.run([sys.executable, PYTHON / "evaluate.py", "--config", file], env=dict(os.environ), capture_output=True, timeout=240, check=False)
        assert ended.returncode == code, ended.stderr.decode()
        lines = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
        told = [line for line in lines if line["type"] != "heartbeat"]
        assert told[-1]["type"] == last
        if code:
            assert told[-1]["code"] == "data_missing" and told[-1]["next_steps"]
        else:
            assert told[-2]["type"] == "result" and told[-2]["models"][0]["loss"] > 0
