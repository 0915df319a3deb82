"""What is asked of the data room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class DataRequest:
    sources: list[dict]
    """[{"name": "builtin" | path | known data set, "weight": float > 0}]; weights need not sum to 1. A `Source` under "source" is taken as it is."""
    tokenizer: PreTrainedTokenizerFast
    sequence_length: int
    batch_size: int
    """Sequences a rank and step."""
    seed: int = 0
    """Decides the order of training, never what is held out."""
    rank: int = 0
    world_size: int = 1
    cache_dir: str | Path = "~/.pt/cache"
    """Tokens are kept in cache_dir/tokens, fetched files in cache_dir/datasets; may be shared by processes."""
    offline: bool = True
    hub_endpoint: str | None = None
    pages_per_epoch: int | None = None
    """An epoch of that many pages of 100 consecutive documents, as the reference samples; None: all of the data."""
    held_out_tokens: int = 65_536
    """At most about so many tokens are held out (and at most 5% of small data)."""
    text_column: str | None = None
    """Where the text of tables and rows is; None: `text`, or what constants/datasets.json names."""
    skip_bad_rows: int = 0
    """How many rows that hold no text may be left out."""
    vocabulary_size: int | None = None
    """Rows of the model's embedding; a larger tokenizer is refused."""
    on_progress: Callable[[str], None] = field(default=lambda detail: None)
    """Told in words what is being tokenized or fetched; called often enough to prove life."""
    on_warning: Callable[[str, str], None] = field(default=lambda code, message: None)
    """Told what is left out of training, with a code for programs: `data_unread`, `bad_row_skipped`, `data_cut`."""
