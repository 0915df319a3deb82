"""Saves a tiny model of every architecture of the schedule, with default and other rope settings, and what it answers.

`make_folders.py OUT`, run with today's transformers. Each model is saved twice: by the trainer's own saver (`ours-...`), and by transformers alone,
mended by `fix_folder` (`fixed-...`); `broken-...` are the latter as transformers wrote them, to show that the comparison can fail.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

import torch
import transformers
from tiny import MODELS, class_name

from trainer.model.compat import compat_problems, fix_folder
from trainer.model.save import save_model
from trainer.tokenizer import load_tokenizer

WITHOUT_ROPE = {"GPT2", "GPTJ", "Bart"}
PARTIAL = {"GPTNeoX", "Phi", "StableLm"}
ROPES = {
    "default": None,
    "theta": {"rope_type": "default", "rope_theta": 20000.0},
    "linear": {"rope_type": "linear", "factor": 2.0, "rope_theta": 20000.0},
    "partial": {"rope_type": "default", "rope_theta": 20000.0, "partial_rotary_factor": 0.75},
}
TOKENS = torch.arange(60)[None] * 7 % 4096


def main(out: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    tokenizer = load_tokenizer("builtin")
    for name, sizes in MODELS.items():
        for rope_name, rope in ROPES.items():
            if (rope is not None and name in WITHOUT_ROPE) or (rope_name == "partial" and name not in PARTIAL):
                continue
            if name == "Phi3" and rope_name == "linear":  # transformers itself refuses it
                continue
            if name == "Phi3" and rope is not None:
                rope = {**rope, "partial_rotary_factor": 1.0}
            save(out, f"{name}-{rope_name}", name, {**sizes, **({"rope_parameters": rope} if rope else {})}, tokenizer)


def save(out: Path, label: str, name: str, settings: dict, tokenizer) -> None:
    architecture = class_name(name)
    model = getattr(transformers, architecture)(getattr(transformers, f"{name}Config")(**settings, attn_implementation="eager")).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # far from the initial values, under which position hardly matters
            parameter.normal_(0, 0.2) if parameter.dim() > 1 else parameter.add_(torch.randn_like(parameter) * 0.1)
        logits = model(TOKENS, use_cache=False).logits
    problems = compat_problems(model.config.to_dict())
    broken, fixed, ours = (out / f"{kind}-{label}" for kind in ("broken", "fixed", "ours"))
    model.save_pretrained(broken)
    tokenizer.save_pretrained(broken)
    shutil.copytree(broken, fixed)
    fix_folder(fixed)
    save_model(ours, model.config, architecture, dict(model.state_dict()), tokenizer, torch.float32)
    text = "Every model says the same: naïve 🙂 text.\n\n    indented"
    for folder in (broken, fixed, ours):
        torch.save(logits, folder / "logits.pt")
        about = {"architecture": architecture, "problems": problems, "text": text, "tokens": tokenizer.encode(text)}
        (folder / "expected.json").write_text(json.dumps(about))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
