"""What the data tests share: requests, and a small Hub of parquet files over real HTTP, with faults."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow
import pyarrow.parquet

from trainer.data import Data, DataRequest, open_data

SHA = "a" * 40


def ask(tokenizer, cache_dir, names, **changes) -> Data:
    sources = [{"name": str(name), "weight": weight} for name, weight in (names.items() if isinstance(names, dict) else [(names, 1.0)])]
    request = {"sequence_length": 32, "batch_size": 4, "held_out_tokens": 2048, **changes}
    return open_data(DataRequest(sources=sources, tokenizer=tokenizer, cache_dir=cache_dir, **request))


def numbered_texts(count: int, label: str = "row", words: int = 20) -> list[str]:
    return [" ".join(f"{label} {i} word {j}" for j in range(words)) for i in range(count)]


def write_parquet(file: Path, texts: list[str], rows_per_group: int, column: str = "text", **others) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({column: texts, **others}), file, row_group_size=rows_per_group)
    return file


class SmallHub:
    """Serves `folder/<namespace>/<name>/<path>` as data sets and `folder/objects/<id>`; `faults` strike requests in turn.

    A fault is a status, "drop" (the connection is cut) or "short" (half of what was promised comes).
    """

    def __init__(self, folder: Path):
        self.folder, self.faults, self.requests, self.closed = folder, [], [], False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every body waits 40 ms for the acknowledgement of its header

            def do_GET(self):
                outer.answer(self)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closed = True  # connections that are kept alive have threads of their own
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(request.path).path)
        self.requests.append((path, dict(request.headers)))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return self.send(request, fault, b"{}", {"Retry-After": "0"})
        if fault == "drop" or self.closed:
            request.close_connection = True
            return request.connection.close()
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/.+)?", path):
            return self.send(request, 200, json.dumps({"id": found[1], "sha": SHA, "siblings": []}).encode())
        if found := re.fullmatch(rf"/api/datasets/([^/]+/[^/]+)/tree/{SHA}(?:/(.+))?", path):
            root = self.folder / found[1]
            files = [file for file in sorted((root / (found[2] or "")).rglob("*")) if file.is_file()]
            entries = [{"type": "file", "path": str(file.relative_to(root)), "size": file.stat().st_size, "oid": "0"} for file in files]
            return self.send(request, 200, json.dumps(entries).encode())
        if found := re.fullmatch(rf"/datasets/([^/]+/[^/]+)/resolve/{SHA}/(.+)", path):
            return self.send_file(request, self.folder / found[1] / found[2], fault)
        if path.startswith("/objects/"):
            return self.send_file(request, self.folder / path[1:], fault)
        return self.send(request, 404, b"{}")

    def send_file(self, request, file: Path, fault) -> None:
        content = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        part = content[int(asked[1]) : int(asked[2]) + 1] if asked else content
        if fault == "short":
            part = part[: len(part) // 2]
        self.send(request, 206 if asked else 200, part)

    def send(self, request, status: int, content: bytes, headers: dict | None = None) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)
