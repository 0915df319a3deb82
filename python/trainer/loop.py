"""The training loop: micro-batches, step, evaluation, checkpoint, until a bound or a signal. Reads top to bottom."""

from __future__ import annotations

import math
import resource
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .config import RunConfig
from .errors import TrainerError
from .evaluation import Course, Evaluation
from .events import Events
from .finetuning import cannot_win
from .machine.distributed import World
from .machine.sharded import whole
from .model.layers import decoder_layers
from .model.loss import lessons
from .model.speed import flops_per_token, peak_flops
from .model.trainable import frozen_mark
from .optim import schedule
from .optim.average import Average
from .parts import Parts, Stop, Tracker
from .plan import without_end
from .progress import Progress
from .rates import find_rate
from .record.checkpoint import Checkpoints, no_checkpoint
from .record.metrics import Metrics
from .spikes import Spikes


class Trainer:
    """One run. `setup.py` makes its parts; `run` trains and says why it ended."""

    def __init__(self, config: RunConfig, world: World, events: Events, parts: Parts, trackers: Tracker, stop: Stop):
        self.config, self.recipe, self.world, self.events = config, config.recipe, world, events
        self.model, self.loss_model, self.optimizers = parts.model, parts.loss_model, parts.optimizers
        self.parts, self.teacher = parts, parts.teacher
        self.data, self.plan, self.autocast, self.frames = parts.data, parts.plan, parts.autocast, parts.frames
        self.trackers, self.stop = trackers, stop
        self.run_dir = Path(config.run_dir)
        self.progress = Progress()
        averages = without_end(config, self.plan) and self.recipe.average_window > 0
        self.average = Average(self.model, self.recipe.average_window) if averages else None
        self.evaluation = Evaluation(config, world, events, parts, trackers)
        self.checkpoints = Checkpoints(self.run_dir / "checkpoints", world.background, config.checkpoints_kept)
        self.metrics: Metrics  # opened by `run`, which knows from which step on
        self.pending: list[dict] = []  # steps whose numbers are still on their way from the GPU
        minutes = (config.max_minutes, self.recipe.eval_every_minutes, self.recipe.checkpoint_every_minutes)
        self.timed = any(value is not None for value in minutes)
        self.elapsed = 0.0  # seconds of training, where something goes by them
        self.lag = 1 if world.device.type == "cuda" else 0
        self.frozen = frozen_mark(self.model, world)
        self.flops = flops_per_token(self.model, self.recipe.sequence_length)
        self.peak = peak_flops(world.device)

    def tensors(self) -> dict[str, Tensor]:
        """The live training state by name: nothing that is frozen."""
        saved = self.model.state_dict(keep_vars=True).items()
        model = {f"model.{name}": tensor for name, tensor in saved if tensor.requires_grad or not isinstance(tensor, nn.Parameter)}
        average = {} if self.average is None else {f"average.{name}": tensor for name, tensor in self.average.state().items()}
        return {**model, **{f"optimizer.{name}": tensor for name, tensor in self.optimizers.state().items()}, **average}

    def resume(self) -> int | None:
        """Loads the newest whole checkpoint and returns its step; None: there is none, and the run may begin again.

        Raises TrainerError `run.no_checkpoint` where nobody asked for that: what metrics.jsonl and best/ hold would be trained again.
        """
        path, damaged = self.checkpoints.newest()
        # A worker that torchrun starts again before the first checkpoint does what was asked: it begins.
        if path is None and not self.config.from_start and (self.config.resume or damaged):
            raise no_checkpoint(self.run_dir, damaged)
        for bad, why in damaged:
            using = f"; going on from {path.name}" if path else "; starting from the beginning"
            self.events.emit("warning", code="damaged_checkpoint", message=f"{bad.name} is damaged ({why}){using}.")
        self.checkpoints.set_aside([bad for bad, _ in damaged])
        if path is None:
            return None
        if self.config.from_start:
            message = f"--from-start: {path.name} is whole, so the run goes on from it; nothing begins again."
            self.events.emit("warning", code="not_begun_again", message=message)
        self._restore(path)
        return self.progress.step

    def _restore(self, path: Path, keep_data: bool = False) -> None:
        self.optimizers.fill_state()
        state = self.checkpoints.load(path, self.tensors(), optional="average.")
        if state.get("frozen", self.frozen) != self.frozen:
            raise TrainerError(
                "start_changed",
                f"{self.config.source.path or 'The start'} is not what this run began with: what is frozen, and not in its checkpoints, is another.",
                ["Put the model back that the run started from", "pt train --resume"],
            )
        self.optimizers.load_numbers(state.get("optimizer", {}))
        spikes = Spikes(**state["progress"].pop("spikes"))
        before = self.progress.peak_factor
        self.progress = Progress(**state["progress"], spikes=spikes)
        self.optimizers.scale_rates(self.progress.peak_factor / before)
        if self.progress.step == self.config.decay_from.step:
            # What was best is the other run's, and lies in its folder.
            self.progress = replace(self.progress, branch_rate=self.progress.rate, best_loss=None, best_step=None)
        if self.average is not None:
            if "average" in state:
                self.average.step = state["average"]
            else:  # until then it had an end: its averaged weights begin here
                self.average = Average(self.model, self.recipe.average_window, self.progress.step)
        if not keep_data:
            self.data.load_state_dict(state["data"])

    def run(self) -> str:
        """Trains to the end of the run; returns the reason of `done`."""
        if self.world.first:
            self.evaluation.best.recover()
            if self.config.from_start and self.progress.step == 0:
                self.evaluation.best.set_aside(lambda message: self.events.emit("warning", code="set_aside", message=message))
        self.metrics = Metrics(self.run_dir / "metrics.jsonl" if self.world.first else None, keep_to=self.progress.step)
        self.started = time.monotonic() - self.progress.seconds
        self.rate = [(time.monotonic(), self.progress.tokens)]
        self._tick()
        self.events.emit("phase", name="training", detail="")
        if self.progress.step == 0 and self.config.source.kind != "recipe":
            self._evaluate()
        if self.progress.step == 0 and self.config.lr == "auto":
            self._find_rate()
        reason = self._ended()
        while reason is None:
            self._train_step()
            self._tell_compiled()
            reason = self._ended()
            # Numbers that are still under way must be on disk before a checkpoint claims their step.
            at_evaluation = self._due("eval", self.progress.eval_seconds) or reason not in (None, "cancelled")
            at_checkpoint = self._due("checkpoint", self.progress.checkpoint_seconds) or reason is not None
            if at_evaluation or at_checkpoint:
                self._report_pending()
            if at_evaluation:
                self._evaluate()
            if at_checkpoint:
                self._save_checkpoint()
        self._report_pending()
        if reason != "cancelled" and self.progress.last_eval != self.progress.step:
            self._evaluate()
            self._save_checkpoint()
        with self.events.phase("saving", "checkpoint"):
            self.evaluation.best.wait()
            self.checkpoints.wait()
        self.metrics.close()
        why = cannot_win(self.progress.start_loss, self.progress.best_loss, self.config.competition)
        if why is not None and reason != "cancelled":
            self.events.emit("warning", code="cannot_win", message=why)
        return reason

    def _due(self, event: str, last: float) -> bool:
        """Whether it is time for an evaluation or a checkpoint, by steps or by the clock; `last`: seconds at the one before."""
        steps, minutes = getattr(self.recipe, f"{event}_every_steps"), getattr(self.recipe, f"{event}_every_minutes")
        by_steps = steps is not None and self.progress.step % steps == 0
        return by_steps or (minutes is not None and self.elapsed - last >= 60 * minutes)

    def _tick(self) -> None:
        """Reads the clock, the same for all ranks, where something goes by it."""
        if self.timed:
            self.elapsed = self.world.mean(time.monotonic() - self.started)

    def _train_step(self) -> None:
        self._tick()
        progress, step = self.progress, self.progress.step
        mean, norm, divergences = self._gradients(step)
        factor = progress.rate = self._rate(step)
        bound = progress.spikes.bound()
        self.optimizers.step(factor, torch.isfinite(norm) & torch.isfinite(mean) & (mean <= bound))
        progress.step += 1
        if self.average is not None:
            self.average.update(progress.step)
        progress.tokens += self.plan.micro_batches(step) * self.plan.batches.micro * self.world.size * self.recipe.sequence_length
        progress.seconds = time.monotonic() - self.started
        self._queue_report([mean, norm, *([self._mean(divergences)] if divergences else [])], bound)

    def _gradients(self, step: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Of the next sequences, clipped; returns the mean loss, the norm before clipping, and each micro-batch's divergence from a teacher."""
        micro_batches = self.plan.micro_batches(step)
        losses, divergences = [], []
        # Sharded gradients are reduced after every micro-batch: what waits for the last one is the whole model's, in fp32, on every rank.
        for _ in range(micro_batches):
            tokens = self._next_tokens()
            with self.autocast():
                objective, loss, *divergence = self.loss_model(tokens, *lessons(self.teacher, tokens))
            (objective / micro_batches).backward()
            losses.append(loss.detach())
            divergences += divergence
            self.events.alive()
        return self._mean(losses), self._clip(), divergences

    def _find_rate(self) -> None:
        """`lr: auto`. The clock of the run begins after it."""

        def train(step: int, steps: int) -> bool:
            mean, norm, _ = self._gradients(0)
            fine = torch.isfinite(norm) & torch.isfinite(mean)
            self.optimizers.step(schedule.factor(self.recipe.schedule, step, self.plan.warmup_steps, steps), fine)
            return bool(fine)

        parts, progress = self.parts, self.progress
        progress.peak_factor = find_rate(parts, self.world, self.events, self.run_dir, self.tensors(), progress.start_loss, train, self.evaluation.held_out_loss)
        self.optimizers.scale_rates(progress.peak_factor)
        self.started = time.monotonic() - progress.seconds
        self.events.emit("phase", name="training", detail=f"learning rate {self.optimizers.peak_lr:.2g}")

    def _mean(self, values: list[Tensor]) -> Tensor:
        """Over micro-batches and ranks."""
        mean = torch.stack(values).mean()
        if self.world.size > 1:
            dist.all_reduce(mean)
            mean /= self.world.size
        return mean

    def _tell_compiled(self) -> None:
        """After the first step of this process: what `compile: true` came to."""
        if self.frames is None:
            return
        frames, layers, self.frames = self.frames.count, len(decoder_layers(self.model)), None
        self.events.emit("compiled", frames=frames, layers=layers)
        print(f"torch.compile: {frames} graphs for {layers} layers", flush=True)
        if frames == 0:
            self.events.emit("warning", code="not_compiled", message="Nothing was compiled, although compile is on: the layers run as they are.")

    def _next_tokens(self) -> Tensor:
        tokens = self.data.next_batch()
        if self.world.device.type == "cuda":
            return tokens.pin_memory().to(self.world.device, non_blocking=True)
        return tokens.to(self.world.device)

    def _clip(self) -> Tensor:
        limit = self.recipe.optimizer.clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        return whole(norm)

    def _rate(self, step: int) -> float:
        branched, total = self.config.decay_from.step, self.plan.total_steps
        if branched is not None and total is not None:
            return self.progress.branch_rate * min(schedule.falling(step, branched, total), 1 - self._elapsed_part())
        return schedule.factor(self.recipe.schedule, step, self.plan.warmup_steps, total, self._elapsed_part())

    def _elapsed_part(self) -> float:
        if self.config.max_minutes is None:
            return 0.0
        return min(1.0, self.elapsed / (60 * self.config.max_minutes))

    def _ended(self) -> str | None:
        self._tick()
        if self.plan.total_steps is not None and self.progress.step >= self.plan.total_steps:
            return self.plan.bound
        if self.config.max_minutes is not None and self._elapsed_part() >= 1.0:
            return "max_minutes"
        return "cancelled" if self.world.any(self.stop.is_set()) else None

    def _queue_report(self, values: list[Tensor], bound: float) -> None:
        """Remembers this step's numbers (loss, gradient's norm, with a teacher the divergence from it); on a GPU they are read a step later, so
        that nothing waits for them."""
        numbers, ready = torch.stack([value.float() for value in values]), None
        if self.lag:
            host = torch.empty(len(values), pin_memory=True)
            host.copy_(numbers, non_blocking=True)
            numbers, ready = host, torch.cuda.Event()
            ready.record()
        self.pending.append(
            {"step": self.progress.step, "tokens": self.progress.tokens, "lr": self.optimizers.lr, "numbers": numbers, "ready": ready, "bound": bound}
        )
        while len(self.pending) > self.lag:
            self._report(self.pending.pop(0))

    def _report_pending(self) -> None:
        while self.pending:
            self._report(self.pending.pop(0))

    def _report(self, item: dict) -> None:
        if item["ready"] is not None:
            item["ready"].synchronize()
        loss, norm, *divergence = item["numbers"].tolist()
        taught = {"kl": divergence[0] if math.isfinite(divergence[0]) else None} if divergence else {}
        spikes = self.progress.spikes
        verdict = spikes.judge(loss, norm, item["bound"])
        numbers = {"loss": loss if math.isfinite(loss) else None, "lr": item["lr"], "grad_norm": norm if math.isfinite(norm) else None, **taught}
        self.metrics.write(step=item["step"], tokens=item["tokens"], **numbers, **spikes.counts())
        self._tell_step(item, loss, norm, taught)
        if verdict != "ok":
            finite = math.isfinite(loss) and math.isfinite(norm)
            what = f"the loss jumped to {loss:.3f}, above {item['bound']:.3f}" if finite else "the loss or gradient is not a finite number"
            message = f"Step {item['step']}: {what}; the step was skipped ({spikes.skipped} so far)."
            self.events.emit("warning", code="loss_spike" if finite else "step_skipped", message=message, **spikes.counts())
        if verdict == "roll_back":
            self.pending.clear()
            self._roll_back(item["step"])

    def _tell_step(self, item: dict, loss: float, norm: float, taught: dict) -> None:
        now = time.monotonic()
        self.rate = [*self.rate[-50:], (now, item["tokens"])]
        (then, before), total = self.rate[0], self.plan.total_steps
        speed = (item["tokens"] - before) / max(1e-9, now - then)
        left = None if total is None else (total - item["step"]) * (now - then) / max(1, len(self.rate) - 1)
        if self.config.max_minutes is not None:
            by_clock = max(0.0, 60 * self.config.max_minutes - (now - self.started))
            left = by_clock if left is None else min(left, by_clock)
        mfu = None if self.peak is None else speed * self.flops / (self.peak * self.world.size)
        fields = {
            "step": item["step"], "total_steps": total, "tokens": item["tokens"], "loss": loss, "lr": item["lr"], "grad_norm": norm,
            "tokens_per_second": speed, "mfu": mfu, "kl": taught.get("kl"),
        }  # fmt: skip
        last = item["step"] == total
        (self.events.emit if last else self.events.emit_throttled)("step", **fields, memory_bytes=memory_bytes(self.world.device), eta_seconds=left)
        self.trackers.log(fields, item["step"])

    def _roll_back(self, step: int) -> None:
        """Back to the last checkpoint, with the data going on from here: what made the loss jump is not met again."""
        self.checkpoints.wait()
        spikes = self.progress.spikes
        allowed = spikes.rolled_back()
        path, _ = self.checkpoints.newest()
        if not allowed:
            raise TrainerError(
                "nan_loss",
                f"The loss left all bounds at step {step}, and going back {spikes.in_vain - 1} times did not help.",
                [f"pt train --lr {self.optimizers.peak_lr / 3:.1e}", "pt train --optimizer adamw", "Look at the data around this step"],
            )
        if path is None:  # every bad step was skipped, so nothing is lost by going on from here
            message = f"The loss left all bounds at step {step}, before the first checkpoint: going on with the data after it ({spikes.rollbacks} so far)."
            self.events.emit("warning", code="rolled_back", message=message, **spikes.counts())
            return
        seconds = self.progress.seconds
        self._restore(path, keep_data=True)
        self.progress.spikes, self.progress.seconds = spikes, seconds
        self.optimizers.zero_grad()
        self.metrics.rewind(self.progress.step)
        message = f"The loss left all bounds at step {step}: back to step {self.progress.step}, with the data after it ({spikes.rollbacks} so far)."
        self.events.emit("warning", code="rolled_back", message=message, **spikes.counts())

    def _evaluate(self) -> None:
        self.evaluation.evaluate(self.progress, self.metrics, self.average, self.elapsed, self._course())

    def _course(self) -> Course:
        total, elapsed = self.plan.total_steps, self._elapsed_part()
        part = None if without_end(self.config, self.plan) else schedule.part_done(self.progress.step, total, elapsed)
        falls = schedule.fall_ahead(self.recipe.schedule, self.progress.step, self.plan.warmup_steps, total, elapsed)
        return Course(part, falls and self.config.decay_from.step is None)

    def _save_checkpoint(self) -> None:
        step = self.progress.step
        self.progress.seconds, self.progress.checkpoint_seconds = time.monotonic() - self.started, self.elapsed
        # The one before is written by now, or it is waited for: it is announced when it is whole.
        average = {} if self.average is None else {"average": self.average.step}
        state = {"progress": asdict(self.progress), "data": self.data.state_dict(), "optimizer": self.optimizers.numbers(), "frozen": self.frozen, **average}
        self.checkpoints.save(step, self.tensors(), state, after=self.evaluation.best.pending())
        self.events.emit("checkpoint", step=step, path=str(self.run_dir / "checkpoints" / f"step-{step}"))


def memory_bytes(device: torch.device) -> int:
    """Peak of this process: on the GPU when it trains there, else resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
