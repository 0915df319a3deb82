"""A source's name to its shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import TrainerError
from .builtin import builtin_documents, builtin_key
from .shards import Shard, Source


def open_source(
    name: str,
    cache_dir: Path,
    offline: bool,
    hub_endpoint: str | None = None,
    on_progress: Callable[[str], None] = lambda detail: None,
    column: str | None = None,
) -> Source:
    """`builtin`, a file or folder of tables, rows or text, or a data set of constants/datasets.json. `column`: where its text is, if it has columns.

    Raises TrainerError `data_missing`, `data_unreachable`, and what reading local files raises.
    """
    if name == "builtin":
        return Source(builtin_key(), [lambda: [Shard(builtin_key(), "the built-in text", builtin_documents)]], complete=True)
    # Both read parquet with pyarrow, which the built-in text does without: PyTorch and transformers alone are enough for a first run.
    from .hub import hub_source, known_dataset, known_names
    from .local import local_source

    path = Path(name).expanduser()
    if path.exists():
        return local_source(path, column)
    entry = known_dataset(name)
    if entry is None:
        raise TrainerError(
            "data_missing",
            f"There is no data at {name}, and no known data set has that name.",
            [
                "Use the text that every machine has: --data builtin",
                "Name a file or folder of parquet, jsonl or txt: --data PATH",
                f"Name a known data set: {', '.join(known_names())}",
            ],
        )
    if offline:
        raise TrainerError(
            "data_missing",
            f"The data set {entry['name']} comes from the Hub ({entry['repo']}), and --offline forbids fetching it.",
            ["Run without --offline", "Name a local copy: --data PATH", "--data builtin"],
        )
    return hub_source(entry, cache_dir, hub_endpoint, on_progress, column)
