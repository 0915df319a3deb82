"""A teacher before the first step: whether this run can learn from it, and its model where the run's lies."""

from __future__ import annotations

import shlex

import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from .config import Recipe, RunConfig, Source
from .errors import TrainerError
from .machine.distributed import World
from .model.layers import cast_layer_inputs, fill, shard
from .model.load import load_config, load_model, skeleton
from .model.loss import Teacher, chunked_loss_fits
from .tokenizer import load_tokenizer, tokenizer_files


def teacher_config(config: RunConfig, model: PretrainedConfig, tokenizer: PreTrainedTokenizerFast) -> PretrainedConfig | None:
    """Its config; None: the run has none. Raises TrainerError `bad_teacher` where it speaks of other tokens, or cannot read so many."""
    source = _source(config)
    if source is None:
        return None
    taught, where = load_config(source, Recipe()), source.given()
    theirs, ours = taught.get_text_config().vocab_size, model.get_text_config().vocab_size
    if theirs != ours:
        raise _unfit(config, f"it tells {theirs:,} tokens apart, and the model {ours:,}: their chances cannot be compared")
    if tokenizer_files(where) and load_tokenizer(str(where), True, None).get_vocab() != tokenizer.get_vocab():
        raise _unfit(config, "its tokenizer is another than the run's: its tokens are other texts")
    positions = getattr(taught.get_text_config(), "max_position_embeddings", None)
    if positions is not None and positions < config.recipe.sequence_length:
        raise _unfit(config, f"it reads {positions:,} tokens, and sequences have {config.recipe.sequence_length:,}")
    return taught


def make_teacher(
    config: RunConfig, world: World, taught: PretrainedConfig, attention: str, dtype: torch.dtype, document_end: int | None, autocast
) -> Teacher:
    """In the compute dtype, without gradients; shared out over the ranks as the model is. Raises TrainerError `bad_teacher`, `bad_model`."""
    source = _source(config)
    assert source is not None
    if world.size == 1:
        teacher = Teacher(_load(config, source, taught, attention, dtype, world.device), config.teacher_weight, document_end)
        if dtype == torch.bfloat16:
            cast_layer_inputs(teacher.model, dtype)
    else:
        given, failure = None, None
        if world.first:
            try:
                given = _load(config, source, taught, attention, dtype, torch.device("cpu"))
            except Exception as error:  # the others are told before it ends
                failure = error
        if world.any(failure is not None):
            raise failure or SystemExit(7)
        teacher = Teacher(skeleton(taught, attention, dtype), config.teacher_weight, document_end)
        shard(teacher, world, dtype)
        fill(teacher, given, world)
        teacher.eval()
    with autocast(), torch.compiler.set_stance("force_eager"):
        fits = teacher.ask(chunked_loss_fits)
    if not fits:
        raise _unfit(config, f"{type(teacher.model).__name__} changes its logits after the head, and they are never whole here")
    return teacher


def _load(config: RunConfig, source: Source, taught: PretrainedConfig, attention: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    model = load_model(source, taught, attention, dtype, device)
    broken = next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None)
    if broken is not None:
        raise _unfit(config, f"{broken} holds NaN or infinite numbers in {str(dtype).removeprefix('torch.')}")
    return model


def _source(config: RunConfig) -> Source | None:
    return None if config.teacher is None else Source("model_dir", config.teacher)


def _unfit(config: RunConfig, why: str) -> TrainerError:
    message = f"The teacher {config.teacher} cannot teach this model: {why}."
    return TrainerError("bad_teacher", message, [f"pt check {shlex.quote(str(config.teacher))}", "pt train   # without --teacher"])
