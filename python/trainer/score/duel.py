"""The duel with a king while a run trains: the same sequences for both, the king's losses known before the first step.

`pt` writes the folder `duel/` of a run once: `sample.safetensors` (tokens int32 [n, length]) and `king.json`. Of that the trainer reads `bars`
(what the challenger's loss on each sequence must be below, nats a token; the rule's head start is in it) and `weights` (what that loss counts
with there; null: 1 everywhere). What becomes of the numbers is the subnet's rule, which `pt` has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedTokenizerFast

from ..data.builtin import builtin_documents
from ..errors import TrainerError
from ..files import read_object, whole_file
from ..machine.distributed import World

SAMPLE = "sample.safetensors"
KING = "king.json"
_PROBE_CHARACTERS = 1000


def probe_of(tokenizer: PreTrainedTokenizerFast) -> str:
    """What a tokenizer makes of a text that every machine has, as JSON: equal for tokenizers whose losses can be compared."""
    text = next(builtin_documents())[:_PROBE_CHARACTERS]
    return json.dumps(tokenizer(text, truncation=False)["input_ids"])


def keep_sample(folder: Path, batches: list[np.ndarray], tokenizer: PreTrainedTokenizerFast) -> None:
    """Writes the sequences of `batches` (each uint32 [batch, length]) to `folder`, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = torch.from_numpy(np.concatenate(batches).astype(np.int32))
    with whole_file(folder / SAMPLE) as temporary:
        save_file({"tokens": tokens}, temporary, metadata={"probe": probe_of(tokenizer)})


class RunDuel:
    """The sample and the king of one run."""

    def __init__(self, run_dir: Path, tokenizer: PreTrainedTokenizerFast, vocabulary: int, positions: int | None):
        """Raises TrainerError `bad_duel` where the folder is not whole, `duel_differs` where this model cannot be compared on it."""
        folder = run_dir / "duel"
        again = ["pt train --against KING   # a new run"]
        king = read_object(folder / KING, "bad_duel", again)
        try:
            with safe_open(folder / SAMPLE, framework="pt") as opened:
                self.tokens = opened.get_tensor("tokens").long()
                probe = (opened.metadata() or {}).get("probe")
        except (SafetensorError, OSError) as error:
            raise TrainerError("bad_duel", f"{folder / SAMPLE} cannot be read: {error}", again) from error
        self.bars = torch.tensor(king.get("bars", []), dtype=torch.float64)
        weights = king.get("weights")
        self.weights = torch.ones_like(self.bars) if weights is None else torch.tensor(weights, dtype=torch.float64)
        if not len(self.tokens) == len(self.bars) == len(self.weights) > 0:
            raise TrainerError("bad_duel", f"{folder} holds {len(self.tokens)} sequences and {len(self.bars)} losses of the king.", again)
        length, largest = self.tokens.shape[1], int(self.tokens.max())
        if probe is not None and probe != probe_of(tokenizer):
            why = "the king has another tokenizer, so that a token is not the same text for both"
        elif largest >= vocabulary:
            why = f"its text has token {largest:,}, and this model {vocabulary:,} of them"
        elif positions is not None and length > positions:
            why = f"its sequences have {length} tokens, and this model {positions} positions"
        else:
            return
        raise TrainerError("duel_differs", f"--against: {why}.", ["pt train --load-best --against king   # from the king itself", "Leave out --against"])

    def losses(self, model: nn.Module, world: World, alive: Callable[[], None]) -> torch.Tensor:
        """float64 [n]: the mean next-token cross-entropy of each sequence, nats, as a validator computes it: one sequence at a time. Every rank takes
        its share, all get the answer. `model`: a LossModel in evaluation mode."""
        total = len(self.tokens)
        losses = torch.zeros(total, dtype=torch.float64)
        mine, values = [], []
        # Every rank makes the same number of forwards: sharded layers are gathered together.
        for i in range(-(-total // world.size)):
            at = i * world.size + world.rank
            _, loss = model(self.tokens[at % total].unsqueeze(0).to(world.device))
            if at < total:
                mine.append(at)
                values.append(loss)
            alive()
        if mine:
            losses[mine] = torch.stack(values).double().cpu()
        if world.control is not None:
            dist.all_reduce(losses, group=world.control)
        return losses

    def outcome_of(self, losses: torch.Tensor) -> dict[str, int | float | None]:
        """What a rule needs of them: the gain (bar less weighted loss, nats; above 0 the challenger is better) as mean, standard deviation (of n less 1),
        skew and excess (third and fourth standardized moment of these n, the latter less the normal's 3; 0 where all gains are equal), and the
        sequences won and lost. Null: a loss is not finite."""
        gains = self.bars - losses * self.weights
        finite = bool(torch.isfinite(gains).all())
        sd = gains.std().item() if len(gains) > 1 else math.nan
        off = gains - gains.mean()
        spread = off.square().mean().sqrt()
        standard = off / spread if spread > 0 else off
        return {
            "sequences": len(gains),
            "mean": gains.mean().item() if finite else None,
            "sd": sd if finite and math.isfinite(sd) else None,
            "skew": standard.pow(3).mean().item() if finite else None,
            "excess": (standard.pow(4).mean().item() - 3 if spread > 0 else 0.0) if finite else None,
            "won": int((gains > 0).sum()),
            "lost": int((gains < 0).sum()),
        }
