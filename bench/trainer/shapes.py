"""The models that the bench trains, and the text all contestants read."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

TINY = json.loads((ROOT / "constants" / "recipes" / "tiny.json").read_text())


@dataclass(frozen=True)
class Shape:
    architecture: dict
    sequence_length: int
    sequences: int
    """of one optimizer step, for those who accumulate gradients"""
    micro: tuple[int, ...]
    """micro-batch sizes, the largest that fits is taken; each divides `sequences`"""


SHAPES = {
    # 1.32 billion parameters, with the vocabulary of gpt-4's tokenizer.
    "1.3b": Shape(
        {
            "model_type": "llama",
            "vocab_size": 100_277,
            "hidden_size": 2048,
            "intermediate_size": 5632,
            "num_hidden_layers": 22,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "max_position_embeddings": 4096,
            "rope_theta": 500_000.0,
            "tie_word_embeddings": True,
        },
        sequence_length=4096,
        sequences=64,
        micro=(16, 8, 4, 2, 1),
    ),
    "tiny": Shape(dict(TINY["architecture"]), TINY["sequence_length"], sequences=8, micro=(4, 2, 1)),
    "nano": Shape(
        {
            "model_type": "llama",
            "vocab_size": 4096,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 64,
            "tie_word_embeddings": True,
        },
        sequence_length=32,
        sequences=4,
        micro=(4, 2, 1),
    ),
}


def recipe_for(shape: Shape, micro: int, **changes) -> dict:
    """Our recipe of that shape: the default optimizer and schedule, no evaluation and no checkpoint unless `changes` ask for them."""
    recipe = {
        "name": "bench",
        "architecture": dict(shape.architecture),
        "tokenizer": "builtin",
        "sequence_length": shape.sequence_length,
        "batch_size": micro,
        "accumulation_steps": shape.sequences // micro,
        "steps_per_epoch": 1_000_000,
        "optimizer": dict(TINY["optimizer"]),
        "schedule": {"name": "wsd", "warmup_steps": 20},
        "eval_every_steps": 1_000_000,
        "eval_sequences": 16,
        "checkpoint_every_steps": 1_000_000,
    }
    return {**recipe, **changes}


def read_text(length: int):
    """The built-in text as int64 [sequences, length]: what the rivals read, without the cost of a pipeline."""
    import torch

    from trainer.data import DataRequest, open_data
    from trainer.tokenizer import load_tokenizer

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        data = open_data(DataRequest([{"name": "builtin"}], load_tokenizer("builtin"), length, 1, cache_dir=cache))
        return torch.cat([data.next_batch() for _ in range(max(1, data.epoch_batches or 1))])
