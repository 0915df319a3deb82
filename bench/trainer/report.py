"""Figures as one JSON line each, in the form that all benches share, and as a table for people."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

from shapes import ROOT


class Report:
    def __init__(self, json_only: bool):
        self.json_only = json_only
        self.rows: list[dict] = []

    def figure(self, metric: str, value: float | None, unit: str, rival: float | None = None, note: str = "", ratio: float | None = None) -> None:
        """`rival`: the other side's figure of the same run; `ratio`: value / rival unless given. A value of None could not be measured; `note` says why."""
        ratio = value / rival if ratio is None and rival and value is not None else ratio
        row = {"bench": "trainer", "metric": metric, "value": rounded(value), "unit": unit, "rival": rounded(rival), "ratio": rounded(ratio)}
        self.rows.append({**row, "note": note} if note else row)
        print(json.dumps(self.rows[-1]), flush=True)

    def say(self, text: str) -> None:
        """Progress, for people."""
        if not self.json_only:
            print(text, file=sys.stderr, flush=True)

    def table(self) -> None:
        rows = [[row["metric"], *(shown(row[key]) for key in ("value", "rival", "ratio")), row["unit"], row.get("note", "")] for row in self.rows]
        rows = [["metric", "ours", "rival", "ratio", "unit", "note"], *rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        self.say("\n" + "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[5]]).rstrip() for row in rows))

    def environment(self, device: str, threads: int) -> None:
        import torch
        import transformers

        card = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {threads} threads"
        versions = f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}"
        self.say(f"{card}; {versions}; commit {commit()}")
        line = {"bench": "trainer", "metric": "environment", "value": None, "unit": "", "rival": None, "ratio": None}
        print(json.dumps({**line, "note": f"{card}; {versions}; commit {commit()}"}), flush=True)


def commit() -> str:
    """The checkout's commit, with `+` when its Python or bench differs from it."""
    try:
        name = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--", "python", "bench", "constants"], cwd=ROOT, capture_output=True, text=True)
        return name + ("+" if changed.stdout.strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}") if abs(value) < 1000 else round(value)


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


