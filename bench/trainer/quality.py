"""Held-out loss for tokens: the default recipe beside the reference's optimizer settings, AdamW with cosine at its best single rate, and the same with
betas and a rate of its embeddings of its own, tuned one after the other.

Every run goes through the real trainer: same model, same text; seeds change the initial weights and the order of the data. What ours needs for a
rival's final loss is read off whole runs of ours over a part of the tokens, each with its whole schedule.
"""

from __future__ import annotations

import copy
import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from statistics import mean

from shapes import TINY

import torch

from ours import run_ours
from report import Report

RATES = (1e-3, 2e-3, 4e-3)
"""Rates that AdamW is tuned over: the best lies within (docs/experiments.md), and is looked for again in every run."""
EMBEDDING_RATES = (5e-3, 1e-2, 2e-2, 4e-2)
BETAS = ((0.8, 0.95), (0.9, 0.99), (0.8, 0.99))
"""Beside (0.9, 0.95)."""
PARTS = (0.03, 0.1, 0.2, 0.33, 0.5, 1.0)
"""Of the tokens, that runs of ours have."""


def default_recipe(steps: int) -> dict:
    recipe = copy.deepcopy(TINY)
    return {**recipe, "steps_per_epoch": steps, "eval_every_steps": steps, "eval_sequences": 32, "checkpoint_every_steps": 10 * steps}


def reference_recipe(steps: int) -> dict:
    """PyTorch's AdamW as it stands at a constant 1e-5, one sequence a step: for the same tokens it takes more, smaller steps."""
    small = TINY["batch_size"] * TINY["accumulation_steps"]
    optimizer = {"name": "adamw", "lr": 1e-5, "betas": [0.9, 0.999], "weight_decay": 0.01, "clip": 0}
    schedule = {"name": "constant", "warmup_steps": 0}
    changes = {"batch_size": 1, "accumulation_steps": 1, "steps_per_epoch": steps * small, "eval_every_steps": steps * small}
    return {**default_recipe(steps), "optimizer": optimizer, "schedule": schedule, **changes}


def adamw_recipe(steps: int, lr: float, embedding_lr: float | None = None, betas: tuple[float, float] = (0.9, 0.95)) -> dict:
    optimizer = {"name": "adamw", "lr": lr, "embedding_lr": embedding_lr, "betas": list(betas), "weight_decay": 0.1, "clip": 1.0}
    schedule = {"name": "cosine", "warmup_steps": TINY["schedule"]["warmup_steps"], "final": 0.0}
    return {**default_recipe(steps), "optimizer": optimizer, "schedule": schedule}


def bench_quality(report: Report, steps: int, seeds: int, threads: int) -> None:
    """`threads` runs at once, a thread each: so small a model gains nothing from more."""
    with ProcessPoolExecutor(threads, multiprocessing.get_context("spawn")) as at_once:

        def best_of(recipes: dict[str, dict]) -> tuple[str, float]:
            """The name with the lowest loss, of seed 0."""
            losses = list(at_once.map(run, recipes.values(), [0] * len(recipes)))
            report.say("  AdamW with cosine, seed 0: " + "; ".join(f"{name}: {loss:.3f}" for name, loss in zip(recipes, losses)))
            return min(zip(recipes, losses), key=lambda pair: pair[1])

        parts = {part: [at_once.submit(run, default_recipe(max(1, round(steps * part))), seed) for seed in range(seeds)] for part in PARTS}
        reference = [at_once.submit(run, reference_recipe(steps), seed) for seed in range(seeds)]
        single, tuned = tune(steps, best_of)
        rivals = {"the reference's AdamW 1e-5": reference}
        for name, recipe in ((f"AdamW with cosine, {described(single)}", single), (f"AdamW with cosine, {described(tuned)}", tuned)):
            rivals[name] = [at_once.submit(run, recipe, seed) for seed in range(seeds)]
        ours = {part: [future.result() for future in futures] for part, futures in parts.items()}
        ends = {name: [future.result() for future in futures] for name, futures in rivals.items()}
    tokens = steps * TINY["sequence_length"] * TINY["batch_size"] * TINY["accumulation_steps"]
    curve = ", ".join(f"{part:g}: {mean(losses):.3f}" for part, losses in ours.items())
    report.figure("final held-out loss", mean(ours[1.0]), "nats", note=f"mean of {seeds} seeds, {tokens:,} tokens; whole runs over parts of them: {curve}")
    for name, losses in ends.items():
        report.figure(f"final held-out loss; rival: {name}", mean(ours[1.0]), "nats", mean(losses))
        shares = [needed({part: of_seeds[seed] for part, of_seeds in ours.items()}, loss) for seed, loss in enumerate(losses)]
        each = ", ".join("more than all" if share is None else f"{share:.3f}" for share in shares)
        found = [share for share in shares if share is not None]
        report.figure(f"tokens that ours needs for the final loss of {name}", mean(found) if len(found) == len(shares) else None, "of all", note=f"each seed: {each}")


def tune(steps: int, best_of) -> tuple[dict, dict]:
    """AdamW at its best single rate, and from there its embeddings' rate, its betas and its rate again, one after the other."""

    def best(recipes: list[dict], known: tuple[dict, float] | None) -> tuple[dict, float]:
        named = {described(recipe): recipe for recipe in recipes}
        name, loss = best_of(named)
        return (named[name], loss) if known is None or loss < known[1] else known

    single = best([adamw_recipe(steps, lr) for lr in RATES], None)
    lr = single[0]["optimizer"]["lr"]
    found = best([adamw_recipe(steps, lr, rate) for rate in EMBEDDING_RATES], single)
    rate = found[0]["optimizer"]["embedding_lr"]
    found = best([adamw_recipe(steps, lr, rate, betas) for betas in BETAS], found)
    betas = tuple(found[0]["optimizer"]["betas"])
    found = best([adamw_recipe(steps, lr * factor, rate, betas) for factor in (0.5, 2)], found)
    return single[0], found[0]


def described(recipe: dict) -> str:
    optimizer = recipe["optimizer"]
    embeddings = "" if optimizer["embedding_lr"] is None else f", embeddings {optimizer['embedding_lr']:g}"
    return f"{optimizer['lr']:g}{embeddings}, betas {'/'.join(map(str, optimizer['betas']))}"


def run(recipe: dict, seed: int) -> float:
    """The held-out loss at the end of one run."""
    torch.set_num_threads(1)
    return [line["eval_loss"] for line in run_ours(recipe, device="cpu", seed=seed) if "eval_loss" in line][-1]


def needed(losses: dict[float, float], loss: float) -> float | None:
    """The part of the tokens in which a whole run comes to `loss`: between two runs by the logarithm of their parts, at most the smallest; None: more than all."""
    parts = sorted(losses)
    for before, part in zip([None, *parts], parts):
        if losses[part] <= loss:
            if before is None:
                return part
            way = (losses[before] - loss) / (losses[before] - losses[part])
            return math.exp(math.log(before) + way * (math.log(part) - math.log(before)))
    return None
