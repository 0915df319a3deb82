"""Loads each folder that make_folders.py made and says how far its logits are off: `compare.py OUT`, under any transformers.

Prints one JSON object a line: {version, folder, difference (null: no such class in this version), tokens (equal or not), problems, error}.
"""

import json
import sys
from pathlib import Path

import torch
import transformers

transformers.logging.set_verbosity_error()
torch.set_num_threads(2)
TOKENS = torch.arange(60)[None] * 7 % 4096


def compare(folder: Path) -> dict:
    expected = json.loads((folder / "expected.json").read_text())
    line = {"version": transformers.__version__, "folder": folder.name, "difference": None, "tokens": None, "problems": expected["problems"], "error": None}
    if not hasattr(transformers, expected["architecture"]):
        return line
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
        assert type(model).__name__ == expected["architecture"]
        with torch.no_grad():
            logits = model(TOKENS, use_cache=False).logits
        line["difference"] = (logits - torch.load(folder / "logits.pt")).abs().max().item()
        # PreTrainedTokenizerFast is what tokenizer_config.json names; today's AutoTokenizer takes another class for Qwen2 all the same.
        line["tokens"] = transformers.PreTrainedTokenizerFast.from_pretrained(folder).encode(expected["text"]) == expected["tokens"]
    except Exception as error:  # whatever an old release raises is a result
        line["error"] = f"{type(error).__name__}: {str(error)[:200]}"
    return line


for folder in sorted(Path(sys.argv[1]).iterdir()):
    print(json.dumps(compare(folder)), flush=True)
