"""What is looked at between two steps: the held-out loss, the duel, experts and samples; the best model is kept."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FSDPModule

from .config import RunConfig
from .errors import TrainerError
from .events import Events
from .machine.distributed import World
from .machine.sharded import whole
from .model.adapters import merged
from .model.experts import expert_load, mixtures
from .model.layers import persistent_buffers, tied_names
from .model.save import file_tensors, save_as, save_model
from .optim.average import Average
from .parts import Parts, Tracker
from .progress import Progress
from .record.best import Best
from .record.metrics import Metrics
from .score.duel import RunDuel
from .score.held_out import held_out_loss
from .score.samples import write_samples


class Course(NamedTuple):
    """How far the run is."""

    part: float | None
    """Of it that is done; None: it has no end."""
    fall_ahead: bool
    """Whether its rate has yet to begin its fall."""


class Evaluation:
    """Of one run; `evaluate` does all of it."""

    def __init__(self, config: RunConfig, world: World, events: Events, parts: Parts, trackers: Tracker):
        self.config, self.world, self.events, self.parts, self.trackers = config, world, events, parts, trackers
        self.model, self.loss_model = parts.model, parts.loss_model
        self.held_out = parts.data.held_out[: config.recipe.eval_sequences]
        self.experts = mixtures(parts.model)
        self.best = Best(Path(config.run_dir))

    def evaluate(self, progress: Progress, metrics: Metrics, average: Average | None, elapsed: float, course: Course) -> None:
        """At the step of `progress`, once; what is found is in it, in the metrics and told by events. `elapsed`: seconds of training by the
        clock; `course` is for the duel."""
        if progress.last_eval == progress.step:
            return
        loss, averaged = self.held_out_loss(), None
        if average is not None and progress.step > 0:
            with average.in_place():
                averaged = self.held_out_loss()
        progress.last_eval, progress.eval_seconds = progress.step, elapsed
        if progress.step == 0 and math.isfinite(loss):
            progress.start_loss = loss
        scored = {"raw": loss, **({} if averaged is None else {"averaged": averaged})}
        weights, lower = min(((name, value) for name, value in scored.items() if math.isfinite(value)), key=lambda pair: pair[1], default=("raw", math.inf))
        best = progress.step > 0 and math.isfinite(lower) and (progress.best_loss is None or lower < progress.best_loss)
        if best:
            progress.best_loss, progress.best_step = lower, progress.step
        also = {} if averaged is None else {"averaged_loss": averaged if math.isfinite(averaged) else None}
        load, duel = self._expert_load(), self.parts.duel
        if load is not None:
            also["expert_load"] = max(load["busiest"])
        with average.in_place() if average is not None and weights == "averaged" else contextlib.nullcontext():
            self.events.emit("eval", step=progress.step, tokens=progress.tokens, eval_loss=loss, averaged_loss=averaged, best=best)
            if load is not None:
                self.events.emit("experts", step=progress.step, busiest=load["busiest"], unused=load["unused"])
            # Of the weights that are to be published: no choice is made by the duel's text.
            fought = {} if duel is None else {"duel": self._fight(duel, progress, weights, course)}
            metrics.write(step=progress.step, tokens=progress.tokens, eval_loss=loss if math.isfinite(loss) else None, **also, **fought)
            self.trackers.log({"eval_loss": loss, **also, **{f"duel_{name}": fought["duel"][name] for name in ("mean", "won") if fought}}, progress.step)
            if self.config.samples > 0:
                self._write_samples(progress.step)
            if best:
                self._save_best(progress, lower, weights)
        if progress.step == 0 and not math.isfinite(loss):
            given = self.config.source.path
            message = f"{given} has no finite loss on held-out text: its weights hold NaN or infinite numbers, or it computes such."
            raise TrainerError("bad_model", message, [f"pt check {given} --deep"])

    def _fight(self, duel: RunDuel, progress: Progress, weights: str, course: Course) -> dict:
        """The model as it is against the king on the duel's sequences; what metrics.jsonl keeps of it."""
        began = time.monotonic()
        # One sequence at a time, of a length of its own: that is not compiled for.
        eager = torch.compiler.set_stance("force_eager")
        with self.events.phase("evaluating", f"{len(duel.tokens)} sequences against the king"), self._as_scored(), torch.no_grad(), eager:
            losses = duel.losses(self.loss_model, self.world, self.events.alive)
        seconds = time.monotonic() - began
        numbers = duel.outcome_of(losses)
        how_far = {"part": course.part, "fall_ahead": course.fall_ahead}
        self.events.emit("duel", step=progress.step, tokens=progress.tokens, weights=weights, **numbers, **how_far, seconds=seconds)
        return {"weights": weights, **numbers, **how_far}

    def held_out_loss(self) -> float:
        with self.events.phase("evaluating", f"{len(self.held_out)} held-out sequences"), self._as_scored():
            return held_out_loss(self.loss_model, self.held_out, self.parts.plan.batches.micro, self.world, self.events.alive)

    def _expert_load(self) -> dict[str, list[float]] | None:
        if not self.experts:
            return None
        with self._as_scored():
            return expert_load(self.loss_model, self.experts, self.held_out[: self.parts.plan.batches.micro].to(self.world.device))

    def _write_samples(self, step: int) -> None:
        with self.events.phase("evaluating", "samples of text"), self._as_scored():
            texts = write_samples(self.loss_model, self.parts.tokenizer, self.held_out[: self.config.samples], self.world.device)
        self.events.emit("samples", step=step, texts=texts)

    @contextlib.contextmanager
    def _as_scored(self) -> Iterator[None]:
        """The model as validators meet it, for a look between two steps."""
        self.loss_model.eval()
        with self.parts.autocast():
            yield
        if isinstance(self.loss_model, FSDPModule):
            # Forward leaves embedding, head and last norm gathered in the compute dtype: what is saved from here on are the masters.
            self.loss_model.reshard()
        self.loss_model.train(self.config.recipe.dropout)

    def _save_best(self, progress: Progress, loss: float, weights: str) -> None:
        """Replaces best/ by the model as it is, unless a run that was killed after this checkpoint had already found something at least as good."""
        on_disk = [self.best.loss() if self.world.first else None]
        if self.world.size > 1:
            dist.broadcast_object_list(on_disk, group=self.world.control)
        if on_disk[0] is not None and on_disk[0] <= loss:
            return
        with self.events.phase("saving", "best model"):
            tensors = {}
            for name, tensor in chain(self.model.named_parameters(), persistent_buffers(self.model)):
                gathered = whole(tensor.detach())
                if self.world.first:
                    tensors[name] = gathered.to("cpu", copy=True)
        if not self.world.first:
            return
        step = progress.step
        self.best.save(
            {"step": step, "tokens": progress.tokens, "eval_loss": loss, "weights": weights},
            lambda folder: self._write_best(folder, tensors),
            lambda: self.events.emit("best", step=step, eval_loss=loss, weights=weights, path=str(self.best.folder)),
        )

    def _write_best(self, folder: Path, tensors: dict[str, torch.Tensor]) -> None:
        named = file_tensors(self.model, merged(self.model, tensors))
        if self.config.files_of is not None:
            save_as(folder, Path(self.config.files_of), named, tied_names(self.model))
            return
        dtype = torch.bfloat16 if self.config.save_dtype == "bf16" else torch.float32
        save_model(folder, self.model.config, self.parts.architecture, named, self.parts.tokenizer, dtype)
