"""What `pt evaluate` costs beside bare forward passes with the same loss, and how often several models read the data.

`python bench/evaluate.py`, on the CPU with two threads; one JSON line a figure. Both sides take turns on the same batches.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.score import evaluating
from trainer.events import Events
from trainer.score.scoring import score
from trainer.tokenizer import load_tokenizer

LENGTH = 256
ROUNDS = 9
MODELS = 4


def report(metric: str, value: float, unit: str, rival: float) -> None:
    print(json.dumps({"bench": "evaluate", "metric": metric, "value": round(value, 1), "unit": unit, "rival": round(rival, 1), "ratio": round(value / rival, 3)}), flush=True)


def make_models(root: Path) -> list[Path]:
    folders = []
    for seed in range(MODELS):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(
            LlamaConfig(vocab_size=4096, hidden_size=128, intermediate_size=344, num_hidden_layers=4, num_attention_heads=4, max_position_embeddings=LENGTH)
        )
        folder = root / f"model-{seed}"
        model.save_pretrained(folder)
        load_tokenizer("builtin").save_pretrained(folder)
        folders.append(folder)
    return folders


def make_text(root: Path, files: int = 200) -> Path:
    """Documents of their own words, a file each, so that every read can be counted."""
    folder = root / "text"
    folder.mkdir()
    for number in range(files):
        words = (f"Paragraph {line} of document {number} says that {number * line} is what {line} times {number} makes." for line in range(12))
        (folder / f"{number:03}.txt").write_text("\n".join(words))
    return folder


def evaluate(folders: list[Path], text: Path, root: Path, seed: int) -> tuple[float, int]:
    """Seconds that scoring took (loading and tokenizing left out), and how often a file of the text was opened."""
    cache = tempfile.mkdtemp(dir=root)
    opened = 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal opened
        opened += event == "open" and counting and str(arguments[0]).startswith(f"{text}{os.sep}")

    sys.addaudithook(count)
    counting = True
    result = evaluating.evaluate_models(
        {
            "models": [{"name": folder.name, "dir": str(folder)} for folder in folders],
            "tasks": [{"name": "text", "data": str(text), "pages": 4}],
            "sequence_length": LENGTH,
            "tokenizer": "builtin",
            "check_output": False,
            "seed": seed,
            "held_out_tokens": 100_000_000,
            "cache_dir": cache,
            "device": "cpu",
        },
        Events(None),
        lambda: None,
    )
    counting = False
    problems = [model["error"] for model in result["models"] if model["error"]]
    if problems:
        raise SystemExit(f"a model was not scored: {problems}")
    return sum(model["seconds"] for model in result["models"]), opened


def main() -> None:
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folders, text = make_models(root), make_text(root)
        model = LlamaForCausalLM.from_pretrained(folders[0]).eval()
        batches = [torch.randint(0, 4096, (1, LENGTH)).numpy() for _ in range(20)]
        ours, bare = [], []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            list(score(model, batches))
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            with torch.inference_mode():
                for batch in batches:
                    tokens = torch.from_numpy(batch)
                    model(tokens, labels=tokens, use_cache=False).loss.item()
            bare.append(time.perf_counter() - started)
        report("scoring 20 batches; rival: bare forward passes with loss", min(ours) * 1000, "ms", min(bare) * 1000)
        one, opened_by_one = evaluate(folders[:1], text, root, 1)
        all_, opened_by_all = evaluate(folders, text, root, 1)
        report(f"reads of the text by {MODELS} models; rival: by one", opened_by_all, "files", opened_by_one)
        report(f"seconds of {MODELS} models, loading included; rival: {MODELS} times one", all_ * 1000, "ms", MODELS * one * 1000)


if __name__ == "__main__":
    main()
