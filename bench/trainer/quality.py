"""Held-out loss at equal tokens: the default recipe beside the reference's optimizer settings and beside a tuned AdamW with cosine.

Every run goes through the real trainer: same model, same text, same tokens; seeds change the initial weights and the order of the data.
"""

from __future__ import annotations

import copy
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from statistics import mean

from shapes import TINY

import torch

from ours import run_ours
from report import Report

GRID = (1e-3, 2e-3, 4e-3)
"""Rates that AdamW is tuned over: the best lies within (docs/experiments.md), and is looked for again in every run."""
CURVE = 30
"""Evaluations of our curve; a rival is evaluated at its end."""


def default_recipe(steps: int) -> dict:
    recipe = copy.deepcopy(TINY)
    return {**recipe, "steps_per_epoch": steps, "eval_every_steps": max(1, steps // CURVE), "eval_sequences": 32, "checkpoint_every_steps": 10 * steps}


def reference_recipe(steps: int) -> dict:
    """PyTorch's AdamW as it stands at a constant 1e-5, one sequence a step: for the same tokens it takes more, smaller steps."""
    small = TINY["batch_size"] * TINY["accumulation_steps"]
    optimizer = {"name": "adamw", "lr": 1e-5, "betas": [0.9, 0.999], "weight_decay": 0.01, "clip": 0}
    schedule = {"name": "constant", "warmup_steps": 0}
    changes = {"batch_size": 1, "accumulation_steps": 1, "steps_per_epoch": steps * small, "eval_every_steps": steps * small}
    return {**default_recipe(steps), "optimizer": optimizer, "schedule": schedule, **changes}


def tuned_recipe(steps: int, lr: float) -> dict:
    optimizer = {"name": "adamw", "lr": lr, "betas": [0.9, 0.95], "weight_decay": 0.1, "clip": 1.0}
    schedule = {"name": "cosine", "warmup_steps": TINY["schedule"]["warmup_steps"], "final": 0.0}
    return {**default_recipe(steps), "optimizer": optimizer, "schedule": schedule, "eval_every_steps": steps}


def bench_quality(report: Report, steps: int, seeds: int, threads: int) -> None:
    """`threads` runs at once, a thread each: so small a model gains nothing from more."""
    at_once = ProcessPoolExecutor(threads, multiprocessing.get_context("spawn"))
    with at_once:
        tuning = {lr: [at_once.submit(run, tuned_recipe(steps, lr), 0)] for lr in GRID}
        runs = {name: [at_once.submit(run, recipe, seed) for seed in range(seeds)] for name, recipe in {
            "ours": default_recipe(steps), "half": default_recipe(steps // 2), "reference": reference_recipe(steps)}.items()}  # fmt: skip
        best = min(GRID, key=lambda lr: final(tuning[lr][0].result()))
        runs["tuned"] = tuning[best] + [at_once.submit(run, tuned_recipe(steps, best), seed) for seed in range(1, seeds)]
        curves = {name: [each.result() for each in futures] for name, futures in runs.items()}
    report.say("  AdamW with cosine, seed 0: " + ", ".join(f"{lr:g}: {final(runs[0].result()):.3f}" for lr, runs in tuning.items()))
    ends = {name: [final(curve) for curve in each] for name, each in curves.items()}
    note = f"mean of {seeds} seeds, {curves['ours'][0][-1]['tokens']:,} tokens"
    for key, name in (("reference", "the reference's AdamW 1e-5"), ("tuned", f"AdamW {best:g} with cosine")):
        report.figure(f"final held-out loss; rival: {name}", mean(ends["ours"]), "nats", mean(ends[key]), note)
        shares = [passing(curve, loss) for curve, loss in zip(curves["ours"], ends[key])]
        each = ", ".join("never" if share is None else f"{share:.3f}" for share in shares)
        share = None if None in shares else mean(shares)
        report.figure(f"tokens at which ours passes the final loss of {name}", share, "of all", note=f"each seed: {each}")
    report.figure(f"held-out loss of a run of half the tokens; rival: AdamW {best:g} with cosine, all", mean(ends["half"]), "nats", mean(ends["tuned"]), note)


def run(recipe: dict, seed: int) -> list[dict]:
    """The held-out evaluations of one run."""
    torch.set_num_threads(1)
    return [line for line in run_ours(recipe, device="cpu", seed=seed) if "eval_loss" in line]


def final(evaluations: list[dict]) -> float:
    return evaluations[-1]["eval_loss"]


def passing(evaluations: list[dict], loss: float) -> float | None:
    """The share of the run's tokens after which its held-out loss is at or below `loss`; None: never."""
    passed = [line["tokens"] for line in evaluations if line["eval_loss"] <= loss]
    return passed[0] / evaluations[-1]["tokens"] if passed else None
