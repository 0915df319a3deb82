"""Next-token cross-entropy that never holds the logits of all positions (a 100k vocabulary at 4k tokens is 1.6 GB a copy).

The head's product, the softmax and their gradients are computed for some rows at a time, in forward; backward only scales.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .documents import known_packing, positions_in_document
from .layers import output_head

CHUNK_ELEMENTS = 1 << 28  # logits held at once: 1 GiB in fp32
# Tensor cores want whole tiles: rows of a chunk and entries of the vocabulary are rounded to these (100,277 is odd, and slow as it is).
CHUNK_ROWS = 256
VOCABULARY_TILE = {"cuda": 64}
NOT_COUNTED = -1

Answer = TypeVar("Answer")


class Lesson(NamedTuple):
    """What a teacher makes of the same rows: its logits are `hidden` [rows, width] times `weight` [vocabulary, width]."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    share: float
    """Of the objective that is the divergence from it, KL(teacher || model) (Hinton et al. 2015, arXiv 1503.02531)."""


def _chunk(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, z_loss: float, scale: float, entries: int, with_grad: bool,
    lesson: Lesson | None = None,
):  # fmt: skip
    """Loss sums over the rows whose target counts (cross-entropy, squared log-normaliser, divergence from the lesson of these rows), and the
    gradient of `scale * (objective + z)` with respect to the logits.

    Entries of `weight` from `entries` on are there for their size alone.
    """
    logits = _logits(hidden, weight, bias, entries)
    counted = targets != NOT_COUNTED
    targets = targets.clamp(min=0).unsqueeze(-1)
    target_logits = logits.gather(-1, targets).squeeze(-1)
    log_p = torch.log_softmax(logits, dim=-1)
    target_log_p = log_p.gather(-1, targets).squeeze(-1)
    log_z = target_logits - target_log_p
    loss, z = -(target_log_p * counted).sum(), (log_z.square() * counted).sum()
    q, divergence = (None, None) if lesson is None else _divergence(log_p, lesson, entries)
    if divergence is not None:
        divergence = (divergence * counted).sum()
    if not with_grad:
        return loss, z, None, divergence
    scales = counted * scale
    gradient = log_p.exp_().mul_((scales * (1 + 2 * z_loss * log_z)).unsqueeze(-1))
    if lesson is not None and q is not None:
        gradient.sub_(q.mul_((scales * lesson.share).unsqueeze(-1)))
        scales = scales * (1 - lesson.share)
    return loss, z, gradient.scatter_add_(-1, targets, -scales.unsqueeze(-1)).to(hidden.dtype), divergence


def _divergence(log_p: Tensor, lesson: Lesson, entries: int) -> tuple[Tensor, Tensor]:
    """The teacher's chances, and KL(teacher || model) of each row. Padded entries have none on either side, and 0 times infinity is no number."""
    log_q = torch.log_softmax(_logits(lesson.hidden, lesson.weight, lesson.bias, entries), dim=-1)
    q = log_q.exp()
    return q, torch.where(q > 0, q * (log_q - log_p), 0.0).sum(-1)


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, entries: int) -> Tensor:
    """In fp32; minus infinity for entries that are there for their size alone."""
    logits = hidden @ weight.t()
    if bias is not None:
        logits = logits + bias
    logits = logits.float()
    if weight.shape[0] > entries:
        logits[:, entries:] = -torch.inf
    return logits


def _padded(weight: Tensor, bias: Tensor | None, hidden: Tensor) -> tuple[Tensor, Tensor | None]:
    """A head in the dtype of the hidden states (one cast for all chunks) and of the size that tensor cores want."""
    pad, extra = nn.functional.pad, -weight.shape[0] % VOCABULARY_TILE.get(hidden.device.type, 1)
    return pad(weight.to(hidden.dtype), (0, 0, 0, extra)), None if bias is None else pad(bias.to(hidden.dtype), (0, extra))


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, count: int, z_loss: float, chunk, learns: bool, lesson: Lesson | None):
        entries, rows = weight.shape[0], chunk_rows(len(hidden), weight.shape[0])
        # Which inputs want gradients is told under no_grad too, and in here gradients are always off.
        wanted = [learns and needed for needed in ctx.needs_input_grad[:3]]
        with_grad = any(wanted)
        # The master weight may be fp32 while the hidden states are bf16 (autocast).
        compute_weight, compute_bias = _padded(weight, bias, hidden)
        taught = None if lesson is None else _padded(lesson.weight, lesson.bias, hidden)
        d_hidden = torch.empty_like(hidden) if with_grad else None
        d_weight = torch.zeros_like(compute_weight, dtype=torch.float32) if wanted[1] else None
        d_bias = torch.zeros_like(compute_bias, dtype=torch.float32) if compute_bias is not None and wanted[2] else None
        losses, zs, divergences = [], [], []
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            more = () if lesson is None or taught is None else (Lesson(lesson.hidden[part].to(hidden.dtype), *taught, lesson.share),)
            loss, z, gradient, divergence = chunk(hidden[part], compute_weight, compute_bias, targets[part], z_loss, 1 / count, entries, with_grad, *more)
            losses.append(loss)
            zs.append(z)
            divergences.append(divergence)
            if d_hidden is not None:
                torch.mm(gradient, compute_weight, out=d_hidden[part])
                if d_weight is not None and d_weight.dtype == gradient.dtype:
                    d_weight.addmm_(gradient.t(), hidden[part])
                elif d_weight is not None:
                    d_weight += gradient.t() @ hidden[part]
                if d_bias is not None:
                    d_bias += gradient.float().sum(0)
        if d_hidden is not None:
            ctx.save_for_backward(
                d_hidden,
                None if d_weight is None else d_weight[:entries].to(weight.dtype),
                None if d_bias is None or bias is None else d_bias[:entries].to(bias.dtype),
            )
        loss = torch.stack(losses).sum() / count
        loss_only, z = loss.clone(), z_loss * torch.stack(zs).sum() / count
        if lesson is None:
            ctx.mark_non_differentiable(loss_only)
            return loss + z, loss_only
        divergence = torch.stack(divergences).sum() / count
        ctx.mark_non_differentiable(loss_only, divergence)
        return (1 - lesson.share) * loss + lesson.share * divergence + z, loss_only, divergence

    @staticmethod
    def backward(ctx, *upstream: Tensor):
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        scaled = [None if gradient is None else gradient.mul_(upstream[0]) for gradient in (d_hidden, d_weight, d_bias)]
        return (*scaled, None, None, None, None, None, None)


def chunk_rows(rows: int, entries: int) -> int:
    """How many rows to take at a time: chunks of nearly equal size, in whole tiles, within CHUNK_ELEMENTS logits."""
    most = max(1, CHUNK_ELEMENTS // entries)
    if rows <= most:
        return rows
    even = -(-rows // -(-rows // most))
    whole = -(-even // CHUNK_ROWS) * CHUNK_ROWS
    return whole if whole <= most else even


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, count: int, z_loss: float = 0.0, chunk=_chunk, lesson: Lesson | None = None
):
    """`hidden` [rows, width], `weight` [vocabulary, width], `targets` [rows], NOT_COUNTED in all but `count` of them
    -> (what to train on, mean cross-entropy), and with a lesson the mean divergence from it; nats."""
    return _LinearCrossEntropy.apply(hidden, weight, bias, targets, count, z_loss, chunk, torch.is_grad_enabled(), lesson)


class LossModel(nn.Module):
    """A causal LM with its loss inside, so that one forward is what compiles, shards and checkpoints.

    forward(tokens [batch, length]) -> (objective, mean cross-entropy), scalars in nats; with a lesson on these tokens its mean divergence too.
    """

    def __init__(self, model: PreTrainedModel, z_loss: float = 0.0, document_end: int | None = None, chunked: bool = True):
        super().__init__()
        self.model = model
        self.z_loss = z_loss
        self.document_end = document_end  # with it, attention stays within a document in training
        self.chunked = chunked
        self.chunk = _chunk
        self.question: Callable[[PreTrainedModel, int], object] | None = None

    def ask(self, question: Callable[[PreTrainedModel, int], Answer]) -> Answer:
        """`question` of the model and its vocabulary, asked within a forward of this module, where sharded parameters are whole."""
        self.question = question
        try:
            return self(torch.empty(0))
        finally:
            self.question = None

    def forward(self, tokens: Tensor, lesson: Lesson | None = None) -> Any:
        if self.question is not None:
            return self.question(self.model, self.model.config.vocab_size)
        # Only in training: validators score without it, and the held-out loss is there to tell what they will find.
        end = self.document_end if torch.is_grad_enabled() else None
        with known_packing(end is not None):
            return self._answer(tokens, {} if end is None else {"position_ids": positions_in_document(tokens, end)}, lesson)

    def _answer(self, tokens: Tensor, extra: dict[str, Tensor], lesson: Lesson | None) -> tuple[Any, ...]:
        # The last token predicts nothing, but a length of 4096 is faster than one of 4095: it goes through and does not count.
        targets = nn.functional.pad(tokens[:, 1:], (0, 1), value=NOT_COUNTED).flatten()
        count = tokens.shape[0] * (tokens.shape[1] - 1)
        if not self.chunked:
            logits = self.model(input_ids=tokens, use_cache=False, **extra).logits[:, :-1].flatten(0, 1).float()
            loss = nn.functional.cross_entropy(logits, tokens[:, 1:].flatten())
            return loss + self.z_loss * torch.logsumexp(logits, -1).square().mean(), loss.detach()
        hidden, head = self._hidden(tokens, extra)
        with torch.autocast(hidden.device.type, enabled=False):
            return linear_cross_entropy(hidden, head.weight, head.bias, targets, count, self.z_loss, self.chunk, lesson)

    def _hidden(self, tokens: Tensor, extra: dict[str, Tensor]) -> tuple[Tensor, nn.Linear]:
        """[rows, width] in the compute dtype, and the head that makes logits of them."""
        hidden = self.model.base_model(input_ids=tokens, use_cache=False, **extra).last_hidden_state.flatten(0, 1)
        if torch.is_autocast_enabled(hidden.device.type):
            hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
        head = output_head(self.model)
        assert head is not None, "chunked_loss_fits asked for it"
        return hidden, head


class Teacher(LossModel):
    """A model that another learns from beside the text, itself unchanged: forward(tokens [batch, length]) -> Lesson."""

    def __init__(self, model: PreTrainedModel, share: float, document_end: int | None = None):
        super().__init__(model.requires_grad_(False).eval(), document_end=document_end)
        self.share = share

    def _answer(self, tokens: Tensor, extra: dict[str, Tensor], lesson: Lesson | None) -> Lesson:
        with torch.no_grad():
            hidden, head = self._hidden(tokens, extra)
        return Lesson(hidden, head.weight, head.bias, self.share)


def lessons(teacher: Teacher | None, tokens: Tensor) -> tuple[Lesson, ...]:
    """What a LossModel takes beside these tokens: a lesson on them, where a run has a teacher."""
    return () if teacher is None else (teacher(tokens),)


@torch.no_grad()
def chunked_loss_fits(model: PreTrainedModel, vocabulary: int) -> bool:
    """True when hidden states times head are this architecture's logits (no soft cap, no scale): tried on eight tokens."""
    tokens = torch.arange(8).remainder(vocabulary).unsqueeze(0).to(next(model.parameters()).device)
    head = output_head(model)
    if not isinstance(head, nn.Linear):
        return False
    try:
        hidden = model.base_model(input_ids=tokens, use_cache=False).last_hidden_state
        expected = model(input_ids=tokens, use_cache=False).logits
    except (TypeError, AttributeError):
        return False
    return torch.allclose(head(hidden).float(), expected.float(), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def masking_works(model: PreTrainedModel, vocabulary: int) -> bool:
    """True when this architecture keeps attention within documents by their positions: tried with two that differ before the joint."""
    tokens = torch.arange(16).remainder(vocabulary).repeat(2, 1)
    tokens[1, :8] = tokens[1, :8].flip(0)
    positions = torch.arange(8).repeat(2).expand_as(tokens)
    device = next(model.parameters()).device
    logits = model(input_ids=tokens.to(device), position_ids=positions.to(device), use_cache=False).logits[:, 8:]
    return torch.allclose(logits[0].float(), logits[1].float(), rtol=1e-3, atol=1e-3)
