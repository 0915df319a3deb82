"""What a run is told: `run.json` (the request) and the recipe in it, as dataclasses; every unknown key and bad value is named.

The help beside each field is what `python train.py --help` prints.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import TrainerError


def option(default: Any, help: str) -> Any:
    """A dataclass field with one line of help; mutable defaults are copied for each instance."""
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: type(default)(default), metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass
class OptimizerConfig:
    name: Literal["adamw", "muon"] = option("adamw", "adamw for everything, or muon for hidden matrices with adamw for the rest")
    lr: float = option(1e-3, "peak learning rate of AdamW")
    muon_lr: float = option(0.02, "peak learning rate of Muon's matrices (with name muon)")
    embedding_lr: float | None = option(None, "peak learning rate of embeddings and an untied head; null: lr")
    betas: list[float] = option([0.9, 0.95], "AdamW's decay of first and second moment")
    eps: float = option(1e-8, "AdamW's epsilon")
    weight_decay: float = option(0.1, "decoupled decay of matrices; vectors and embeddings are not decayed")
    momentum: float = option(0.95, "Muon's momentum")
    orthogonal_steps: int = option(5, "Muon's Newton-Schulz iterations")
    even_rows: bool = option(False, "Muon: each row of an update divided by its running size (NorMuon)")
    clip: float = option(1.0, "largest global gradient norm; 0: no clipping")
    state_dtype: Literal["fp32", "bf16", "int8"] = option("fp32", "how moments are kept; int8: AdamW's of matrices in 8 bits, Muon's in bf16")


@dataclass
class ScheduleConfig:
    name: Literal["constant", "cosine", "wsd"] = option("wsd", "shape after warm-up: flat, cosine, or flat and then a linear decay")
    warmup_steps: int = option(100, "steps of linear warm-up; never more than a tenth of the run")
    warmup_tokens: int | None = option(None, "warm-up in tokens, in place of warmup_steps")
    decay_fraction: float = option(0.2, "wsd: the last part of the run, which decays")
    final: float = option(0.0, "learning rate at the end, as a part of the peak")


@dataclass
class FinetuneConfig:
    lr_factor: float = option(0.1, "peak learning rate of a fine-tuning, as a part of from-scratch")
    warmup_steps: int = option(100, "steps of the re-warm-up")
    warmup_tokens: int | None = option(None, "re-warm-up in tokens, in place of warmup_steps")


@dataclass
class LoraConfig:
    rank: int = option(0, "rank of the adapters; 0: none, the weights themselves train")
    alpha: float | None = option(None, "what they add counts alpha / rank times; null: twice the rank")
    targets: list[str] = option([], "which linear layers get one, by name as in freeze; empty: all but the head")
    lr_factor: float = option(10.0, "peak learning rate, as a part of a full fine-tuning's (Schulman et al. 2025: ten times)")


@dataclass
class Recipe:
    name: str = option("unnamed", "name, equal to its file's")
    description: str = option("", "one sentence for people")
    source: str = option("", "what its numbers were chosen for, and from where")
    architecture: dict = option({}, "config of a transformers causal LM: model_type and its sizes")
    tokenizer: str = option("builtin", "builtin, gpt-4, a Hub name or a folder")
    sequence_length: int = option(1024, "tokens a sequence")
    data: list = option([], "data sets that pt train takes when none is named and the network may be used")
    batch_size: int | Literal["auto"] = option(1, "sequences a micro-batch on one device; auto: 1 for the size of a step, and as many at once as fit (batch.json)")
    accumulation_steps: int = option(1, "micro-batches an optimizer step, summed over all devices")
    batch_ramp: list = option([], "[[step, factor], ...]: from that step on, this part of the sequences a step")
    steps_per_epoch: int | None = option(None, "optimizer steps that count as an epoch; null: one pass over the data")
    tokens: int | None = option(None, "tokens after which a run ends that nothing else ends: no bound of its own, and data of no known end")
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig, metadata={"help": "optimizer"})
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig, metadata={"help": "learning rate over time"})
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig, metadata={"help": "what changes when a trained model is the start"})
    lora: LoraConfig = field(default_factory=LoraConfig, metadata={"help": "adapters in place of the weights of a given model"})
    freeze: list[str] = option([], "parts that do not train: names of modules or parameters, or dotted parts of them, with * and ?")
    z_loss: float = option(0.0, "weight of the squared log-normaliser, which keeps logits small")
    dropout: bool = option(False, "use the architecture's dropout in training")
    document_masking: bool = option(False, "attention does not cross the joint of two documents")
    param_dtype: Literal["fp32", "bf16"] = option("fp32", "how parameters are kept in training; bf16 halves memory, and is rounded at random")
    activation_checkpointing: Literal["none", "selective", "full"] = option("none", "what is computed again in backward to save memory")
    fp8: bool = option(False, "matrix products of the layers in fp8: Hopper or later, with the package torchao")
    average_window: float = option(0.1, "runs without an end: mean age of the averaged weights, as a part of the run; 0: none are kept")
    eval_every_steps: int | None = option(100, "optimizer steps between held-out evaluations; null: by minutes alone")
    eval_every_minutes: float | None = option(None, "minutes of training between held-out evaluations; null: by steps alone")
    eval_sequences: int | None = option(None, "held-out sequences that an evaluation looks at; null: all")
    checkpoint_every_steps: int | None = option(200, "optimizer steps between checkpoints; null: by minutes alone")
    checkpoint_every_minutes: float | None = option(None, "minutes of training between checkpoints; null: by steps alone")


@dataclass
class Source:
    kind: Literal["recipe", "model_dir", "model_file"] = option("recipe", "from scratch, a model folder, or one safetensors file")
    path: str | None = option(None, "model_dir: the folder; model_file: the file")
    config: str | None = option(None, "model_file: its config.json; null: the one beside it")

    def given(self) -> Path:
        """`path`, which `check` demands of every kind but recipe."""
        assert self.path is not None
        return Path(self.path)


@dataclass
class DataSource:
    name: str = option("builtin", "builtin, a path (tables, rows or text: docs/data.md; file or folder) or a known data set's name")
    weight: float = option(1.0, "part of the mixture, relative to the others")


@dataclass
class Wandb:
    entity: str | None = option(None, "W&B entity")
    project: str | None = option(None, "W&B project")


@dataclass
class DecayFrom:
    run: str | None = option(None, "folder of the run that this one branched off; null: it is a run of its own")
    step: int | None = option(None, "its checkpoint that this one goes on from: from there the rate falls to 0 over `tokens`")


@dataclass
class DuelRequest:
    against: str | None = option(None, "the king, as `pt` was asked for it; its losses and the text are in run_dir/duel; null: no duel")
    data: list[str] = option([], "text of the duel")
    sequences: int | None = option(None, "of each of those; null: what pt takes")


@dataclass
class RunConfig:
    run_dir: str = option("", "absolute path of the run folder")
    version: int = option(1, "version of this format")
    source: Source = field(default_factory=Source, metadata={"help": "where the model comes from"})
    recipe: Recipe = field(default_factory=Recipe, metadata={"help": "the whole recipe"})
    recipe_file: str | None = option(None, "a recipe.py of one's own (docs/custom-miner.md); a resumed run takes its copy in run_dir")
    competition: dict | None = option(None, "the competition: sequence length, tokenizer, limits")
    data: list[DataSource] = field(default_factory=lambda: [DataSource()], metadata={"help": "mixture of data sets"})
    text_column: str | None = option(None, "column or field that the text of tables and rows is in; null: text")
    skip_bad_rows: int = option(0, "rows without text (not UTF-8, no JSON, another type) that may be left out; one more ends the run")
    device: str = option("auto", "auto, cpu, cuda, cuda:N, mps")
    dtype: Literal["auto", "bf16", "fp32"] = option("auto", "compute: bf16 on GPU, fp32 on CPU")
    save_dtype: Literal["fp32", "bf16"] = option("fp32", "of best/")
    files_of: str | None = option(None, "folder whose files best/ keeps, all but the numbers of its weights; null: files as subnet 9's validators load them")
    attention: Literal["auto", "flash_attention_2", "flex_attention", "sdpa", "eager"] = option("auto", "attention kernel")
    compile: bool | Literal["auto"] = option("auto", "torch.compile; auto: on GPU in runs long enough to pay for it")
    deterministic: bool = option(False, "the same numbers to the last bit on the same kind of device, slower on a GPU")
    ignore_estimate: bool = option(False, "train although the memory estimate says that it does not fit")
    seed: int = option(0, "seed of initial weights and data order")
    epochs: int = option(1, "-1: until a bound is reached or Ctrl-C")
    tokens: int | None = option(None, "stop after this many tokens")
    decay_from: DecayFrom = field(default_factory=DecayFrom, metadata={"help": "of a branch whose rate falls to 0"})
    duel: DuelRequest = field(default_factory=DuelRequest, metadata={"help": "against a king, at each evaluation"})
    max_steps: int | None = option(None, "stop after this many optimizer steps")
    max_minutes: float | None = option(None, "stop after this many minutes of training")
    batch_size: int | Literal["auto"] | None = option(None, "null: the recipe's; auto: the largest that fits, the step unchanged")
    sequence_length: int | None = option(None, "null: the recipe's, or the model's if shorter")
    accumulation_steps: int | None = option(None, "null: the recipe's")
    lr: float | Literal["auto"] | None = option(None, "peak rate of the matrices; other rates keep their proportion to it; auto: the best of short probes")
    optimizer: Literal["adamw", "muon"] | None = option(None, "null: the recipe's")
    schedule: Literal["constant", "cosine", "wsd"] | None = option(None, "null: the recipe's")
    freeze: list[str] | None = option(None, "null: the recipe's")
    teacher: str | None = option(None, "folder of a model to learn from beside the text")
    teacher_weight: float = option(0.5, "with a teacher: part of the objective that is the divergence from it, the rest is the text's loss")
    lora_rank: int | None = option(None, "null: the recipe's")
    lora_alpha: float | None = option(None, "null: the recipe's")
    lora_targets: list[str] | None = option(None, "null: the recipe's")
    pages_per_epoch: int | None = option(None, "pages of data that count as an epoch")
    eval_every_steps: int | None = option(None, "null: the recipe's, or none beside eval_every_minutes")
    eval_every_minutes: float | None = option(None, "null: the recipe's, or none beside eval_every_steps")
    checkpoint_every_steps: int | None = option(None, "null: the recipe's, or none beside checkpoint_every_minutes")
    checkpoint_every_minutes: float | None = option(None, "null: the recipe's, or none beside checkpoint_every_steps")
    checkpoints_kept: int = option(2, "checkpoints that stay, the newest; at least 2, because the newest may be damaged")
    samples: int = option(2, "texts that the model writes at each evaluation, after the beginning of held-out sequences; 0: none")
    resume: bool = option(False, "go on from the newest whole checkpoint")
    from_start: bool = option(False, "resume: begin again where no checkpoint is whole, instead of refusing; best/ is set aside then")
    offline: bool = option(True, "no connection off this machine")
    hub_endpoint: str | None = option(None, "where data sets come from when online")
    report_to: list[str] = option([], "wandb, trackio, tensorboard")
    wandb: Wandb = field(default_factory=Wandb, metadata={"help": "W&B"})


CADENCES = ("eval", "checkpoint")


def apply_overrides(config: RunConfig) -> RunConfig:
    """Puts what the run asks for into the recipe, so that the rest of the trainer reads one place. Checks contradictions."""
    recipe = config.recipe
    for name in ("sequence_length", "accumulation_steps", "freeze"):
        if getattr(config, name) is not None:
            setattr(recipe, name, getattr(config, name))
    for name in ("rank", "alpha", "targets"):
        if getattr(config, f"lora_{name}") is not None:
            setattr(recipe.lora, name, getattr(config, f"lora_{name}"))
    for event in CADENCES:
        # Asked for in steps or minutes, an event comes at these alone: the recipe's own are replaced, not joined.
        asked = {f"{event}_every_{unit}": getattr(config, f"{event}_every_{unit}") for unit in ("steps", "minutes")}
        if any(value is not None for value in asked.values()):
            vars(recipe).update(asked)
    if config.batch_size == "auto" and recipe.batch_size != "auto":
        # The step keeps its sequences, whatever fits at once.
        recipe.accumulation_steps *= recipe.batch_size
    if config.batch_size is not None:
        recipe.batch_size = config.batch_size
    if config.schedule is not None:
        recipe.schedule.name = config.schedule
    optimizer = recipe.optimizer
    if config.optimizer is not None:
        optimizer.name = config.optimizer
    if config.source.kind != "recipe":
        scale_rates(optimizer, recipe.finetune.lr_factor * (recipe.lora.lr_factor if recipe.lora.rank else 1.0))
        recipe.schedule.warmup_steps, recipe.schedule.warmup_tokens = recipe.finetune.warmup_steps, recipe.finetune.warmup_tokens
    if config.lr is not None and config.lr != "auto":
        scale_rates(optimizer, config.lr / (optimizer.muon_lr if optimizer.name == "muon" else optimizer.lr))
    check(config)
    return config


def scale_rates(optimizer: OptimizerConfig, factor: float) -> None:
    optimizer.lr *= factor
    optimizer.muon_lr *= factor
    if optimizer.embedding_lr is not None:
        optimizer.embedding_lr *= factor


def check(config: RunConfig) -> None:
    """Raises TrainerError `bad_recipe` for values that are well-formed but make no sense together."""
    recipe, faults = config.recipe, []
    if not config.run_dir or not Path(config.run_dir).is_absolute():
        faults.append(f"run_dir must be an absolute path, not {config.run_dir!r}")
    for name in ("sequence_length", "accumulation_steps"):
        if getattr(recipe, name) < 1:
            faults.append(f"{name} must be at least 1, not {getattr(recipe, name)}")
    for event in CADENCES:
        steps, minutes = getattr(recipe, f"{event}_every_steps"), getattr(recipe, f"{event}_every_minutes")
        if steps is None and minutes is None:
            faults.append(f"{event}_every_steps and {event}_every_minutes are both null")
        if steps is not None and steps < 1:
            faults.append(f"{event}_every_steps must be at least 1, not {steps}")
        if minutes is not None and not 0 < minutes < math.inf:
            faults.append(f"{event}_every_minutes must be above 0, not {minutes}")
    if recipe.batch_size != "auto" and recipe.batch_size < 1:
        faults.append(f"batch_size must be at least 1, not {recipe.batch_size}")
    if recipe.sequence_length == 1:
        faults.append("sequence_length must be at least 2: the first token predicts the second")
    if config.epochs < 1 and config.epochs != -1:
        faults.append(f"epochs must be -1 or at least 1, not {config.epochs}")
    for name in ("tokens", "max_steps", "max_minutes", "pages_per_epoch"):
        value = getattr(config, name)
        if value is not None and value <= 0:
            faults.append(f"{name} must be above 0, not {value}")
    for name in ("steps_per_epoch", "eval_sequences", "tokens"):
        value = getattr(recipe, name)
        if value is not None and value < 1:
            faults.append(f"{name} must be at least 1 or null, not {value}")
    for name in ("lr", "muon_lr", "embedding_lr", "eps"):
        value = getattr(recipe.optimizer, name)
        if value is not None and not 0 < value < math.inf:
            faults.append(f"optimizer.{name} must be above 0, not {value}")
    for name in ("weight_decay", "clip"):
        if not 0 <= getattr(recipe.optimizer, name) < math.inf:
            faults.append(f"optimizer.{name} must be 0 or above, not {getattr(recipe.optimizer, name)}")
    if not 0 <= recipe.optimizer.momentum < 1:
        faults.append(f"optimizer.momentum must be from 0 to below 1, not {recipe.optimizer.momentum}")
    if recipe.optimizer.orthogonal_steps < 1:
        faults.append(f"optimizer.orthogonal_steps must be at least 1, not {recipe.optimizer.orthogonal_steps}")
    if not 0 <= recipe.z_loss < math.inf:
        faults.append(f"z_loss must be 0 or above, not {recipe.z_loss}")
    if not 0 < config.teacher_weight <= 1:
        faults.append(f"teacher_weight must be above 0 up to 1, not {config.teacher_weight}")
    lora = recipe.lora
    if lora.rank < 0 or not 0 < (1.0 if lora.alpha is None else lora.alpha) < math.inf or not 0 < lora.lr_factor < math.inf:
        faults.append(f"lora must have a rank of 0 or above, alpha and lr_factor above 0, not {lora.rank}, {lora.alpha}, {lora.lr_factor}")
    if lora.rank == 0 and (lora.alpha is not None or lora.targets):
        faults.append("lora.alpha and lora.targets are of adapters, and lora.rank is 0: there are none")
    if lora.rank and config.source.kind == "recipe":
        faults.append("lora.rank is for a model that is given: new weights have nothing to be beside")
    if lora.rank and recipe.fp8:
        faults.append("lora and fp8 do not go together")
    if recipe.finetune.lr_factor <= 0:
        faults.append(f"finetune.lr_factor must be above 0, not {recipe.finetune.lr_factor}")
    if recipe.schedule.warmup_steps < 0 or recipe.finetune.warmup_steps < 0:
        faults.append("warmup_steps must be 0 or above")
    if any(part.warmup_tokens is not None and part.warmup_tokens < 0 for part in (recipe.schedule, recipe.finetune)):
        faults.append("warmup_tokens must be 0 or above")
    if not 0 <= recipe.schedule.final <= 1:
        faults.append(f"schedule.final must be from 0 to 1, not {recipe.schedule.final}")
    for entry in recipe.batch_ramp:
        if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, (int, float)) for part in entry) and entry[0] >= 0 and 0 < entry[1] <= 1):
            faults.append(f"batch_ramp must hold [step, part of the sequences above 0 up to 1], not {json.dumps(entry)}")
    if not 0 <= recipe.average_window < 1:
        faults.append(f"average_window must be from 0 to below 1, not {recipe.average_window}")
    if config.decay_from.step is not None and config.tokens is None:
        faults.append("decay_from needs tokens: over how many the rate falls")
    if config.checkpoints_kept < 2:
        faults.append(f"checkpoints_kept must be 2 or above, not {config.checkpoints_kept}")
    if config.samples < 0:
        faults.append(f"samples must be 0 or above, not {config.samples}")
    if config.skip_bad_rows < 0:
        faults.append(f"skip_bad_rows must be 0 or above, not {config.skip_bad_rows}")
    if config.seed < 0:
        faults.append(f"seed must be 0 or above, not {config.seed}")
    if len(recipe.optimizer.betas) != 2 or not all(0 <= b < 1 for b in recipe.optimizer.betas):
        faults.append(f"optimizer.betas must be two numbers from 0 to below 1, not {recipe.optimizer.betas}")
    if not 0 <= recipe.schedule.decay_fraction <= 1:
        faults.append(f"schedule.decay_fraction must be from 0 to 1, not {recipe.schedule.decay_fraction}")
    if config.source.kind == "recipe" and config.recipe_file is None and "model_type" not in recipe.architecture:
        faults.append("architecture.model_type is missing")
    if config.source.kind != "recipe" and not config.source.path:
        faults.append(f"source.path is missing for source.kind {config.source.kind}")
    if not config.data:
        faults.append("data names no data set")
    if any(source.weight <= 0 for source in config.data):
        faults.append("every weight in data must be above 0")
    if faults:
        raise TrainerError(
            "bad_recipe", f"The recipe {recipe.name} cannot be trained: " + "; ".join(faults) + ".", ["pt train --help", "pt train --recipe tiny"]
        )


def parse(kind: type, raw: Any, where: str) -> Any:
    """`raw` (from JSON) as the dataclass `kind`; raises TrainerError `bad_recipe` that names `where` and the key."""
    if not isinstance(raw, dict):
        raise TrainerError("bad_recipe", f"{where} must be an object, not {type(raw).__name__}.", ["pt train --recipe tiny"])
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(raw) - set(hints) - {"$schema"})
    if unknown:
        known = ", ".join(sorted(hints))
        raise TrainerError("bad_recipe", f"{where}: unknown key {', '.join(map(repr, unknown))}.", [f"Known keys: {known}"])
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in raw.items() if key in hints})


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return parse(hint, value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and arguments and isinstance(value, list):
        return [_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if _fits(hint, value):
        return float(value) if hint is float else value
    raise TrainerError("bad_recipe", f"{where} must be {_words(hint)}, not {json.dumps(value)}.", ["Correct that value", "pt train --recipe tiny"])


def _fits(hint: Any, value: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(part, value) for part in arguments)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _words(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(part) for part in arguments)
    if origin is Literal:
        return " or ".join(json.dumps(choice) for choice in arguments)
    return {type(None): "null", int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        hint, {list: "a list", dict: "an object"}.get(origin or hint, str(hint))
    )


def describe(kind: type = RunConfig, indent: str = "") -> str:
    """The help text: every key with its default and one line."""
    lines = []
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        hint = hints[item.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            lines += [f"{indent}{item.name}: {item.metadata['help']}", describe(hint, indent + "  ")]
        else:
            default = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
            if isinstance(default, list) and default and dataclasses.is_dataclass(default[0]):
                default = [dataclasses.asdict(entry) for entry in default]
            lines.append(f"{indent}{item.name} = {json.dumps(default)}: {item.metadata['help']}")
    return "\n".join(lines)
