"""What several processes (gloo, CPU) hold and save: the shards they own, and the masters that were evaluated."""

import gc
import json
import os
from pathlib import Path

import pytest
import torch

from trainer_support import events, finish, metrics, start, start_ranks, write_run

WIDE = {
    "model_type": "llama", "vocab_size": 4096, "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 2,
    "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip
RECIPE = {"architecture": WIDE, "batch_size": 1, "accumulation_steps": 8}


def live_bytes() -> int:
    """Of all fp32 tensors that Python knows, each memory once."""
    gc.collect()
    found = {}
    tensors = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter) and thing.device.type != "meta"]
    gradients = [tensor.grad for tensor in tensors if tensor.is_leaf and type(tensor.grad) is torch.Tensor]
    for tensor in tensors + gradients:
        if tensor.dtype == torch.float32:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(found.values())


def watch_micro_batches():
    """Runs in a rank: what it holds before each micro-batch, into a file."""
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


def watch_parameters():
    """Runs in a rank: what its parameters are right after held-out text was scored, into a file. `state_dict()` would put them back by itself."""
    from trainer.evaluation import Evaluation

    score = Evaluation.held_out_loss

    def held_out_loss(self):
        loss = score(self)
        left = {name: str(tensor.dtype) for name, tensor in self.model.named_parameters() if type(tensor.data).__name__ != "DTensor" or tensor.dtype != torch.float32}
        (Path(self.config.run_dir) / f"gathered-{os.environ['RANK']}.json").write_text(json.dumps(left))
        return loss

    Evaluation.held_out_loss = held_out_loss


def test_the_saved_best_model_is_the_masters_that_were_evaluated(place, text):
    from safetensors.torch import load_file
    from torch.distributed.checkpoint import FileSystemReader, load

    run_dir = write_run(place / "best", text, {**RECIPE, "eval_every_steps": 3, "checkpoint_every_steps": 3}, max_steps=3, dtype="bf16")
    assert finish(*start_ranks(run_dir, place, 2, watch_parameters)) == [0, 0], (run_dir / "trainer.log").read_text()
    for rank in range(2):
        assert json.loads((run_dir / f"gathered-{rank}.json").read_text()) == {}, "averages are put into the masters"
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


def watch_layer_inputs():
    """Runs in a rank: the dtypes that decoder layers, and the loss, take."""
    import trainer.loop
    from trainer.model.layers import decoder_layers

    run = trainer.loop.Trainer.run

    def watched(self):
        seen = set()

        def note(_, args, kwargs):
            for tensor in torch.utils._pytree.tree_leaves((args, kwargs)):
                if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                    seen.add(f"layer {tensor.dtype}")

        for layer in decoder_layers(self.model):
            layer.register_forward_pre_hook(note, with_kwargs=True)
        chunk = self.loss_model.chunk
        self.loss_model.chunk = lambda *given: seen.add(f"loss {given[0].dtype} {given[1].dtype}") or chunk(*given)
        reason = run(self)
        (self.run_dir / f"dtypes-{self.world.rank}.json").write_text(json.dumps(sorted(seen)))
        return reason

    trainer.loop.Trainer.run = watched


def test_one_process_and_two_compute_in_the_same_dtypes(place, text):
    one, two = (write_run(place / name, text, max_steps=2, dtype="bf16") for name in ("dtypes-1", "dtypes-2"))
    assert finish(start(one, place, patch=watch_layer_inputs), *start_ranks(two, place, 2, watch_layer_inputs)) == [0] * 3, (two / "trainer.log").read_text()
    seen = [json.loads((folder / f"dtypes-{rank}.json").read_text()) for folder, rank in ((one, 0), (two, 0), (two, 1))]
    assert seen == [["layer torch.bfloat16", "loss torch.bfloat16 torch.bfloat16"]] * 3
    losses = [[line["loss"] for line in metrics(folder) if "loss" in line] for folder in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


def watch_making():
    """Runs in a rank: bytes that are alive when the model is made, and its weights as they are before the first step."""
    import trainer.loop
    import trainer.setup

    fill, run = trainer.setup.fill, trainer.loop.Trainer.run

    def filled(sharded, source, world):
        before = live_bytes()
        made = fill(sharded, source, world)
        Path(f"{os.environ['PT_TEST_MADE']}-{world.rank}.json").write_text(json.dumps([before, live_bytes(), source is not None]))
        return made

    def started(self):
        from trainer.machine.sharded import whole

        weights = {name: whole(param.detach()).clone() for name, param in self.model.named_parameters()}
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        if self.world.first:
            torch.save({**weights, **buffers}, f"{os.environ['PT_TEST_MADE']}-{self.world.size}.pt")
        return run(self)

    trainer.setup.fill, trainer.loop.Trainer.run = filled, started


@pytest.mark.parametrize(("tied", "dtype"), [(False, "fp32"), (True, "fp32"), (True, "bf16")])
def test_models_are_sharded_before_they_take_memory_and_begin_equal(place, text, tied, dtype):
    recipe = {"architecture": {**WIDE, "tie_word_embeddings": tied}, "param_dtype": dtype}
    one, two = (write_run(place / f"made-{tied}-{dtype}-{count}", text, recipe, max_steps=1) for count in (1, 2))
    environment = {"PT_TEST_MADE": str(place / f"made-{tied}-{dtype}")}
    assert finish(start(one, place, environment, watch_making), *start_ranks(two, place, 2, watch_making, environment)) == [0] * 3, (two / "trainer.log").read_text()
    weights = [torch.load(f"{environment['PT_TEST_MADE']}-{count}.pt", weights_only=True) for count in (1, 2)]
    assert weights[0].keys() == weights[1].keys() and ("lm_head.weight" in weights[0]) != tied
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert weights[0]["model.rotary_emb.inv_freq"].dtype == torch.float32, "positions are those that validators compute"
    whole = events(two, "start")[0]["parameters"] * (4 if dtype == "fp32" else 2)
    before, after, source = json.loads(Path(f"{environment['PT_TEST_MADE']}-1.json").read_text())
    assert not source and before < 0.1 * whole, "a rank that is not the first makes nothing"
    if dtype == "fp32":
        assert 0.45 * whole < after - before < 0.6 * whole, "and then has its shard"
