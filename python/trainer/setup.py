"""Everything that stands before the first step: device, model, tokenizer, data, optimizer, and the `start` event."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from torch.distributed.fsdp import FSDPModule
from transformers import PretrainedConfig, PreTrainedModel

from .config import RunConfig
from .errors import TrainerError, is_out_of_memory
from .events import Events
from .fit.memory import Estimate, estimate
from .fit.micro_batch import keep_micro, kept_micro, try_sizes
from .fit.require import require_fit
from .machine.device import be_deterministic, choose_attention, compute_dtype, device_name
from .machine.distributed import World
from .model.adapters import adapt
from .model.documents import DOCUMENT_MASKS
from .model.fp8 import require_fp8, use_fp8
from .model.layers import Frames, cast_layer_inputs, checkpoint_activations, compile_layers, fill, shard
from .model.load import count_parameters, load_config, load_model, put, skeleton
from .model.loss import LossModel, chunked_loss_fits, masking_works
from .model.speed import flops_per_token
from .model.trainable import count_trained, freeze
from .optim.optimizers import Optimizers
from .optim.own import OwnOptimizers
from .own_recipe import open_own_recipe
from .parts import Parts, RunOptimizer
from .plan import course_in_words, end_in_words, make_plan, split_batch
from .score.duel import RunDuel
from .teacher import make_teacher, teacher_config
from .tokenizer import end_of_text, load_tokenizer, tokenizer_files


def prepare(config: RunConfig, world: World, events: Events) -> Parts:
    """Makes the parts of a run. Raises TrainerError with the code of what is wrong."""
    from .data.of_run import open_text

    recipe = config.recipe
    goes_on = config.resume or world.restarted
    torch.set_float32_matmul_precision("high")
    dtype = compute_dtype(config.dtype, world.device)
    if recipe.fp8:
        require_fp8(world.device)
    if config.deterministic:
        be_deterministic()
    attention = choose_attention(config.attention, world.device, events, recipe.document_masking)
    own = open_own_recipe(config.recipe_file, config.run_dir, goes_on)
    if own is not None and world.first:
        own.keep(Path(config.run_dir))
    named, whose = tokenizer_name(config)
    tokenizer = load_tokenizer(named, config.offline, config.hub_endpoint)
    if config.source.kind != "recipe" and whose != "the model's own":
        message = f"{config.source.path} has no tokenizer of its own: it is trained, and saved, with {whose}, {named}."
        events.emit("warning", code="tokenizer_taken", message=message)
    torch.manual_seed(config.seed)
    made = own.model(recipe) if own is not None and "model" in own and config.source.kind == "recipe" else load_config(config.source, recipe)
    own_model = made if isinstance(made, PreTrainedModel) else None
    model_config = made.config if isinstance(made, PreTrainedModel) else made
    fit_sequence_length(config, model_config)
    text_config = model_config.get_text_config()
    positions = getattr(text_config, "max_position_embeddings", None)
    duel = RunDuel(Path(config.run_dir), tokenizer, text_config.vocab_size, positions) if config.duel.against is not None else None
    name = device_name(world.device)
    micro = kept_micro(Path(config.run_dir), name) if goes_on and recipe.batch_size == "auto" else None
    batches = split_batch(recipe, world.size, micro)
    kind = None if own_model is None else type(own_model)
    taught = teacher_config(config, model_config, tokenizer)
    with events.phase("loading", "memory estimate"):
        parameters = functools.cache(lambda: count_parameters(own_model or skeleton(model_config, attention, torch.float32)))
        compiled = decide_compile(config, world, config.max_steps, parameters)
        needed = estimate_fit(config, world, events, model_config, dtype, attention, batches.micro, kind, compiled, taught)
    data = open_text(config, world, events, tokenizer, model_config, batches.micro, own)
    plan = make_plan(config, batches, data.epoch_batches)
    if compiled != decide_compile(config, world, plan.total_steps, parameters):
        compiled = not compiled  # the data are too short for it, which takes more memory
        needed = estimate_fit(config, world, events, model_config, dtype, attention, batches.micro, kind, compiled, taught)
    with events.phase("loading", "model"):
        param_dtype = torch.bfloat16 if recipe.param_dtype == "bf16" else torch.float32
        model, source = make_model(config, world, events, model_config, own_model, attention, param_dtype)
    if config.source.kind == "recipe":
        for token in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(model.config, token, getattr(tokenizer, token))
    architecture, count = type(model).__name__, count_parameters(model)
    for each in (model, source):
        if each is not None:
            torch.manual_seed(config.seed)
            adapt(each, recipe.lora)
    freeze(model, recipe.freeze)
    autocast = functools.partial(torch.autocast, world.device.type, dtype=dtype) if dtype == torch.bfloat16 and world.size == 1 else contextlib.nullcontext
    loss_model = LossModel(model, recipe.z_loss, end_of_text(tokenizer) if recipe.document_masking else None)
    if recipe.fp8:
        use_fp8(model)
    frames = compile_layers(model, Frames()) if compiled else None
    checkpoint_activations(model, recipe.activation_checkpointing)
    learns = count_trained(model)
    if world.size > 1:
        with events.phase("loading", "sharding"):
            shard(loss_model, world, dtype)
            if own_model is None:
                fill(loss_model, source, world)
            del source
    elif dtype == torch.bfloat16:
        cast_layer_inputs(model, dtype)
    loss_model.eval()
    try:
        with autocast(), torch.compiler.set_stance("force_eager"):  # flash attention takes no fp32; sizes of a trial are not compiled for
            loss_model.chunked = loss_model.ask(chunked_loss_fits)
            masks = not recipe.document_masking or loss_model.ask(masking_works)
    except (RuntimeError, ValueError, IndexError) as error:
        if is_out_of_memory(error) or "CUDA error" in str(error):
            raise
        raise TrainerError("bad_recipe", f"{architecture} cannot compute with these sizes: {error}", ["Correct the recipe's architecture"]) from error
    if isinstance(loss_model, FSDPModule):
        loss_model.reshard()
    if not loss_model.chunked:
        events.emit("warning", code="full_logits", message=f"{architecture} changes its logits after the head: the loss holds all of them.")
    if not masks:
        message = f"document_masking: {architecture} with {attention} attention does not keep documents apart."
        raise TrainerError("bad_recipe", message, ['In the recipe: "document_masking": false', "pt train --attention sdpa"])
    loss_model.train(recipe.dropout)
    teacher = None
    if taught is not None:
        if not loss_model.chunked:
            raise TrainerError("bad_teacher", f"{architecture} changes its logits after the head: it cannot learn from a teacher here.", ["pt train   # without --teacher"])
        with events.phase("loading", "teacher"):
            teacher = make_teacher(config, world, taught, attention, dtype, loss_model.document_end, autocast)
    if compiled:
        loss_model.chunk = torch.compile(loss_model.chunk)
    if own is not None and "optimizer" in own:
        if config.lr == "auto":
            raise TrainerError("bad_recipe", f"--lr auto tries the rates of pt's own optimizers, and {own.name} brings another.", ["Leave out --lr auto"])
        optimizers: RunOptimizer = OwnOptimizers(model, own.optimizers(model, recipe), functools.partial(own.explained, "optimizer"))
    else:
        optimizers = Optimizers(model, recipe.optimizer)
    if recipe.batch_size == "auto" and micro is None:
        with events.phase("loading", "micro-batch size"):
            micro = try_sizes(config, world, plan, loss_model, teacher, autocast, lambda size: estimate(model_config, recipe, dtype, attention, size, world.size, teacher=taught).total)
        keep_micro(Path(config.run_dir), world, name, micro)
        data.rebatch(micro)
        plan = make_plan(config, split_batch(recipe, world.size, micro), data.epoch_batches)
    torch.manual_seed(config.seed + world.rank)
    return Parts(model, loss_model, teacher, optimizers, tokenizer, f"{named} ({whose})", data, plan, autocast, attention, compiled, frames, dtype, count, learns, architecture, needed, duel)


def estimate_fit(
    config: RunConfig,
    world: World,
    events: Events,
    model_config: PretrainedConfig,
    dtype: torch.dtype,
    attention: str,
    micro: int,
    kind: type[PreTrainedModel] | None,
    compiled: bool,
    taught: PretrainedConfig | None,
) -> Estimate | None:
    """`require_fit`, and a warning for an architecture that asks for values, which an estimate has not: it may train all the same."""
    try:
        return require_fit(config, world, model_config, dtype, attention, micro, kind, compiled, taught)
    except TrainerError:
        raise
    except Exception as error:
        events.emit("warning", code="no_estimate", message=f"The memory for {model_config.model_type} could not be estimated: {error}")
        return None


def make_model(
    config: RunConfig, world: World, events: Events, model_config: PretrainedConfig, own: PreTrainedModel | None, attention: str, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedModel | None]:
    """(the model that trains, whose numbers it is to be filled with). Alone it has them. Of several processes each makes it without memory, and
    the first alone reads or draws the numbers, in its own memory and as one process does: whatever their count, they begin equal."""
    if own is not None:
        return take_model(own, attention, dtype, world.device, events), None
    if world.size == 1:
        return load_model(config.source, model_config, attention, dtype, world.device), None
    source, failure = None, None
    if world.first:
        try:
            source = load_model(config.source, model_config, attention, dtype, torch.device("cpu"))
        except Exception as error:  # the others are told before it ends
            failure = error
    if world.any(failure is not None):
        raise failure or SystemExit(7)
    return skeleton(model_config, attention, dtype), source


def take_model(model: PreTrainedModel, attention: str, dtype: torch.dtype, device: torch.device, events: Events) -> PreTrainedModel:
    """A recipe's own model as the trainer wants it."""
    if not type(model).__module__.startswith("transformers."):
        message = f"{type(model).__name__} is no class of transformers: validators, who run no code of yours, cannot load what is saved."
        events.emit("warning", code="own_class", message=message)
    model.set_attn_implementation(attention)
    return put(model, device, dtype)


def start_event(config: RunConfig, world: World, parts: Parts, resumed_from: int | None) -> dict[str, object]:
    """The fields of `start` (docs/run-folder.md)."""
    return {
        "pid": os.getpid(),
        "world_size": world.size,
        "device": str(world.device),
        "device_name": device_name(world.device),
        "dtype": "bf16" if parts.dtype == torch.bfloat16 else "fp32",
        "attention": parts.attention,
        "document_masking": DOCUMENT_MASKS[parts.attention] if config.recipe.document_masking else None,
        "compile": parts.compiled,
        "parameters": parts.parameters,
        "trained": parts.trained,
        "architecture": parts.architecture,
        "tokenizer": parts.tokenizer_said,
        "flops_per_token": flops_per_token(parts.model, config.recipe.sequence_length),
        "peak_lr": parts.optimizers.peak_lr,
        "tokens_per_step": parts.plan.batches.sequences * config.recipe.sequence_length,
        "micro_batch": parts.plan.batches.micro,
        "estimated_bytes": None if parts.needed is None else parts.needed.total,
        "total_steps": parts.plan.total_steps,
        "end": end_in_words(config, parts.plan),
        "course": course_in_words(config, parts.plan),
        "unigram_entropy": parts.data.unigram_entropy,
        "resumed_from": resumed_from,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__},
    }


def decide_compile(config: RunConfig, world: World, steps: int | None, parameters: Callable[[], int]) -> bool:
    """`auto`: on a GPU, when the run is long enough (`steps`; None: no end is known) to earn back the minutes that compiling takes. Elsewhere
    the model is not built to be counted."""
    if config.compile != "auto":
        return config.compile
    return world.device.type == "cuda" and (steps is None or steps >= 200) and parameters() > 50_000_000


def tokenizer_name(config: RunConfig) -> tuple[str, str]:
    """Name or folder of the tokenizer, and whose it is: a model keeps its own; without one it takes the competition's. A recipe names its own."""
    if config.source.kind == "recipe":
        return config.recipe.tokenizer, "the recipe's"
    folder = config.source.given()
    folder = folder if config.source.kind == "model_dir" else folder.parent
    if tokenizer_files(folder):
        return str(folder), "the model's own"
    of_competition = (config.competition or {}).get("tokenizer")
    return (of_competition, "the competition's") if of_competition else (config.recipe.tokenizer, "the recipe's")


def fit_sequence_length(config: RunConfig, model_config: PretrainedConfig) -> None:
    """Takes the run's length, else the competition's for a given model, never more than the model's positions."""
    recipe = config.recipe
    if config.sequence_length is None and config.source.kind != "recipe":
        recipe.sequence_length = (config.competition or {}).get("sequence_length") or recipe.sequence_length
    limit = getattr(model_config, "max_position_embeddings", None)
    if limit is None or recipe.sequence_length <= limit:
        return
    if config.sequence_length is not None or config.source.kind == "recipe":
        raise TrainerError(
            "bad_recipe", f"sequence_length {recipe.sequence_length} is more than the model's {limit} positions.", [f"pt train --sl {limit}"]
        )
    recipe.sequence_length = limit
