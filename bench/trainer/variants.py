"""Variants of the optimizer side by side: the real trainer, the same text and tokens, several seeds; each run is one JSON line, and so is each variant's mean.

    python3 bench/trainer/variants.py --shape tiny --steps 300 --seeds 3 --at-once 2 "" even_rows=0 muon_lr=0.04,weight_decay=0.1
    python3 bench/trainer/variants.py --shape 15m --device cuda --at-once 6 --limit 280 > variants.jsonl

A variant is KEY=VALUE,... over the shape's base; "" is the base itself, and what the others are compared with by seed. Keys are those of a recipe's `optimizer`
(`betas=0.8/0.95`), `schedule` (constant, cosine, wsd), and what only stands here until it has shown that it helps:

    cautious=1      decay only where the update does not push away from zero (Chen et al. 2025, arXiv 2510.12402)
    scale=rms       0.2 sqrt(max(rows, columns)), the size of AdamW's updates (Liu et al. 2025, arXiv 2502.16982), in place of sqrt(max(1, rows / columns))
    falling=1       decay falls to 0 with the run, linearly (nanochat)

Needs torch >= 2.11 and transformers >= 5.17, and no network. `15m` reads Python sources of torch and transformers, which every such machine has.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from statistics import mean

from shapes import TINY

import torch
from torch import Tensor

import trainer.optim.optimizers
from ours import run_ours
from trainer.data import DataRequest, open_data
from trainer.optim.muon import Muon, _even as even_rows, orthogonalise
from trainer.tokenizer import load_tokenizer

DEFAULT = (
    "", "even_rows=0", "betas=0.9/0.95", "even_rows=0,betas=0.9/0.95", "muon_lr=0.01", "muon_lr=0.04", "weight_decay=0", "weight_decay=0.4",
    "weight_decay=0.4,cautious=1", "scale=rms,muon_lr=0.0044", "scale=rms,muon_lr=0.0088", "scale=rms,muon_lr=0.0176",
)  # fmt: skip
_MEDIUM = {
    **TINY,
    "architecture": {
        **TINY["architecture"],
        "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 6, "num_key_value_heads": 6,
    },
    "sequence_length": 512,
    "batch_size": 16,
    "optimizer": {**TINY["optimizer"], "momentum": 0.95, "weight_decay": 0.1},
    "schedule": {**TINY["schedule"], "warmup_steps": 40},
}  # fmt: skip
_MIXTURE = {
    **TINY,
    "architecture": {
        **{key: value for key, value in TINY["architecture"].items() if key != "intermediate_size"},
        "model_type": "qwen3_moe", "head_dim": 32, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 172, "norm_topk_prob": True,
    },
}  # fmt: skip
BASES = {"tiny": TINY, "15m": _MEDIUM, "moe": _MIXTURE}
"""15m: 15.7 million parameters, steps of 8,192 tokens. moe: `tiny` with eight experts in place of each dense block, two a token, as wide together as it."""
_TRIED = ("cautious", "scale", "falling")


class Tried(Muon):
    """Muon of unsharded fp32 matrices with what is tried here."""

    cautious = falling = False
    scale = "spectral"

    def _step_batch(self, params: list[Tensor], group: dict, ok: Tensor | None) -> None:
        buffers = [self.state[param]["momentum"] for param in params]
        gradients = [param.grad for param in params if param.grad is not None]
        if ok is not None:
            gradients = [torch.where(ok, gradient, buffer) for gradient, buffer in zip(gradients, buffers)]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        updates = orthogonalise(torch.stack(torch._foreach_lerp(gradients, buffers, group["momentum"])), group["steps"]).float()
        if "rows" in self.state[params[0]]:
            updates = even_rows(list(updates), [self.state[param]["rows"] for param in params], params[0], ok)
        rows, columns = params[0].shape
        scale = group["lr"] * (0.2 * max(rows, columns) ** 0.5 if self.scale == "rms" else max(1.0, rows / columns) ** 0.5)
        decay = group["lr"] * group["weight_decay"]
        if self.falling:  # what the rate has lost is lost twice
            decay *= group["lr"] / group["peak_lr"]
        for param, update in zip(params, updates):
            shrink = decay * (update * param >= 0) if self.cautious else decay
            after = param - shrink * param - scale * update
            param.copy_(after if ok is None else torch.where(ok, after, param))


def changed(shape: str, variant: str, sequences: int | None) -> tuple[dict, dict]:
    """The recipe of a variant, with steps of so many sequences (None: the shape's own), and what of it is only tried here."""
    recipe, tried = copy.deepcopy(BASES[shape]), {}
    recipe["batch_size"] = sequences or recipe["batch_size"]
    for key, _, value in (part.partition("=") for part in variant.split(",") if part):
        if key in _TRIED:
            tried[key] = value if key == "scale" else bool(int(value))
        elif key == "schedule":
            recipe["schedule"]["name"] = value
        elif key == "betas":
            recipe["optimizer"]["betas"] = [float(part) for part in value.split("/")]
        else:
            kinds = {"name": str, "orthogonal_steps": int, "even_rows": lambda text: text == "1"}
            recipe["optimizer"][key] = kinds.get(key, float)(value)
    return recipe, tried


def run(shape: str, sequences: int | None, variant: str, seed: int, steps: int, device: str, text: str) -> dict:
    started = time.perf_counter()
    torch.set_num_threads(1)
    recipe, tried = changed(shape, variant, sequences)
    recipe.update(steps_per_epoch=steps, eval_every_steps=max(1, steps // 4), eval_sequences=64, checkpoint_every_steps=10 * steps)
    trainer.optim.optimizers.Muon = type("Tried", (Tried,), tried) if tried else Muon
    lines = run_ours(recipe, device=device, seed=seed, compile=False, data=[{"name": text, "weight": 1.0}])
    curve = [[line["tokens"], round(line["eval_loss"], 4)] for line in lines if line.get("eval_loss") is not None]
    found = {"loss": curve[-1][1], "curve": curve, "seconds": round(time.perf_counter() - started, 1)}
    if "expert_load" in lines[-1]:
        found["expert_load"] = lines[-1]["expert_load"]
    return {"shape": shape, "variant": variant, "seed": seed, "steps": steps, "device": device, "sequences": recipe["batch_size"], **found}


def python_sources(folder: Path, megabytes: float) -> str:
    """Sources of torch and transformers as rows of text, smallest name first within each: one file of rows, the same for all runs."""
    import transformers

    path, left = folder / "sources.jsonl", int(megabytes * 1e6)
    files = sorted(path for package in (torch, transformers) for path in Path(package.__path__[0]).rglob("*.py"))
    with path.open("w") as rows:
        for file in files[:: max(1, sum(file.stat().st_size for file in files) // left)]:
            rows.write(json.dumps({"text": file.read_text(errors="ignore")}) + "\n")
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", nargs="*", help=f"default: {' '.join(map(repr, DEFAULT))}")
    parser.add_argument("--shape", choices=list(BASES), default="tiny")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sequences", type=int, help="of a step; default: the shape's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-once", type=int, default=1, help="runs at the same time, each a process with one thread")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds after which nothing is begun, and what has not ended is left out")
    parser.add_argument("--megabytes", type=float, default=16, help="of text, with 15m")
    given = parser.parse_args()
    variants = given.variant or list(DEFAULT)
    end = time.monotonic() + given.limit
    with tempfile.TemporaryDirectory(prefix="pt-variants-", ignore_cleanup_errors=True) as folder:
        os.environ["PT_HOME"] = folder  # tokens are made once, for all processes
        text = python_sources(Path(folder), given.megabytes) if given.shape == "15m" else "builtin"
        length = BASES[given.shape]["sequence_length"]
        open_data(DataRequest([{"name": text}], load_tokenizer("builtin"), length, 1, cache_dir=Path(folder) / "cache"))
        # Seed by seed: what a limit cuts off is the last seed of all, not the last variants.
        asked = iter([(variant, seed) for seed in range(given.seeds) for variant in variants])
        pool = ProcessPoolExecutor(given.at_once, multiprocessing.get_context("spawn"))
        begin = functools.partial(pool.submit, run, given.shape, given.sequences)
        running: dict[Future, tuple[str, int]] = {}
        ended: dict[tuple[str, int], float] = {}
        try:
            while time.monotonic() < end:
                while len(running) < given.at_once and (pair := next(asked, None)) is not None:
                    running[begin(*pair, given.steps, given.device, text)] = pair
                if not running:
                    break
                for future in wait(running, max(0.0, min(1e6, end - time.monotonic())), FIRST_COMPLETED).done:
                    pair = running.pop(future)
                    try:
                        found = future.result()
                        ended[pair] = found["loss"]
                    except Exception as error:
                        found = {"variant": pair[0], "seed": pair[1], "failed": f"{type(error).__name__}: {error}"[:300]}
                    print(json.dumps(found), flush=True)
        finally:
            for process in list(pool._processes.values()) if running else []:
                process.kill()
            pool.shutdown(cancel_futures=True)
    for variant in variants:
        losses = {seed: loss for (name, seed), loss in ended.items() if name == variant}
        gains = [round(ended[variants[0], seed] - loss, 4) for seed, loss in losses.items() if (variants[0], seed) in ended]
        summary = {"shape": given.shape, "variant": variant, "seeds": len(losses), "mean": round(mean(losses.values()), 4) if losses else None}
        print(json.dumps({**summary, "gain": round(mean(gains), 4) if gains else None, "gains": gains}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
