"""Held-out loss at equal tokens: the default recipe beside the reference's optimizer settings and beside a tuned AdamW with cosine.

Every run goes through the real trainer: same model, same text, same tokens; seeds change the initial weights and the order of the data.
"""

from __future__ import annotations

import copy
from statistics import mean

from shapes import TINY

from ours import run_ours
from report import Report

GRID = (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
CURVE = 30
"""Evaluations of our curve; a rival is evaluated at its end."""


def default_recipe(steps: int) -> dict:
    recipe = copy.deepcopy(TINY)
    return {**recipe, "steps_per_epoch": steps, "eval_every_steps": max(1, steps // CURVE), "checkpoint_every_steps": 10 * steps}


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


def bench_quality(report: Report, steps: int, seeds: int) -> None:
    tuning = {lr: final(run(tuned_recipe(steps, lr), 0)) for lr in GRID}
    best = min(tuning, key=tuning.__getitem__)
    report.say("  AdamW with cosine, seed 0: " + ", ".join(f"{lr:g}: {loss:.3f}" for lr, loss in tuning.items()))
    ours = [run(default_recipe(steps), seed) for seed in range(seeds)]
    half = [final(run(default_recipe(steps // 2), seed)) for seed in range(seeds)]
    tokens = steps * TINY["batch_size"] * TINY["accumulation_steps"] * TINY["sequence_length"]
    reference = [final(run(reference_recipe(steps), seed)) for seed in range(seeds)]
    tuned = [final(run(tuned_recipe(steps, best), seed)) for seed in range(seeds)]
    note = f"mean of {seeds} seeds, {tokens:,} tokens"
    for name, losses in (("the reference's AdamW 1e-5", reference), (f"AdamW {best:g} with cosine", tuned)):
        report.figure(f"final held-out loss; rival: {name}", mean(map(final, ours)), "nats", mean(losses), note)
        shares = [passing(curve, loss) for curve, loss in zip(ours, losses)]
        each = ", ".join("never" if share is None else f"{share:.3f}" for share in shares)
        share = None if None in shares else mean(shares)
        report.figure(f"tokens at which ours passes the final loss of {name}", share, "of all", note=f"each seed: {each}")
    report.figure(f"held-out loss of a run of half the tokens; rival: AdamW {best:g} with cosine, all", mean(half), "nats", mean(tuned), note)


def run(recipe: dict, seed: int) -> list[dict]:
    return [line for line in run_ours(recipe, device="cpu", seed=seed) if "eval_loss" in line]


def final(evaluations: list[dict]) -> float:
    return evaluations[-1]["eval_loss"]


def passing(evaluations: list[dict], loss: float) -> float | None:
    """The share of the run's tokens after which its held-out loss is at or below `loss`; None: never."""
    passed = [line["tokens"] for line in evaluations if line["eval_loss"] <= loss]
    return passed[0] / evaluations[-1]["tokens"] if passed else None
