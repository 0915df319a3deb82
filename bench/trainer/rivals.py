"""The loops that others use, written for this bench. Each trains the same model on the same text and marks every step on the clock."""

from __future__ import annotations

import tempfile
from typing import Iterator

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from ours import Clock
from shapes import Shape


def make_model(shape: Shape, device: str, dtype: torch.dtype) -> nn.Module:
    from trainer.model.load import make_config

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    config = make_config(dict(shape.architecture), "the bench")
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype)


def batches(text: Tensor, size: int) -> Iterator[Tensor]:
    """Endless batches [size, length] of the text, in order."""
    at = 0
    while True:
        rows = torch.arange(at, at + size) % len(text)
        at = (at + size) % len(text)
        yield text[rows]


def reference(shape: Shape, micro: int, text: Tensor, device: str, clock: Clock) -> None:
    """The reference's kind of loop: one sequence a step, AdamW at a constant 1e-5, no accumulation, the loss read after each step.

    In its favour: pages are at hand (it fetches them over HTTP between steps), and on a GPU the model is bf16 throughout.
    """
    model = make_model(shape, device, torch.bfloat16 if device == "cuda" else torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    clock.step()
    for batch in batches(text, 1):
        inputs = batch.to(device)
        outputs = model(inputs, labels=inputs)
        outputs.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        outputs.loss.detach().item()
        if clock.step():
            return


def nanogpt(shape: Shape, micro: int, text: Tensor, device: str, clock: Clock) -> None:
    """nanoGPT's kind of loop: the whole model compiled on a GPU, autocast over fp32 weights, fused AdamW, accumulation, clipping,
    the next batch pinned and sent while the device works, the loss read every tenth step."""
    gpu = device == "cuda"
    model = make_model(shape, device, torch.float32).train()
    decayed = [param for param in model.parameters() if param.ndim >= 2]
    rest = [param for param in model.parameters() if param.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=gpu)
    forward = torch.compile(model) if gpu else model
    source = batches(text, micro)
    accumulation = shape.sequences // micro

    def fetch() -> Tensor:
        batch = next(source)
        return batch.pin_memory().to(device, non_blocking=True) if gpu else batch

    batch, step = fetch(), 0
    clock.step()
    while True:
        for _ in range(accumulation):
            with torch.autocast(device, dtype=torch.bfloat16, enabled=gpu):
                logits = forward(input_ids=batch, use_cache=False).logits
                targets = nn.functional.pad(batch[:, 1:], (0, 1), value=-1)
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1) / accumulation
            batch = fetch()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 10 == 0:
            loss.item()
        if clock.step():
            return


def hf_trainer(shape: Shape, micro: int, text: Tensor, device: str, clock: Clock) -> None:
    """Hugging Face Trainer with its defaults, bf16 on a GPU, and the same accumulation. Needs the package accelerate."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Mark(TrainerCallback):
        def on_train_begin(self, args, state, control, **_):
            clock.step()

        def on_step_end(self, args, state, control, **_):
            control.should_training_stop = clock.step()
            return control

    class Rows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, i: int) -> dict[str, Tensor]:
            row = text[i % len(text)]
            return {"input_ids": row, "labels": row}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=shape.sequences // micro,
            max_steps=clock.warmup + clock.steps,
            bf16=device == "cuda",
            use_cpu=device == "cpu",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=10,
            seed=0,
        )
        trainer = Trainer(model=make_model(shape, device, torch.float32), args=arguments, train_dataset=Rows(), callbacks=[Mark()])
        trainer.train()


RIVALS = {"reference": reference, "hf": hf_trainer, "nanogpt": nanogpt}
NAMES = {"ours": "pt", "reference": "the reference's kind of loop", "hf": "Hugging Face Trainer", "nanogpt": "nanoGPT's kind of loop"}
