"""Values with which a release loads no model, or gives no sample or no loss, whatever else the config says; under any version.

    values.py OUT       (after `probe.py save OUT`) prints {"any": {key: {"kinds": {kind: fate}}}, "classes": {class: the same}}

`usual` beside `kinds`: the key's default, where it is of one of these kinds and does no harm.

A kind stands for the values that are like its representative (KINDS, IDS; src/rules/model/kinds.ts tells the kind of a value). Fates: `refused`, it
cannot be loaded; `lost`, it loads and the loss is an error or no number; `unsampled`, it loads and `generate` fails, which makes the loss infinite,
unless there is a generation_config.json, which then decides (`generation_config.KEY` are keys of that file).

`any` is what holds for two unlike classes; where another class does otherwise with a key of it, its own entry says so, as for keys that are its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import torch
import transformers
from probe import ABOUT, TOKENS, VOCABULARY
from tiny import MODELS, class_name

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
torch.set_num_threads(1)
KINDS: dict[str, object] = {"null": None, "true": True, "false": False, "zero": 0, "negative": -1, "whole": 2, "fraction": 0.5, "text": "x", "empty": []}
IDS: dict[str, object] = {
    **{kind: value for kind, value in KINDS.items() if kind not in ("zero", "whole")},
    "outside": VOCABULARY + 400,
    "below": -VOCABULARY - 400,
    "list": [1, 2],
    "list outside": [1, VOCABULARY + 400],
    "list negative": [1, -1],
}
UNLIKE = ("Llama", "GPT2")
OUTPUTS = 3
# What a number must be depends on the others: rules of their own, and the shapes of the weights, look after these.
RELATIVE = {"whole", "fraction"}
GENERATION = "generation_config."


def kinds_of(key: str, usual: object, *, own: bool) -> dict[str, object]:
    """Representatives of what the key does not hold by default; of a key that is a class's own, of what it should not hold at all."""
    if key.endswith("token_id"):
        return IDS
    if not own:
        # 2 and 2.0 are one to those who read JSON elsewhere: what is usually a float is one.
        number = float if isinstance(usual, float) else int
        kinds = {kind: number(value) if kind in ("zero", "negative", "whole") else value for kind, value in KINDS.items()}
        return {kind: value for kind, value in kinds.items() if value != usual or type(value) is not type(usual)}
    usually = {bool: set(), int: {"whole"}, float: {"whole", "fraction"}, str: {"text"}, list: {"empty"}}.get(type(usual), set())
    # A number of something that a class makes out where it is left out, too.
    if "position" in key or (usual is None and key.startswith("num_")) or (isinstance(usual, int) and not isinstance(usual, bool) and usual > 2):
        usually = usually | RELATIVE
    return {kind: value for kind, value in KINDS.items() if kind not in usually and value != usual}


def trial(folder: Path) -> str | None:
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True, attn_implementation="eager").eval()
    except Exception as error:
        return None if "size mismatch" in str(error) else "refused"
    try:
        with torch.no_grad():
            if not bool(torch.isfinite(model(TOKENS).logits).all()):
                return "lost"
    except Exception:
        return "lost"
    try:
        with torch.no_grad():
            made = model.generate(TOKENS[:, :20], min_new_tokens=OUTPUTS, max_new_tokens=OUTPUTS, pad_token_id=0)
            # As validators take it apart.
            made[:, -OUTPUTS:].tolist()
    except Exception:
        return "unsampled"
    return None


def trials(base: Path, defaults: dict, keys: Iterable[str], *, own: bool = False, only: dict | None = None) -> dict[str, dict]:
    """`{key: {"kinds": {kind: fate}}}`; keys of generation_config.json have its name before them."""
    config = json.loads((base / "config.json").read_text())
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.safetensors").symlink_to(base / "model.safetensors")
        for key in keys:
            usual = config.get(key, defaults.get(key))
            for kind, value in kinds_of(key, usual, own=own).items():
                if only is not None and kind != next(iter(only[key]["kinds"])):
                    continue
                mine, its = ({}, {key.removeprefix(GENERATION): value}) if key.startswith(GENERATION) else ({key: value}, None)
                (folder / "config.json").write_text(json.dumps({**config, **mine}))
                (folder / "generation_config.json").unlink(missing_ok=True)
                if its is not None:
                    (folder / "generation_config.json").write_text(json.dumps(its))
                fate = trial(folder)
                if fate is not None:
                    found.setdefault(key, {"kinds": {}})["kinds"][kind] = "lost" if its is not None and fate == "unsampled" else fate
            if key in found and kind_of(usual) in found[key]["kinds"]:
                found[key]["usual"] = usual
    return found


def kind_of(usual: object) -> str | None:
    """The kind of a default that is a number."""
    if isinstance(usual, bool) or not isinstance(usual, int | float):
        return None
    return "fraction" if usual != int(usual) else "zero" if usual == 0 else "negative" if usual < 0 else "whole"


def common(several: list[dict]) -> dict:
    first, *others = several
    found = {}
    for key, known in first.items():
        kinds = {kind: fate for kind, fate in known["kinds"].items() if all(each.get(key, {"kinds": {}})["kinds"].get(kind) == fate for each in others)}
        if kinds:
            found[key] = {**known, "kinds": kinds}
    return found


def first_of(known: dict | None) -> tuple | None:
    return next(iter(known["kinds"].items())) if known else None


def main() -> None:
    out = Path(sys.argv[1])
    known = {name: getattr(transformers, f"{name}Config")().to_dict() for name in MODELS if hasattr(transformers, class_name(name))}
    everywhere = set.intersection(*(set(each) for each in known.values())) - ABOUT
    generation = transformers.GenerationConfig().to_dict()
    defaults = {f"{GENERATION}{key}": value for key, value in generation.items()}
    shared = sorted(everywhere | set(defaults) - {f"{GENERATION}transformers_version"})
    several = [trials(out / name / "base", {**known[name], **defaults}, shared) for name in UNLIKE]
    found = common(several)
    own = {}
    for name, each in known.items():
        base = out / name / "base"
        own[class_name(name)] = trials(base, each, sorted(set(each) - everywhere - ABOUT), own=True)
        # One kind of each key is enough to see whether a class does otherwise; then all are tried.
        here = trials(base, {**each, **defaults}, found, only=found)
        otherwise = [key for key, known in found.items() if first_of(here.get(key)) != first_of(known)]
        again = trials(base, {**each, **defaults}, otherwise)
        own[class_name(name)].update({key: again.get(key, {"kinds": {}}) for key in otherwise})
    print(json.dumps({"any": found, "classes": own}))


if __name__ == "__main__":
    main()
