"""What `compile: true` comes to: layers that run compiled under every activation checkpointing, and a run that says how many graphs that took."""

import pytest
import torch
from test_document_masking import END, loss_model, words

from trainer.model.layers import Frames, checkpoint_activations, compile_layers
from trainer_support import events, finish, start, start_ranks, write_run


def tokens():
    return torch.cat([words(2, 7), torch.tensor([END]), words(1, 24)]).unsqueeze(0).repeat(2, 1)


@pytest.mark.parametrize("which", ["none", "selective", "full"])
def test_layers_are_compiled_under_every_activation_checkpointing(which):
    torch._dynamo.reset()
    plain, compiled = loss_model("llama", "sdpa", False), loss_model("llama", "sdpa", False)
    frames = compile_layers(compiled.model, Frames())
    checkpoint_activations(compiled.model, which)
    losses = []
    for model in (plain, compiled):
        objective, loss = model(tokens())
        objective.backward()
        losses.append(loss.item())
    assert frames.count == 1, "one graph serves all layers"
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for ours, theirs in zip(compiled.parameters(), plain.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-6)
    compiled(tokens())[0].backward()
    assert frames.count == 1, "and the next micro-batch"


@pytest.mark.parametrize(("ranks", "which"), [(1, "full"), (2, "selective")])
def test_a_run_says_what_was_compiled(place, text, ranks, which):
    run_dir = write_run(place / f"{which}-{ranks}", text, {"activation_checkpointing": which}, max_steps=2, compile=True)
    processes = [start(run_dir, place)] if ranks == 1 else start_ranks(run_dir, place, ranks)
    assert finish(*processes, seconds=300) == [0] * ranks, (run_dir / "trainer.log").read_text()
    (said,) = events(run_dir, "compiled")
    assert said["frames"] >= 1 and said["layers"] == 2
    assert not events(run_dir, "warning")
    assert f"torch.compile: {said['frames']} graphs for 2 layers" in (run_dir / "trainer.log").read_text()


def test_nothing_compiled_is_a_warning(place, text):
    run_dir = write_run(place / "off", text, max_steps=1, compile=True)
    assert finish(start(run_dir, place, patch=compile_nothing), seconds=300) == [0], (run_dir / "trainer.log").read_text()
    assert events(run_dir, "compiled")[0]["frames"] == 0
    assert [event["code"] for event in events(run_dir, "warning")] == ["not_compiled"]


def compile_nothing():
    torch.compiler.set_stance("force_eager")
