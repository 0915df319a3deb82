"""Checkpoints as model folders (LoRA, experts and shards of several ranks: test_trainer_lora.py, test_experts.py)."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.checkpoint.metadata import Metadata

from trainer.errors import TrainerError
from trainer.record.checkpoint import read_metadata
from trainer.record.export import export_checkpoint
from trainer.request import read_config
from trainer_support import finish, same_as_best, start, write_run


@pytest.fixture(scope="module")
def run(place, text):
    """Tied embeddings, a frozen part, files in bf16."""
    recipe = {"eval_every_steps": 4, "checkpoint_every_steps": 2}
    run_dir = write_run(place / "run", text, recipe, max_steps=8, epochs=-1, save_dtype="bf16", checkpoints_kept=3, freeze=["layers.0.mlp"])
    assert finish(start(run_dir, place)) == [0], (run_dir / "trainer.log").read_text()
    return run_dir


def test_of_the_best_step_it_is_best_to_the_byte_and_of_another_it_is_that_steps(run, tmp_path):
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-4", "step-6", "step-8"], "as many as were asked for"
    best = load_file(same_as_best(run) / "model.safetensors")
    export_checkpoint(run / "checkpoints" / "step-4", run / "best", read_config(run / "run.json"), tmp_path / "four", lambda: None)
    four = load_file(tmp_path / "four" / "model.safetensors")
    assert four.keys() == best.keys()
    same = {name for name in best if torch.equal(best[name], four[name])}
    assert same == {name for name in best if ".layers.0.mlp." in name}


def copied(run: Path, to: Path) -> Path:
    return Path(shutil.copytree(run / "checkpoints" / "step-8", to / "step-8"))


def test_what_is_damaged_or_of_another_model_is_named(run, tmp_path):
    def export(checkpoint: Path, best: Path) -> TrainerError:
        with pytest.raises(TrainerError) as error:
            export_checkpoint(checkpoint, best, read_config(run / "run.json"), tmp_path / "out", lambda: None)
        return error.value

    checkpoint, other = copied(run, tmp_path), Path(shutil.copytree(run / "best", tmp_path / "best"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    assert export(checkpoint, other).code == "bad_model"
    (checkpoint / "__0_0.distcp").write_bytes(b"short")
    assert "__0_0.distcp has 5 bytes" in export(checkpoint, run / "best").message


class Evil:
    """Opened by `pickle` alone, it makes a file."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_a_description_that_is_code_is_never_run(run, tmp_path):
    checkpoint, made = copied(run, tmp_path), tmp_path / "made"
    assert isinstance(read_metadata(checkpoint), Metadata)
    for code in (pickle.dumps(Evil(made)), b"cos\nsystem\n(Vtouch " + str(made).encode() + b"\ntR.", b"ctorch\nload\n.", b"not a pickle"):
        (checkpoint / ".metadata").write_bytes(code)
        with pytest.raises(TrainerError) as error:
            read_metadata(checkpoint)
        assert error.value.code == "damaged_checkpoint"
    assert not made.exists()
