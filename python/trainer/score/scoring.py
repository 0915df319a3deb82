"""A model's losses as validators compute them: one number a batch of packed sequences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel

PROMPT_TOKENS = 100
OUTPUT_TOKENS = 20
_EQUAL_LIMIT = 10
_REPEAT_LIMIT = 10
# Positions whose logits are in float32 at a time: a vocabulary of 100,277 at 4,096 positions would be 1.6 GB at once.
_CHUNK = 1024


def batches_of(sequences: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """[n, length] to whole batches [batch_size, length]; the rest is dropped, as validators drop it."""
    return [sequences[i : i + batch_size] for i in range(0, len(sequences) - batch_size + 1, batch_size)]


@torch.inference_mode()
def score(model: PreTrainedModel, batches: list[np.ndarray], ignore_eos_runs: int | None = None) -> Iterator[float]:
    """Yields each batch's mean next-token cross-entropy in nats; NaN and infinity are yielded as they are.

    `ignore_eos_runs`: the EOS id of padded (unpacked) sequences; a label after such a label is not counted, as the vectors have it.
    """
    device = next(model.parameters()).device
    for batch in batches:
        tokens = torch.from_numpy(batch.astype(np.int64)).to(device, non_blocking=True)
        logits = model(input_ids=tokens, use_cache=False).logits
        yield cross_entropy(logits, tokens, ignore_eos_runs)


def cross_entropy(logits: Tensor, tokens: Tensor, ignore_eos_runs: int | None = None) -> float:
    """logits [batch, length, vocabulary], tokens int64 [batch, length] -> mean over all shifted positions, in float32."""
    labels = tokens[:, 1:].clone()
    if ignore_eos_runs is not None:
        labels[:, 1:].masked_fill_(tokens[:, 1:-1] == ignore_eos_runs, -100)
    flat_logits = logits[:, :-1].flatten(0, 1)
    flat_labels = labels.flatten()
    total = torch.zeros((), device=logits.device, dtype=torch.float64)
    for start in range(0, len(flat_labels), _CHUNK):
        part = slice(start, start + _CHUNK)
        losses = nn.functional.cross_entropy(flat_logits[part].float(), flat_labels[part], reduction="sum", ignore_index=-100)
        total += losses
    count = int((flat_labels != -100).sum())
    return total.item() / count if count else math.nan


@torch.inference_mode()
def sample_outputs(model: PreTrainedModel, batches: list[np.ndarray], pad_token_id: int) -> tuple[list[int], list[int]]:
    """What the model goes on with after the first 100 tokens of the first two batches: 20 tokens each, most likely ones.

    Validators give no attention mask, so neither is one given here: `generate` makes it, and hides `pad_token_id` (their tokenizer's
    end of text) wherever that is not an `eos_token_id` of the model.
    """
    if not isinstance(model, GenerationMixin):
        raise ValueError(f"{type(model).__name__} cannot generate")
    generate: Callable[..., Tensor] = model.generate  # pyright: ignore[reportAttributeAccessIssue]  (its own protocol has more than its classes)
    device = next(model.parameters()).device
    outputs = []
    for batch in batches[:2]:
        prompt = torch.from_numpy(batch[:1, :PROMPT_TOKENS].astype(np.int64)).to(device)
        made = generate(
            prompt,
            min_new_tokens=OUTPUT_TOKENS,
            max_new_tokens=OUTPUT_TOKENS,
            pad_token_id=pad_token_id,
        )
        outputs.append(made[0, -OUTPUT_TOKENS:].tolist())
    return outputs[0], outputs[1]


def outputs_problem(model: PreTrainedModel, batches: list[np.ndarray], pad_token_id: int) -> str | None:
    """Why validators' repetition check fails, which makes the loss infinite; None: it passes. Memory that runs out is raised."""
    try:
        ok = is_reasonable(*sample_outputs(model, batches, pad_token_id))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:  # NaN logits, an end-of-text id outside, a generation_config that cannot be obeyed
        return f"The model cannot generate: {str(error)[:300]}"
    return None if ok else "The sample outputs repeat; validators give such a model an infinite loss."


def is_reasonable(first: list[int], second: list[int]) -> bool:
    """Whether validators would accept these two outputs: neither the same nor both stuck on one token."""
    if sum(a == b for a, b in zip(first, second)) >= _EQUAL_LIMIT:
        return False
    return not all(max(Counter(output).values()) > _REPEAT_LIMIT for output in (first, second))


def mean(losses: list[float]) -> float:
    return math.fsum(losses) / len(losses) if losses else math.nan


def with_heartbeat(losses: Iterator[float], tell: Callable[[int, float], None]) -> list[float]:
    """Collects the losses, telling (count, mean so far) after each."""
    collected: list[float] = []
    total = 0.0
    for loss in losses:
        collected.append(loss)
        total += loss
        tell(len(collected), total / len(collected))
    return collected
