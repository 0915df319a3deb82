"""Which files AutoTokenizer of the installed transformers asks a Hub for: prints {common, classes, by_model_type}, under any version.

`tokenizer_files.py cases` prints what it fetches of repositories that hold these files or some of them, for every class of the allowed architectures:
test/model/tokenizer-cases.json, one object a version, is made of it.

A Hub of its own on loopback answers, and writes down what is asked for. `6.0` hashes what it fetched, also when the tokenizer then fails to load.
`common` is what every class asks for once it is known; a class that the release does not know asks for nothing but tokenizer_config.json.
"""

from __future__ import annotations

import http.server
import json
import os
import sys
import tempfile
import threading

ALWAYS = "tokenizer_config.json"
files: dict[str, bytes] = {}
asked: list[str] = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        name = self.path.partition("/resolve/main/")[2].partition("?")[0]
        if name:
            asked.append(name)
        content = files.get(name)
        self.send_response(200 if content is not None else 404)
        headers = {"X-Error-Code": "EntryNotFound"} if content is None else {"ETag": f'"{name}"', "X-Repo-Commit": "0" * 40}
        for header, value in {**headers, "Content-Length": str(len(content or b""))}.items():
            self.send_header(header, value)
        self.end_headers()
        return content or b""

    def log_message(self, format: str, *args: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
# Before the first import: the library reads them then.
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_DISABLE_XET"] = "1"
# What a release installs by itself, whatever the trainer's environment, which stands behind it, has besides: classes that need them are then unknown.
sys.modules.update(dict.fromkeys(("sentencepiece", "sacremoses", "jieba", "ftfy"), None))

import transformers  # noqa: E402
from tiny import MODELS  # noqa: E402
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES  # noqa: E402

transformers.logging.set_verbosity(transformers.logging.CRITICAL)


def asked_for(config: dict, tokenizer_config: dict | None, others: tuple[str, ...] = ()) -> list[str]:
    """Names in the order in which they are first asked for, config.json left out; `others` are there too."""
    files.clear()
    files.update(dict.fromkeys(others, b"{}"))
    files["config.json"] = json.dumps(config).encode()
    if tokenizer_config is not None:
        files[ALWAYS] = json.dumps(tokenizer_config).encode()
    asked.clear()
    with tempfile.TemporaryDirectory() as cache:
        try:
            transformers.AutoTokenizer.from_pretrained("a/b", cache_dir=cache, use_safetensors=True)
        except Exception:  # what counts is what was asked for
            pass
    return [name for name in dict.fromkeys(asked) if name != "config.json"]


def main() -> None:
    names = sorted({name for pair in TOKENIZER_MAPPING_NAMES.values() for name in pair if name} | {"PreTrainedTokenizerFast", "TokenizersBackend"})
    names = sorted({*names, *(name.removesuffix("Fast") for name in names)})
    by_class = {name: asked_for({"model_type": "llama"}, {"tokenizer_class": name}) for name in names}
    known = {name: found for name, found in by_class.items() if found != [ALWAYS]}
    by_model = {}
    for name in MODELS:
        config = getattr(transformers, f"{name}Config", None)
        if config is not None:
            by_model[config.model_type] = asked_for({"model_type": config.model_type}, None)
    common = [file for file in known["PreTrainedTokenizerFast"] if all(file in found for found in known.values())]

    def without_common(table: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: [file for file in found if file not in common] for name, found in table.items()}

    print(json.dumps({"common": common, "classes": without_common(known), "by_model_type": without_common(by_model)}))


OFTEN = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "spiece.model", "added_tokens.json", "special_tokens_map.json")
VERSIONED = ("tokenizer.4.0.0.json", "tokenizer.4.44.0.json", "tokenizer.4.44.2.json", "tokenizer.10.0.json", "tokenizer.odd.json")


def cases() -> None:
    found = []

    def add(config: dict, tokenizer_config: dict | None, others: tuple[str, ...]) -> None:
        asked = asked_for(config, tokenizer_config, others)
        present = [*others, *([] if tokenizer_config is None else [ALWAYS])]
        fetched = sorted(["config.json", *(name for name in asked if name in present)])
        found.append({"config": config, "tokenizer_config": tokenizer_config, "files": ["config.json", *present], "fetched": fetched})

    types = {config.model_type for name in MODELS if (config := getattr(transformers, f"{name}Config", None))}
    classes = {name for kind in types for name in TOKENIZER_MAPPING_NAMES.get(kind, ()) if name}
    classes |= {name.removesuffix("Fast") for name in classes} | {"PreTrainedTokenizerFast", "TokenizersBackend", "NoSuchTokenizer"}
    for kind in sorted(types):
        for others in (OFTEN, OFTEN[1:], ()):
            add({"model_type": kind}, None, others)
        add({"model_type": kind, "tokenizer_class": "BertTokenizer"}, {}, OFTEN)
    for name in sorted(classes):
        for others in (OFTEN, OFTEN[1:], OFTEN[:1], ()):
            add({"model_type": "llama"}, {"tokenizer_class": name}, others)
    for count in range(1, len(VERSIONED) + 1):
        listed = list(VERSIONED[:count])
        for name in ("PreTrainedTokenizerFast", "LlamaTokenizer", "GPT2Tokenizer"):
            add({"model_type": "llama"}, {"tokenizer_class": name, "fast_tokenizer_files": ["tokenizer.json", *listed]}, (*OFTEN, *VERSIONED))
    for odd in (["tokenizer.5.0.0.json", 7], [VERSIONED[0], VERSIONED[-1]], "tokenizer.4.0.0.json", None, {}, 7, [], ["tokenizer.4.44.1.json"], ["fast.tokenizer.4.1.json"]):
        add({"model_type": "llama"}, {"tokenizer_class": "LlamaTokenizerFast", "fast_tokenizer_files": odd}, (*OFTEN, *VERSIONED, "tokenizer.4.44.1.json", "fast.tokenizer.4.1.json"))
    print(json.dumps(found))


if __name__ == "__main__":
    cases() if sys.argv[1:] == ["cases"] else main()
