"""Which files AutoTokenizer of the installed transformers asks a Hub for: prints {common, classes, by_model_type}, under any version.

A Hub of its own on loopback answers, and writes down what is asked for. `6.0` hashes what it fetched, also when the tokenizer then fails to load.
`common` is what every class asks for once it is known; a class that the release does not know asks for nothing but tokenizer_config.json.
"""

from __future__ import annotations

import http.server
import json
import os
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

import transformers  # noqa: E402
from tiny import MODELS  # noqa: E402
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES  # noqa: E402

transformers.logging.set_verbosity(transformers.logging.CRITICAL)


def asked_for(config: dict, tokenizer_config: dict | None) -> list[str]:
    """Names in the order in which they are first asked for, config.json left out."""
    files.clear()
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


if __name__ == "__main__":
    main()
