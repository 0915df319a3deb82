"""Text that the model writes at an evaluation, so that one sees what a loss is like. Nothing random is drawn: it changes no later number."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ..model.loss import LossModel
from ..tokenizer import end_of_text

WINDOW = 48  # tokens, a third of them the prompt
STRIDE = 16  # sizes are multiples of it, as matrix products in fp8 want them
MOST_CHARACTERS = 1000  # a token can be long


def write_samples(model: LossModel, tokenizer: PreTrainedTokenizerFast, prompts: Tensor, device: torch.device) -> list[dict[str, str]]:
    """`{prompt, text}` for each of `prompts` [n, length]: its beginning, and what the model finds likeliest after it.

    Every rank calls it: sharded layers are gathered together. Short sequences give short texts.
    """
    window = min(WINDOW, prompts.shape[1])
    given = prompts[:, : max(1, window // 3)].to(device)
    # Sizes of its own are not compiled for.
    with torch.compiler.set_stance("force_eager"):
        written = model.ask(partial(_continue, prompts=given, window=window))
    return [_in_words(tokenizer, row, given.shape[1]) for row in written.tolist()]


@torch.no_grad()
def _continue(model: PreTrainedModel, vocabulary: int, *, prompts: Tensor, window: int) -> Tensor:
    """[n, window]: `prompts` with the likeliest tokens after them. A causal model does not look at what stands behind, so what is read may be
    longer than what is written, and no cache is needed."""
    tokens = nn.functional.pad(prompts, (0, window - prompts.shape[1]))
    for at in range(prompts.shape[1], window):
        read = tokens[:, : -(-at // STRIDE) * STRIDE]
        tokens[:, at] = model(input_ids=read, use_cache=False).logits[:, at - 1].argmax(-1)
    return tokens


def _in_words(tokenizer: PreTrainedTokenizerFast, tokens: list[int], given: int) -> dict[str, str]:
    prompt, text = tokens[:given], tokens[given:]
    end = end_of_text(tokenizer)
    if end in text:
        text = text[: text.index(end) + 1]
    return {"prompt": str(tokenizer.decode(prompt))[-MOST_CHARACTERS:], "text": str(tokenizer.decode(text))[:MOST_CHARACTERS]}
