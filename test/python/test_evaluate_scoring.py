"""Packing, loss and repetition check agree with the protocol's vectors."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.data.packing import cut, join, pad, truncate
from trainer.score.scoring import batches_of, cross_entropy, is_reasonable

VECTORS = Path(os.environ.get("PT_VECTORS") or Path(__file__).resolve().parents[1] / "vectors")
PACKING = json.loads((VECTORS / "packing.json").read_text())
REPETITION = json.loads((VECTORS / "reasonable_output.json").read_text())


def names(cases):
    return [case["name"] for case in cases]


@pytest.mark.parametrize("case", PACKING["packing"], ids=names(PACKING["packing"]))
def test_packing(case):
    eos, length, size = case["eos_token_id"], case["sequence_length"], case["batch_size"]
    documents = [truncate(np.array([*row, eos], np.uint32), case["truncate_to"]) for row in case["token_rows"]]
    stream = join(documents)
    packed = [batch.tolist() for batch in batches_of(cut(stream, length), size)]
    assert packed == case["v3_2_0"]["batches"] == case["latest_packed"]
    assert stream[len(packed) * length * size :].tolist() == case["v3_2_0"]["leftover"]
    assert [batch.tolist() for batch in batches_of(pad(stream, eos, length), size)] == case["latest_unpacked"]


@pytest.mark.parametrize("case", PACKING["loss"], ids=names(PACKING["loss"]))
def test_loss(case, monkeypatch):
    logits, tokens = torch.tensor(case["logits"]), torch.tensor(case["tokens"])
    for chunk in (1024, 2):  # in one piece and in several
        monkeypatch.setattr("trainer.score.scoring._CHUNK", chunk)
        assert cross_entropy(logits, tokens) == pytest.approx(case["loss_packed"], rel=1e-5)
        assert cross_entropy(logits, tokens, case["pad_token_id"]) == pytest.approx(case["loss_unpacked_pad_masked"], rel=1e-5)


@pytest.mark.parametrize("case", REPETITION["cases"], ids=names(REPETITION["cases"]))
def test_repetition(case):
    assert is_reasonable(case["generated_1"], case["generated_2"]) is case["reasonable"]


def test_nan_logits_give_a_nan_loss():
    assert math.isnan(cross_entropy(torch.full((1, 4, 3), math.nan), torch.zeros(1, 4, dtype=torch.long)))
