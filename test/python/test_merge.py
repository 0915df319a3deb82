"""Weighted means of models, against torch's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainer.errors import TrainerError
from trainer.events import Events
from trainer.model import merge

CONFIG = {"model_type": "llama", "hidden_size": 8, "torch_dtype": "bfloat16"}


def folder(path: Path, seed: int, *, dtype: torch.dtype = torch.bfloat16, config: dict | None = None, shards: bool = True) -> Path:
    path.mkdir()
    draw = torch.Generator().manual_seed(seed)
    tensors = {f"layers.{i}.weight": torch.randn(7, 5, generator=draw).to(dtype) for i in range(4)}
    tensors |= {"norm": torch.randn(9, generator=draw), "scale": torch.tensor(0.5 + seed), "steps": torch.arange(3)}
    names = list(tensors)
    halves = [names[:3], names[3:]] if shards else [names]
    for i, half in enumerate(halves):
        save_file({name: tensors[name] for name in half}, path / f"model-{i + 1:05}-of-{len(halves):05}.safetensors", {"format": "pt", "seed": str(seed)})
    (path / "config.json").write_text(json.dumps(config or CONFIG))
    (path / "tokenizer.json").write_text("{}")
    return path


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in path.glob("*.safetensors"):
        found |= load_file(file)
    return found


def run(tmp_path: Path, folders: list[Path], mixtures: dict[Path, list[float]]) -> None:
    merge.merge_folders(folders, mixtures, Events(tmp_path / "events.jsonl"), lambda: None)


@pytest.mark.parametrize("piece", [1, 11, 1 << 24])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_is_the_mean_in_fp32_rounded_once_whatever_the_pieces_and_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, dtype: torch.dtype) -> None:
    monkeypatch.setattr(merge, "_PIECE_ELEMENTS", piece)
    a, b = folder(tmp_path / "a", 1, dtype=dtype), folder(tmp_path / "b", 2, dtype=torch.float32, shards=False)
    mixtures = {tmp_path / "x": [0.75, 0.25], tmp_path / "y": [-0.5, 1.5]}
    run(tmp_path, [a, b], mixtures)
    first, second = tensors_of(a), tensors_of(b)
    for out, (left, right) in mixtures.items():
        made = tensors_of(out)
        assert made.keys() == first.keys()
        for name, tensor in made.items():
            wanted = first[name] if name == "steps" else (torch.zeros(()) + left * first[name].float() + right * second[name].float()).to(first[name].dtype)
            assert tensor.dtype == first[name].dtype
            torch.testing.assert_close(tensor, wanted, rtol=0, atol=0 if name == "steps" else 1e-6 if dtype == torch.float32 or tensor.dtype == torch.float32 else 0.01)


def test_the_first_alone_is_the_first_to_the_byte_and_its_other_files_go_along(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", 1), folder(tmp_path / "b", 2)
    run(tmp_path, [a, b], {tmp_path / "same": [1.0, 0.0], tmp_path / "half": [0.5, 0.5]})
    for file in a.iterdir():
        assert (tmp_path / "same" / file.name).read_bytes() == file.read_bytes()
        assert (tmp_path / "half" / file.name).stat().st_size == file.stat().st_size
    assert (tmp_path / "half" / "config.json").read_bytes() == (a / "config.json").read_bytes()
    assert any((tmp_path / "half" / file.name).read_bytes() != file.read_bytes() for file in a.glob("*.safetensors"))


def test_models_that_do_not_go_back_to_the_same_one_are_refused_by_name(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", 1)
    other = folder(tmp_path / "other", 2, config={**CONFIG, "rope_theta": 5e5})
    neutral = folder(tmp_path / "neutral", 3, config={**CONFIG, "torch_dtype": "float32", "transformers_version": "5"})
    run(tmp_path, [a, neutral], {tmp_path / "fine": [0.5, 0.5]})
    with pytest.raises(TrainerError, match="rope_theta") as error:
        run(tmp_path, [a, other], {tmp_path / "x": [0.5, 0.5]})
    assert error.value.code == "merge_differ"

    save_file({"layers.0.weight": torch.zeros(7, 6)}, neutral / "model-00001-of-00002.safetensors")
    with pytest.raises(TrainerError, match=r"other tensors .*layers.1.weight"):
        run(tmp_path, [a, neutral], {tmp_path / "y": [0.5, 0.5]})
    tensors = tensors_of(a) | {"layers.0.weight": torch.zeros(7, 6)}
    save_file(tensors, neutral / "model-00001-of-00002.safetensors")
    (neutral / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(TrainerError, match=r"layers.0.weight is \[7, 6\]"):
        run(tmp_path, [a, neutral], {tmp_path / "z": [0.5, 0.5]})
    save_file(tensors_of(a) | {"norm": torch.full((9,), float("inf"))}, neutral / "model-00001-of-00002.safetensors")
    with pytest.raises(TrainerError, match="norm becomes NaN or infinite"):
        run(tmp_path, [a, neutral], {tmp_path / "w": [0.5, 0.5]})
