"""The tables of docs/benchmarks.md from the JSON lines of one or more runs of run.py: `table.py gpu.jsonl ...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(paths: list[str]) -> None:
    for path in paths:
        tables([json.loads(line) for line in Path(path).read_text().splitlines()])


def tables(rows: list[dict]) -> None:
    """Of one machine: ratios of different ones mean nothing."""
    for row in rows:
        if row["what"] == "environment":
            print(f"{row['card']}, driver {row['driver']}, torch {row['torch']}, transformers {row['transformers']}, commit {row['commit']}\n")
    speeds = [row for row in rows if "step_seconds" in row]
    ours = next((row["tokens_per_second"] for row in speeds if row["what"].startswith("ours:") and "+" not in row["what"]), None)
    table(
        ("contestant:micro-batch", "tokens/s", "MFU", "peak allocated, GB", "reserved, GB", "ours is"),
        [
            (row["what"], f"{row['tokens_per_second']:,.0f}", shown(row.get("mfu"), 3), shown(row["peak_bytes"] / 1e9, 1), shown(row.get("reserved_bytes", 0) / 1e9, 1),
             "-" if ours is None else f"{ours / row['tokens_per_second']:.2f} x")
            for row in speeds
        ],
    )  # fmt: skip
    table(
        ("recipe", "micro-batch", "told, GB", "reserved, GB", "told / reserved", "allocated, GB", "seconds to best/", "to a checkpoint and the end"),
        [
            (row["what"].removeprefix("recipe "), row["micro_batch"], row["estimated_gb"], row["reserved_gb"], shown(row["estimated_gb"] / row["reserved_gb"], 2), row["allocated_gb"],
             row["seconds_to_best"], row["seconds_of_checkpoint_and_end"])
            for row in rows if row.get("reserved_gb")
        ],
    )  # fmt: skip
    known = {id(row) for row in speeds} | {id(row) for row in rows if row.get("reserved_gb") or row["what"] == "environment"}
    for row in rows:
        if id(row) not in known:
            print(f"- {row['what']}: " + ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("what", "wall")))


def table(head: tuple, rows: list[tuple]) -> None:
    if rows:
        for line in (head, ("---",) * len(head), *rows):
            print("| " + " | ".join(map(str, line)) + " |")
        print()


def shown(value: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" if value else "-"


if __name__ == "__main__":
    main(sys.argv[1:])
