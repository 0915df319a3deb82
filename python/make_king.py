"""Makes a small model with random weights, the sandbox's king: `python make_king.py --config king.json`; the form is in docs/run-folder.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from trainer.importing import importing
from trainer.script import run_script

SEED = 20_261


def make(config: dict, events, stop_if_asked) -> dict:
    """`king` is a config.json's content, `folder` must not exist, `texts` are further files by name; bf16 weights. Proved by one loss of the saved folder."""
    with importing(events):
        import torch
        from transformers import AutoModelForCausalLM

        from trainer.model.load import make_config
        from trainer.model.save import compatible_config, save_tokenizer
        from trainer.tokenizer import load_tokenizer
    from trainer.files import write_json

    stop_if_asked()
    folder = Path(config["folder"])
    shape = make_config(dict(config["king"]), "the king")
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(shape, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    # What was asked for, not the half of it that a text model keeps.
    architecture = (shape.architectures or [type(model).__name__])[0]
    write_json(folder / "config.json", compatible_config(shape, architecture, torch.bfloat16))
    save_tokenizer(folder, load_tokenizer("builtin"))
    for name, text in config.get("texts", {}).items():
        (folder / name).write_text(text)
    saved = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True, use_safetensors=True)
    tokens = torch.arange(64).unsqueeze(0)
    with torch.no_grad():
        loss = saved(input_ids=tokens, labels=tokens).loss.item()
    return {"dir": str(folder), "parameters": sum(p.numel() for p in saved.parameters()), "loss": loss}


if __name__ == "__main__":
    sys.exit(run_script(__doc__, make))
