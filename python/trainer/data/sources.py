"""A source's name to its shards."""

from __future__ import annotations

from pathlib import Path

from ..errors import TrainerError
from .builtin import builtin_documents, builtin_key
from .request import DataRequest
from .shards import Shard


def open_source(name: str, request: DataRequest) -> list[Shard]:
    """`builtin`, a file or folder of parquet, jsonl or text, or a data set of constants/datasets.json; at least one shard."""
    if name == "builtin":
        return [Shard(builtin_key(), "the built-in text", builtin_documents)]
    path = Path(name).expanduser()
    if path.exists():
        from .local import local_shards

        return local_shards(path)
    raise TrainerError(
        "data_missing",
        f"There is no data at {name}, and no known data set has that name.",
        ["Use the text that every machine has: --data builtin", "Name a file or folder of parquet, jsonl or txt: --data PATH"],
    )
