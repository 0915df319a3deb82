"""Trains the small byte-level BPE tokenizer of constants/tokenizers/builtin on the built-in text. Run once, by hand."""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
from trainer.data.builtin import builtin_documents  # noqa: E402

END = "<|endoftext|>"
VOCABULARY = 4096
target = ROOT / "constants" / "tokenizers" / "builtin"

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
trainer = trainers.BpeTrainer(
    vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
)
tokenizer.train_from_iterator(builtin_documents(), trainer)

form = json.loads(tokenizer.to_str())
# tokenizers before 0.20 (transformers 4.38 and 4.44) only read merges written as "a b".
form["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in form["model"]["merges"]]
target.mkdir(parents=True, exist_ok=True)


def write(name: str, value: object) -> None:
    (target / name).write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=name != "tokenizer.json") + "\n")


write("tokenizer.json", form)
special = {"bos_token": END, "eos_token": END, "unk_token": END}
write(
    "tokenizer_config.json",
    {**special, "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1024, "clean_up_tokenization_spaces": False},
)
write("special_tokens_map.json", special)
