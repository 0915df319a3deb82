"""What scoring takes, told from a config and sizes: against what it takes, and what an earlier scoring is worth for a later one."""

import json
import multiprocessing
import sys
from pathlib import Path

import pytest
import torch

from trainer.errors import TrainerError
from trainer.events import Events
from trainer.model.load import make_config, skeleton
from trainer.model.speed import forward_flops
from trainer.score.loading import require_memory
from trainer.score.needs import scoring_needs
from trainer.score.rate import earlier_rate, keep_rate

WIDE = {"model_type": "llama", "vocab_size": 60_000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 2048}
MOE = {"model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2, "head_dim": 16, "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64,
       "moe_intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}  # fmt: skip
CPU, FP32 = torch.device("cpu"), torch.float32


def needs(tmp_path, *models, **changes):
    asked = {"models": [{"name": name, "config": config, "elements": elements} for name, config, elements in models], "sequence_length": 1024, "device": "cpu"}
    return scoring_needs({**asked, "cache_dir": str(tmp_path), **changes}, Events(tmp_path / "events.jsonl"), lambda: None)


def _peak() -> int:
    """Bytes, of this program alone: what `getrusage` tells begins with the peak of the process that started it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])


def _held_for_real(length: int, connection) -> None:
    """Bytes by which the peak of this process grows while a sequence is scored."""
    import numpy as np

    from trainer.model.load import _from_config
    from trainer.score.scoring import score

    torch.set_num_threads(1)
    model = _from_config(make_config(dict(WIDE), "wide"), "sdpa", FP32).eval()
    list(score(model, [np.zeros((1, 8), np.int64)]))
    before = _peak()
    list(score(model, [np.zeros((1, length), np.int64)]))
    connection.send(_peak() - before)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux counts it")
def test_memory_is_what_a_process_was_seen_to_take(tmp_path):
    [told] = needs(tmp_path, ("wide", WIDE, 10**7))["models"]
    assert told["weights"] == 4 * 10**7 and told["memory"] >= told["weights"] + told["held"]
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_held_for_real, args=(1024, theirs))
    child.start()
    measured = ours.recv()
    child.join()
    assert told["held"] == pytest.approx(measured, rel=0.25)


def test_a_token_meets_the_experts_that_it_is_sent_to():
    one, all_of_them = (skeleton(make_config({**MOE, "num_experts_per_tok": chosen}, "moe"), "sdpa", FP32) for chosen in (2, 8))
    experts = 2 * 8 * 3 * 32 * 16
    assert forward_flops(all_of_them, 64) - forward_flops(one, 64) == pytest.approx(2 * experts * 6 / 8)


def test_a_rate_is_a_bound_until_one_was_measured_and_then_scaled_by_arithmetic(tmp_path):
    def rate():
        return needs(tmp_path, ("wide", WIDE, 10**7))["models"][0]["rate"]

    bound = rate()
    assert bound["model"] is None and bound["tokens_per_second"] > 0
    flops = forward_flops(skeleton(make_config(dict(WIDE), "wide"), "sdpa", FP32), 1024)
    keep_rate(tmp_path, CPU, FP32, "half", 1024, flops / 2, 10_000, 5.0)
    assert rate() == {"tokens_per_second": pytest.approx(1000), "model": "half", "tokens": 10_000, "at": pytest.approx(rate()["at"]), "same": False}
    keep_rate(tmp_path, CPU, FP32, "itself", 1024, flops, 300, 1.0)
    keep_rate(tmp_path, CPU, FP32, "itself", 1024, flops, 500, 1.0)
    assert {key: rate()[key] for key in ("tokens_per_second", "same")} == {"tokens_per_second": pytest.approx(500), "same": True}
    assert len(json.loads((tmp_path / "scoring-speed.json").read_text())) == 2
    assert earlier_rate(tmp_path, CPU, torch.bfloat16, 1024, flops) is None
    (tmp_path / "scoring-speed.json").write_text('[{"flops": "x"}]')
    assert rate()["model"] is None


def test_what_cannot_fit_or_is_of_no_known_class_is_said(tmp_path):
    [unknown] = needs(tmp_path, ("own", {"model_type": "nobodys"}, 1000))["models"]
    assert unknown["rate"] is None and unknown["held"] is None and "nobodys" in unknown["problem"]
    with pytest.raises(TrainerError, match=r"huge needs .* GB on cpu") as refused:
        needs(tmp_path, ("huge", WIDE, 10**13), require=True)
    assert refused.value.code == "too_large"
    assert needs(tmp_path, ("small", WIDE, 10**6), require=True)["models"] == []


def test_a_card_is_reached_through_the_memory_of_the_machine(monkeypatch):
    """The card is a number here: there was none to run this on."""
    card = torch.device("cuda", 0)
    monkeypatch.setattr("trainer.score.loading.free_memory", lambda device: 10**11 if device.type == "cuda" else 10**10)
    require_memory(9 * 10**9, card, "it")
    for weights, words in ((10**11, "it needs 115.0 GB on cuda:0"), (2 * 10**10, "it is loaded into this machine's memory first, 20.0 GB, and 10.0 GB are free")):
        with pytest.raises(TrainerError, match=words) as refused:
            require_memory(weights, card, "it", "go on")
        assert refused.value.next_steps[-1] == "go on"
