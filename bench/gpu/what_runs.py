"""What really runs on the card in our forward and backward, one JSON line each: the ceiling of a matrix product, how many graphs the layers were
compiled to under every activation checkpointing, the host's waits in a micro-batch, the attention kernel, and whether evaluation computes gradients.

(No file here may be called `kernels`: transformers would take it for the package of that name.)
"""

from __future__ import annotations

import collections
import gc
import json
import os
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trainer"))

import shapes  # noqa: F401  (puts python/ on the import path)

import torch
from transformers import AutoModelForCausalLM

from trainer.model.layers import Frames, cast_layer_inputs, checkpoint_activations, compile_layers
from trainer.model.load import make_config
from trainer.model.loss import LossModel

DEVICE = os.environ.get("DEVICE", "cuda")
SMALL = DEVICE == "cpu"
LENGTH, VOCABULARY, LAYERS, WIDTH = (128, 512, 3, 64) if SMALL else (4096, 100_277, 12, 1024)


def say(what: str, **found: object) -> None:
    print(json.dumps({"what": what, **found}), flush=True)


def wait() -> None:
    if not SMALL:
        torch.cuda.synchronize()


def ceiling() -> None:
    size, times = (256, 3) if SMALL else (8192, 20)
    matrix = torch.randn(size, size, device=DEVICE, dtype=torch.bfloat16)
    for _ in range(3):
        matrix @ matrix
    wait()
    started = time.perf_counter()
    for _ in range(times):
        matrix @ matrix
    wait()
    say("matmul", tflops=round(times * 2 * size**3 / (time.perf_counter() - started) / 1e12, 1))


def build(checkpointing: str, compiled: bool):
    """(loss model, its frames) of 12 layers, as trainer/setup.py puts them together for one card in bf16."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    architecture = {
        "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": WIDTH * 11 // 4, "num_hidden_layers": LAYERS,
        "num_attention_heads": 8, "max_position_embeddings": LENGTH, "tie_word_embeddings": True,
    }  # fmt: skip
    with torch.device(DEVICE):
        model = AutoModelForCausalLM.from_config(make_config(architecture, "the bench"), attn_implementation="sdpa", dtype=torch.float32)
    loss_model = LossModel(model, 1e-4)
    frames = compile_layers(model, Frames()) if compiled else None
    checkpoint_activations(model, checkpointing)
    cast_layer_inputs(model, torch.bfloat16)
    loss_model.train(False)
    if compiled:
        loss_model.chunk = torch.compile(loss_model.chunk)
    return loss_model, frames


def micro_batch(loss_model: LossModel, tokens: torch.Tensor) -> torch.Tensor:
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        objective, loss = loss_model(tokens)
    objective.backward()
    return loss


def score(loss_model: LossModel, tokens: torch.Tensor) -> None:
    with torch.no_grad(), torch.autocast(DEVICE, dtype=torch.bfloat16):
        loss_model(tokens)


def layers(tokens: torch.Tensor) -> None:
    """Train, evaluate with a short last batch, train again: what is compiled for the layers, and what a micro-batch takes then."""
    for checkpointing in ("none", "selective", "full"):
        loss_model, frames = build(checkpointing, True)
        try:
            for _ in range(3):
                micro_batch(loss_model, tokens)
            for size in (len(tokens), len(tokens), len(tokens) // 2):
                score(loss_model, tokens[:size])
            loss = micro_batch(loss_model, tokens)
            wait()
            if not SMALL:
                torch.cuda.reset_peak_memory_stats()
            started = time.perf_counter()
            for _ in range(10):
                loss = micro_batch(loss_model, tokens)
            wait()
            spent, peak = time.perf_counter() - started, 0 if SMALL else torch.cuda.max_memory_allocated()
            say(f"layers, activation_checkpointing {checkpointing}", frames=frames.count, layers=LAYERS, milliseconds=round(100 * spent, 1), peak_gib=round(peak / 2**30, 2), loss=round(loss.item(), 5))
        except Exception as error:
            say(f"layers, activation_checkpointing {checkpointing}", fatal=f"{type(error).__name__}: {str(error)[:400]}")
        del loss_model
        gc.collect()  # a compiled layer refers to itself


def inside(tokens: torch.Tensor) -> None:
    loss_model, _ = build("none", False)
    micro_batch(loss_model, tokens)
    wait()
    if not SMALL:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            micro_batch(loss_model, tokens)
            torch.cuda.set_sync_debug_mode(0)
        waits = collections.Counter(f"{each.filename.split('site-packages/')[-1]}:{each.lineno}" for each in caught if "synchron" in str(each.message) and "prototype" not in str(each.message))
        say("host waits in a micro-batch", count=sum(waits.values()), where=dict(waits))
    activity = torch.profiler.ProfilerActivity.CPU if SMALL else torch.profiler.ProfilerActivity.CUDA
    with torch.profiler.profile(activities=[activity]) as profile:
        micro_batch(loss_model, tokens)
        wait()
    spent = [(event.key[:100], round((event.self_cpu_time_total if SMALL else event.self_device_time_total) / 1e3, 2)) for event in profile.key_averages()]
    attention = [each for each in spent if any(word in each[0].lower() for word in ("flash", "fmha", "sdpa", "cudnn", "attention"))]
    say("attention kernels", milliseconds=attention[:6], flash=any("flash" in name.lower() for name, _ in attention))
    say("longest kernels", milliseconds=sorted(spent, key=lambda pair: -pair[1])[:10])
    asked, chunk = [], loss_model.chunk
    loss_model.chunk = lambda *args: (asked.append(args[-1]), chunk(*args))[1]
    score(loss_model, tokens)
    say("evaluation computes gradients", value=any(asked))


def fused_adamw_skips() -> None:
    """A step is skipped by a flag that stays on the device."""
    param = torch.nn.Parameter(torch.ones(4096, device=DEVICE))
    optimizer = torch.optim.AdamW([param], fused=True)
    optimizer.found_inf, optimizer.grad_scale = torch.ones((), device=DEVICE), None
    param.grad = torch.ones_like(param)
    optimizer.step()
    say("fused AdamW skips by a flag on the device", value=bool((param == 1).all()))


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    given = torch.randint(VOCABULARY, (4, LENGTH), device=DEVICE)
    for part in (ceiling, lambda: inside(given), fused_adamw_skips, lambda: layers(given)):
        try:
            part()
        except Exception as error:  # one part that fails must not hide the others
            say("failed", fatal=f"{type(error).__name__}: {str(error)[:400]}")
