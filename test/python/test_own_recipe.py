"""`--recipe FILE.py`: a model, data and an optimizer of one's own in the trainer's loop; their errors by file and line."""

import json
import os
import signal

import pytest

from trainer_support import events, finish, metrics, start, start_ranks, wait_for, write_run, write_text

OWN = '''
from pathlib import Path

import torch
from transformers import MistralConfig

RECIPE = {"sequence_length": 24, "optimizer": {"clip": 0.5}}


def model(recipe):
    assert recipe["sequence_length"] == 24 and recipe["optimizer"]["clip"] == 0.5 and recipe["optimizer"]["momentum"] == 0.95
    return MistralConfig(vocab_size=4096, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                         num_key_value_heads=1, max_position_embeddings=64, sliding_window=None)


def data(recipe):
    here = Path(__file__).with_name("words.txt").read_text()
    for i in range(300):
        yield f"Document {i}: {here} and {i * i} is the square of {i}."


class Momentum(torch.optim.Optimizer):
    """Its step counter is a plain number, its state is made in the first step: what a checkpoint must carry all the same."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for param in group["params"]:
                state = self.state[param]
                if not state:
                    state.update(count=0, mean=torch.zeros_like(param))
                state["count"] += 1
                state["mean"].lerp_(param.grad.sign(), 0.1 if state["count"] > 3 else 0.5)
                param.sub_(state["mean"], alpha=group["lr"])


def optimizer(model, recipe):
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [Momentum([p for p in model.parameters() if p.ndim >= 2], lr=0.003), torch.optim.AdamW(vectors, lr=0.002)]
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("own")
    (place / "own.py").write_text(OWN)
    (place / "words.txt").write_text("some words that stand beside the recipe")
    return place


@pytest.fixture(scope="module")
def text(place):
    return write_text(place)


def run_with(place, text, name, file, recipe=None, **request):
    return write_run(place / name, text, recipe, recipe_file=str(file), **request)


@pytest.fixture(scope="module")
def whole(place, text):
    run_dir = run_with(place, text, "whole", place / "own.py", max_steps=14, epochs=-1)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def test_its_model_data_and_optimizer_are_what_trains(whole):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    started = events(whole, "start")[0]
    assert started["architecture"] == "MistralForCausalLM" and started["tokens_per_step"] == 4 * 2 * 24
    losses = [line["loss"] for line in metrics(whole) if "loss" in line]
    assert losses[-1] < losses[0] - 0.8
    assert max(line["lr"] for line in metrics(whole) if "lr" in line) == 0.003
    assert any("data() of own.py" in event["detail"] for event in events(whole, "phase"))
    assert AutoModelForCausalLM.from_pretrained(whole / "best").config.hidden_size == 24
    assert AutoTokenizer.from_pretrained(whole / "best").eos_token is not None


def test_killed_and_resumed_it_is_the_same_run_even_when_the_file_has_changed(place, text, whole):
    file = place / "changing.py"
    file.write_text(OWN)
    run_dir = run_with(place, text, "killed", file, max_steps=14, epochs=-1)
    process = start(run_dir, place)
    wait_for(lambda: len(events(run_dir, "checkpoint")) > 1 or not process.is_alive())
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    finish(process)
    file.write_text("raise RuntimeError('for the next run, not for this one')")
    config = json.loads((run_dir / "run.json").read_text())
    (run_dir / "run.json").write_text(json.dumps({**config, "resume": True}))
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[-1]["resumed_from"]
    assert (run_dir / "recipe.py").read_text() == OWN
    assert metrics(run_dir) == metrics(whole)


def test_two_processes_train_as_one(place, text, whole):
    run_dir = run_with(place, text, "two", place / "own.py", max_steps=14, epochs=-1)
    assert finish(*start_ranks(run_dir, place, 2)) == [0, 0], (run_dir / "trainer.log").read_text()
    ours, theirs = ([line["loss"] for line in metrics(folder) if "loss" in line] for folder in (run_dir, whole))
    # A sign flips where a gradient is all but zero, so sums in another order part sooner than under AdamW.
    assert ours == pytest.approx(theirs, rel=2e-2) and ours[:3] == pytest.approx(theirs[:3], rel=1e-4)


def test_a_model_object_and_parts_of_data(place, text):
    file = place / "object.py"
    file.write_text(
        """
from functools import partial
from transformers import GPT2Config, GPT2LMHeadModel

def model(recipe):
    made = GPT2LMHeadModel(GPT2Config(vocab_size=4096, n_embd=16, n_layer=1, n_head=2, n_positions=64))
    made.transformer.wte.weight.data.fill_(0.25)
    return made

def part(number):
    for i in range(200):
        yield f"This is text {i} of part {number}, and it goes on for some words more."

def data(recipe):
    return [partial(part, number) for number in range(3)]
"""
    )
    run_dir = run_with(place, text, "object", file, max_steps=2)
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "start")[0]["architecture"] == "GPT2LMHeadModel"
    import math

    # With equal rows in the head every token is as likely as any other.
    assert metrics(run_dir)[0]["loss"] == pytest.approx(math.log(4096), rel=1e-4)
    details = " ".join(event["detail"] for event in events(run_dir, "phase"))
    assert "part 1" in details and "data() of object.py" in details


FAULTS = {
    "syntax": ("x = 1\ndef model(recipe)\n    pass\n", "line 2: SyntaxError"),
    "import": ("import json\nimport a_package_that_nobody_has\n", "line 2: ModuleNotFoundError"),
    "exit": ("import sys\n\nsys.exit(3)\n", "line 3: SystemExit"),
    "nothing": ("helper = 1\n", "defines none of RECIPE, model, data and optimizer"),
    "not a function": ("model = 3\n", "model must be a function"),
    "unknown key": ("RECIPE = {'learning_rate': 1}\n", "unknown key 'learning_rate'"),
    "contradiction": ("RECIPE = {'sequence_length': 999}\n", "999 is more than the model's 64 positions"),
    "in model": ("def model(recipe):\n    return helper()\n\ndef helper():\n    return {}['width']\n", "line 5, in model(): KeyError"),
    "no model": ("def model(recipe):\n    return 7\n", "must return a transformers config or model"),
    "bad keys": ("def model(recipe):\n    return {'model_type': 'perceptron'}\n", "perceptron"),
    "in data": ("def data(recipe):\n    yield 'one'\n    yield 1 / 0\n", "line 3, in data(): ZeroDivisionError"),
    "no text": ("def data(recipe):\n    return [b'bytes']\n", "in data(): TypeError: data() must give texts, not bytes"),
    "empty data": ("def data(recipe):\n    return iter([])\n", "data() of fault.py"),
    "in optimizer": ("import torch\ndef optimizer(model, recipe):\n    return torch.optim.SGD(model.parameters(), lr=-1)\n", "line 3, in optimizer(): ValueError"),
    "no optimizer": ("def optimizer(model, recipe):\n    return None\n", "must return a torch optimizer"),
    "left out": ("import torch\ndef optimizer(model, recipe):\n    return torch.optim.SGD([next(model.parameters())], lr=1)\n", "leaves out"),
    "in a step": (
        "import torch\nclass Bad(torch.optim.SGD):\n    def step(self):\n        raise ValueError('no')\n"
        "def optimizer(model, recipe):\n    return Bad(model.parameters(), lr=1)\n",
        "line 4, in optimizer(): ValueError: no",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_line(place, text, name):
    code, words = FAULTS[name]
    folder = place / name.replace(" ", "-")
    folder.mkdir()
    (folder / "fault.py").write_text(code)
    run_dir = run_with(place, text, f"{folder.name}/run", folder / "fault.py", max_steps=1)
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir, "error")[0]
    assert error["code"] == ("data_empty" if name == "empty data" else "bad_model" if name == "bad keys" else "bad_recipe")
    assert words in error["message"] and "Traceback" not in error["message"]
    assert error["next_steps"] and not (run_dir / "best").exists()
    if "line" in words:
        assert any(f"fault.py:{words.split('line ')[1].split(':')[0].split(',')[0]}" in step for step in error["next_steps"])


def test_a_file_that_is_gone(place, text):
    run_dir = run_with(place, text, "gone", place / "nowhere.py")
    assert finish(start(run_dir, place)) == [7]
    assert "nowhere.py cannot be read" in events(run_dir, "error")[0]["message"]
