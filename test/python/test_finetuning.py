"""Starting from somebody's model: its own tokenizer, shape and positions, rates that rise again, and the truth about what came of it."""

import json
import math
import os
import signal

import pytest
import torch

from trainer.errors import TrainerError
from trainer.finetuning import cannot_win, smallest_epsilon
from trainer.model.load import make_config
from trainer.model.save import save_model
from trainer_support import NANO, events, finish, metrics, start, wait_for, write_run

FIXED = {"epsilon": {"type": "FixedEpsilon", "epsilon": 0.005}}
DECAY = {"epsilon": {"type": "LinearDecay", "start_epsilon": 0.005, "end_epsilon": 0.0001, "decay_blocks": 50400}}


@pytest.fixture(scope="module")
def winner(place, text):
    """A model folder with a tokenizer of 300 entries, a shape and a length that no recipe here has, in bf16, trained a little."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    backend.train_from_iterator([json.loads(line)["text"] for line in text.read_text().splitlines()], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")
    shape = {"model_type": "mistral", "vocab_size": 320, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
             "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 24, "sliding_window": None}  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(make_config(shape, "winner"))
    config = model.config
    config.eos_token_id = tokenizer.eos_token_id
    save_model(place / "raw", config, "MistralForCausalLM", dict(model.named_parameters()), tokenizer, torch.float32)
    run_dir = write_run(place / "raw-run", text, {"finetune": {"lr_factor": 1.0, "warmup_steps": 2}}, source=source(place / "raw"), max_steps=40, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    trained = AutoModelForCausalLM.from_pretrained(run_dir / "best")
    save_model(place / "winner", trained.config, "MistralForCausalLM", dict(trained.named_parameters()), tokenizer, torch.bfloat16)
    return place / "winner"


def source(path):
    return {"kind": "model_dir", "path": str(path), "config": None}


@pytest.fixture(scope="module")
def tuned(place, text, winner):
    recipe = {"schedule": {"warmup_steps": 0}, "finetune": {"lr_factor": 0.5, "warmup_steps": 4}}
    run_dir = write_run(place / "tuned", text, recipe, source=source(winner), competition={**FIXED, "sequence_length": 1024, "tokenizer": "gpt-4"}, max_steps=60, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def test_it_keeps_its_own_tokenizer_shape_and_length(tuned, winner):
    started = events(tuned, "start")[0]
    assert started["architecture"] == "MistralForCausalLM"
    assert started["tokens_per_step"] == 8 * 24, "its 24 positions, not the recipe's or the competition's length"
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (winner, tuned / "best"))
    for key in ("vocab_size", "hidden_size", "num_key_value_heads", "max_position_embeddings", "eos_token_id"):
        assert before[key] == after[key]
    vocabularies = [json.loads((folder / "tokenizer.json").read_text())["model"] for folder in (winner, tuned / "best")]
    assert vocabularies[0] == vocabularies[1]


def test_its_weights_are_where_training_begins(tuned, winner):
    """The loss before the first step is that of the folder, computed here by hand on the run's own held-out text."""
    from transformers import AutoModelForCausalLM

    from data_support import ask
    from trainer.tokenizer import load_tokenizer

    config = json.loads((tuned / "run.json").read_text())
    data = ask(load_tokenizer(str(winner)), tuned.parent / "cache", config["data"][0]["name"], sequence_length=24, held_out_tokens=65_536)
    held_out = data.held_out[: NANO["eval_sequences"]]
    model = AutoModelForCausalLM.from_pretrained(winner, dtype=torch.float32)
    with torch.no_grad():
        expected = model(held_out, labels=held_out).loss.item()
    first = events(tuned, "eval")[0]
    assert first["step"] == 0 and first["eval_loss"] == pytest.approx(expected, rel=1e-5)
    assert first["best"] is False and expected < math.log(320) - 0.3


def test_the_rates_are_a_part_of_the_recipes_and_rise_again(tuned):
    rates = [line["lr"] for line in metrics(tuned) if "lr" in line]
    peak = 0.5 * NANO["optimizer"]["muon_lr"]
    assert rates[:5] == pytest.approx([peak / 4, peak / 2, 3 * peak / 4, peak, peak])
    assert max(rates) == pytest.approx(peak) and rates[-1] < 0.2 * peak


def test_what_is_better_by_more_than_the_head_start_is_not_warned_of(tuned):
    start_loss, best = events(tuned, "eval")[0]["eval_loss"], events(tuned, "done")[0]["best_loss"]
    assert best < 0.99 * start_loss
    assert not [event for event in events(tuned, "warning") if event["code"] == "cannot_win"]


@pytest.mark.parametrize("name", ["worse", "hardly better"])
def test_a_copy_that_cannot_win_is_told(place, text, winner, name):
    lr = {"worse": 3.0, "hardly better": 1e-4}[name]
    competition = {"worse": None, "hardly better": {"epsilon": {"type": "FixedEpsilon", "epsilon": 0.5}}}[name]
    recipe = {"optimizer": {"name": "adamw", "clip": 0.0}}
    run_dir = write_run(place / name.replace(" ", "-"), text, recipe, source=source(winner), competition=competition, lr=lr, max_steps=6, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    told = [event["message"] for event in events(run_dir, "warning") if event["code"] == "cannot_win"]
    assert len(told) == 1 and ("worse copy" if name == "worse" else "at least 50.000% below") in told[0]


def test_the_loss_of_the_start_outlives_a_kill(place, text, winner):
    run_dir = write_run(place / "killed", text, {"checkpoint_every_steps": 2}, source=source(winner), max_steps=400, lr=1e-30, epochs=-1)
    process = start(run_dir, place)
    wait_for(lambda: len(events(run_dir, "checkpoint")) > 2 or not process.is_alive())
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "resume": True, "max_steps": 12}))
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert next(line["step"] for line in metrics(run_dir) if "eval_loss" in line) == 0
    assert len([event for event in events(run_dir, "eval") if event["step"] == 0]) == 1
    assert [event["code"] for event in events(run_dir, "warning")] == ["cannot_win"]


def test_a_class_that_only_its_own_code_knows_is_named_and_its_code_never_run():
    raw = {"model_type": "quasar", "auto_map": {"AutoConfig": "configuration_quasar.QuasarConfig"}}
    with pytest.raises(TrainerError, match=r"config.json is of quasar, a class that only its own code knows \(auto_map\)"):
        make_config(raw, "config.json")
    assert make_config({**raw, "model_type": "llama"}, "config.json").model_type == "llama", "transformers' own is taken for it"


def test_the_margin_is_the_smallest_that_the_rule_ever_asks():
    assert (smallest_epsilon(FIXED), smallest_epsilon(DECAY), smallest_epsilon({}), smallest_epsilon(None)) == (0.005, 0.0001, 0.0, 0.0)
    assert "0.500%" in cannot_win(2.0, 1.995, FIXED) and cannot_win(2.0, 1.98, FIXED) is None
    assert cannot_win(2.0, 1.999, DECAY) is None and cannot_win(2.0, 2.0, DECAY) is not None
    assert cannot_win(None, 2.0, FIXED) is None and cannot_win(2.0, None, FIXED) is None


@pytest.mark.parametrize("harm", ["lacks", "nan", "adapters"])
def test_a_start_that_is_not_whole_is_named_before_the_first_step(place, text, winner, harm):
    import shutil

    from safetensors.torch import load_file, save_file

    broken = place / f"broken-{harm}"
    shutil.copytree(winner, broken)
    tensors = load_file(broken / "model.safetensors")
    name = next(name for name in tensors if name.endswith("down_proj.weight"))
    if harm == "lacks":
        del tensors[name]
    elif harm == "nan":
        tensors[name][0, 0] = math.nan
    else:
        (broken / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 1, "target_modules": ["q_proj"], "base_model_name_or_path": "x"}))
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    run_dir = write_run(place / f"run-{harm}", text, source=source(broken), max_steps=2, samples=0)
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir, "error")[0]
    said = {"lacks": name, "nan": "no finite loss", "adapters": "adapters beside its model"}[harm]
    assert error["code"] == "bad_model" and said in error["message"], error
    assert not events(run_dir, "step")
