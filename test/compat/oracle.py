"""What a release really makes of a model folder, as its validators load, sample and score it; under any transformers.

    oracle.py keys OUT      writes OUT/keys-VERSION.json: the config of every class as this release completes it, second names of its keys too
    oracle.py save OUT ALONE PAIRS SEED   (today's) a folder for every class and neighbour of its config, with weights and the logits it should give
    oracle.py judge OUT [empty-cache]   prints {folder: outcome}, an object a line: {verdict, why}

The verdicts are those of `pt check`: `refused` (it does not load), `cannot_score` (it gives no finite loss, no sample, or other logits than
today's release, which trained it), `ready`; null where today's release itself cannot build the model, so that there is nothing to compare.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import transformers
from aliases import aliases_of, config_classes, names
from neighbours import neighbours_of
from probe import FIXED, VOCABULARY, config_of, save
from tiny import MODELS, class_name

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
torch.set_num_threads(1)
# Of the logits' own spread: names of one activation differ by less, and what a release ignores by far more.
TOLERANCE = 0.01
# As validators have it: some releases keep what they grow while they generate.
PROMPT, OUTPUTS = 100, 20
TOKENS = torch.arange(256)[None] * 7 % VOCABULARY


def keys(out: Path) -> None:
    known = {}
    for name, config in config_classes().items():
        own = config().to_dict()
        aliases = aliases_of(name, config, sorted(names()))
        known[name] = {**{alias: own[named["key"]] for alias, named in aliases.items()}, **own}
    (out / f"keys-{transformers.__version__}.json").write_text(json.dumps(known, default=str))


def changes_of(name: str, completed: list[dict], number: int, pairs: int, seed: str) -> Iterator[dict]:
    """None, then `number` neighbours in one key drawn at random (0: all of them), then as many `pairs` of two."""
    alone = list(neighbours_of(config_of(name, {}, ""), completed))
    drawn = random.Random(f"{seed}{name}")
    yield {}
    yield from drawn.sample(alone, number) if 0 < number < len(alone) else alone
    for _ in range(pairs):
        first, second = drawn.sample(alone, 2)
        yield {**first, **second}


def save_all(out: Path, alone: int, pairs: int, seed: str) -> None:
    completed = [json.loads(file.read_text()) for file in sorted(out.glob("keys-*.json"))]
    for name in MODELS:
        for number, changes in enumerate(changes_of(name, [each[name] for each in completed if name in each], alone, pairs, seed)):
            changes = {("n_positions" if name.startswith("GPT") and name in FIXED else "max_position_embeddings"): TOKENS.shape[1], **changes}
            folder = out / name / f"{number:04}"
            generation = changes.pop("generation_config", None)
            save(folder, name, changes)
            if generation is not None:
                (folder / "generation_config.json").write_text(json.dumps(generation))
            (folder / "changes.json").write_text(json.dumps({**changes, **({} if generation is None else {"generation_config": generation})}))
            if (folder / "model.safetensors").exists():
                made = scored(folder, name, None)
                if "logits" in made:
                    torch.save(made["logits"], folder / "logits.pt")
    assert any(out.glob("*/*/logits.pt"))


def scored(folder: Path, name: str, cache: object | None) -> dict:
    """Logits as validators compute them, or {verdict, why}."""
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True, attn_implementation="eager")
        model = model.to("cpu").eval()
        assert type(model).__name__ == class_name(name)
    except Exception as error:  # whatever a release raises is a result
        return {"verdict": "refused", "why": f"{type(error).__name__}: {str(error)[:200]}"}
    try:
        with torch.no_grad():
            made = model.generate(TOKENS[:, :PROMPT], min_new_tokens=OUTPUTS, max_new_tokens=OUTPUTS, pad_token_id=0)[:, -OUTPUTS:]
            assert made.tolist()
            logits = (model(TOKENS) if cache is None else model(TOKENS, past_key_values=cache)).logits
        assert bool(torch.isfinite(logits).all()), "logits are not finite"
        # As the loss takes them: one for each token.
        assert logits.shape[1] == TOKENS.shape[1]
    except Exception as error:
        return {"verdict": "cannot_score", "why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"logits": logits}


def outcome(folder: Path, name: str, empty_cache: bool) -> dict:
    if not (folder / "model.safetensors").exists():
        return {"verdict": None, "why": "today's release cannot build it"}
    made = scored(folder, name, transformers.DynamicCache() if empty_cache else None)
    if "logits" not in made:
        return made
    if not (folder / "logits.pt").exists():
        return {"verdict": None, "why": "today's release cannot score it"}
    wanted = torch.load(folder / "logits.pt")
    if made["logits"].shape != wanted.shape:
        return {"verdict": "cannot_score", "why": "logits of another shape"}
    difference = (made["logits"].float() - wanted.float()).abs().max().item()
    same = difference <= TOLERANCE * wanted.std().item()
    return {"verdict": "ready" if same else "cannot_score", "why": f"logits differ by {difference:.2g}"}


def judge(out: Path, empty_cache: bool) -> None:
    for name in MODELS:
        for folder in sorted((out / name).iterdir()):
            known = hasattr(transformers, class_name(name))
            found = outcome(folder, name, empty_cache) if known else {"verdict": "refused", "why": "no such class"}
            print(json.dumps({"folder": f"{name}/{folder.name}", **found}), flush=True)


if __name__ == "__main__":
    mode, out = sys.argv[1], Path(sys.argv[2])
    if mode == "keys":
        keys(out)
    elif mode == "save":
        save_all(out, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        judge(out, "empty-cache" in sys.argv[3:])
