"""What several processes (gloo, CPU) hold and save: the shards they own, and the masters that were evaluated."""

import gc
import json
from pathlib import Path

import torch

from trainer_support import events, finish, start_ranks, write_run

WIDE = {
    "model_type": "llama", "vocab_size": 4096, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 2,
    "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip
RECIPE = {"architecture": WIDE, "batch_size": 1, "accumulation_steps": 8}


def live_bytes() -> int:
    """Of all fp32 tensors that Python knows, each memory once."""
    gc.collect()
    found = {}
    tensors = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
    gradients = [tensor.grad for tensor in tensors if tensor.is_leaf and type(tensor.grad) is torch.Tensor]
    for tensor in tensors + gradients:
        if tensor.dtype == torch.float32:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(found.values())


def watch_micro_batches():
    """Runs in a rank: what it holds before each micro-batch, into a file."""
    import os

    from trainer.loop import Trainer

    ask, held = Trainer._next_tokens, []

    def next_tokens(self):
        held.append(live_bytes())
        (self.run_dir / f"held-{os.environ['RANK']}.json").write_text(json.dumps(held))
        return ask(self)

    Trainer._next_tokens = next_tokens


def test_between_micro_batches_a_rank_holds_the_gradients_of_its_shard_alone(place, text):
    run_dir = write_run(place / "held", text, RECIPE, max_steps=2)
    assert finish(*start_ranks(run_dir, place, 2, watch_micro_batches)) == [0, 0], (run_dir / "trainer.log").read_text()
    whole = 4 * events(run_dir, "start")[0]["parameters"]
    for rank in range(2):
        held = json.loads((run_dir / f"held-{rank}.json").read_text())
        assert len(held) == 8, "two steps of four micro-batches a rank"
        gradients = [now - held[4] for now in held[5:]]
        assert all(0.45 * whole < grown < 0.6 * whole for grown in gradients), (whole, held)


def test_the_saved_best_model_is_the_masters_that_were_evaluated(place, text):
    from safetensors.torch import load_file
    from torch.distributed.checkpoint import FileSystemReader, load

    run_dir = write_run(place / "best", text, {**RECIPE, "eval_every_steps": 3, "checkpoint_every_steps": 3}, max_steps=3, dtype="bf16")
    assert finish(*start_ranks(run_dir, place, 2)) == [0, 0], (run_dir / "trainer.log").read_text()
    assert json.loads((run_dir / "best.json").read_text())["step"] == 3
    best = load_file(run_dir / "best" / "model.safetensors")
    reader = FileSystemReader(Path(run_dir / "checkpoints" / "step-3"))
    kept = {name: torch.empty(tensor.shape) for name, tensor in best.items()}
    state = {f"model.{name}": tensor for name, tensor in kept.items()}
    load(state, storage_reader=reader, no_dist=True)
    for name, tensor in best.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, kept[name]), f"{name} differs by {(tensor - kept[name]).abs().max():.1e}"
        assert not torch.equal(tensor, tensor.bfloat16().float()) or tensor.ndim == 1, f"{name} was rounded"
