"""Order, split and position: each document once an epoch, none of the held-out ones, the same for every world size, exact on resume."""

import itertools
import json

import numpy as np
import pytest
import torch

from data_support import ask, numbered_texts, write_parquet
from trainer.data import stream
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

ROWS = 400


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two parquet files of 10 row groups each."""
    root = tmp_path_factory.mktemp("corpus")
    for part in range(2):
        write_parquet(root / f"{part}.parquet", numbered_texts(ROWS // 2, f"file{part} row"), 20)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def documents_in(tokens: torch.Tensor, tokenizer) -> list[str]:
    """Whole documents of a packed stream."""
    stream = tokens.flatten().tolist()
    text, pieces = [], []
    for token in stream:
        if token == tokenizer.eos_token_id:
            pieces.append(tokenizer.decode(text))
            text = []
        else:
            text.append(token)
    return pieces


def take(data, count: int) -> torch.Tensor:
    return torch.cat([data.next_batch() for _ in range(count)])


def test_an_epoch_has_every_training_document_once_and_no_held_out_one(folder, cache, tokenizer):
    data = ask(tokenizer, cache, folder)
    texts = set(numbered_texts(ROWS // 2, "file0 row")) | set(numbered_texts(ROWS // 2, "file1 row"))
    held_out = set(documents_in(data.held_out, tokenizer)) & texts
    assert 3 <= len(held_out) <= ROWS * 0.1
    seen = [text for text in documents_in(take(data, data.epoch_batches), tokenizer) if text in texts]
    # The last batch of the epoch may be cut off, and the first piece of each held-out document is not whole.
    assert len(seen) == len(set(seen)) >= ROWS * 0.9
    assert not held_out & set(seen)
    later = documents_in(take(data, 3 * data.epoch_batches), tokenizer)
    assert not held_out & set(later)
    assert len(set(later) & texts) >= ROWS * 0.94


def test_the_held_out_text_does_not_depend_on_seed_or_world(folder, cache, tokenizer):
    one = ask(tokenizer, cache, folder)
    for other in (ask(tokenizer, cache, folder, seed=9), ask(tokenizer, cache, folder, world_size=4, rank=3)):
        assert torch.equal(one.held_out, other.held_out) and one.unigram_entropy == other.unigram_entropy
    assert one.held_out.dtype == torch.int64 and one.held_out.shape[1] == 32
    counts = np.unique(one.held_out.numpy(), return_counts=True)[1] / one.held_out.numel()
    assert one.unigram_entropy == pytest.approx(-(counts * np.log(counts)).sum())


def test_documents_are_joined_by_eos(folder, cache, tokenizer):
    batch = take(ask(tokenizer, cache, folder), 20)
    assert batch.dtype == torch.int64 and batch.shape == (80, 32)
    assert (batch == tokenizer.eos_token_id).sum() >= 80 * 32 // 200


def test_the_seed_decides_the_order(folder, cache, tokenizer):
    first = take(ask(tokenizer, cache, folder), 5)
    assert torch.equal(first, take(ask(tokenizer, cache, folder), 5))
    assert not torch.equal(first, take(ask(tokenizer, cache, folder, seed=1), 5))


def test_epochs_differ_in_order(folder, cache, tokenizer):
    data = ask(tokenizer, cache, folder)
    first = documents_in(take(data, data.epoch_batches), tokenizer)
    second = documents_in(take(data, data.epoch_batches), tokenizer)
    assert first != second and len(set(first) & set(second)) > ROWS * 0.85


@pytest.mark.parametrize("world", [2, 4])
def test_the_global_order_is_the_same_for_every_world_size(folder, cache, tokenizer, world):
    alone = take(ask(tokenizer, cache, folder, batch_size=4), 12)
    ranks = [ask(tokenizer, cache, folder, batch_size=4 // world, world_size=world, rank=rank) for rank in range(world)]
    for step in range(12):
        together = torch.cat([data.next_batch() for data in ranks])
        assert torch.equal(together, alone[4 * step : 4 * step + 4])
    assert all(data.state_dict() == ranks[0].state_dict() for data in ranks)
    assert ranks[0].epoch_batches == ask(tokenizer, cache, folder, batch_size=4).epoch_batches


@pytest.mark.parametrize("steps", [0, 1, 7, 100, 333])
def test_resume_is_exact_wherever_it_stopped(folder, cache, tokenizer, steps):
    data = ask(tokenizer, cache, folder)
    for _ in range(steps):
        data.next_batch()
    state = json.loads(json.dumps(data.state_dict()))
    again = ask(tokenizer, cache, folder)
    again.load_state_dict(state)
    for _ in range(150):  # through the end of a window, a group and an epoch
        assert torch.equal(again.next_batch(), data.next_batch())


def test_a_checkpoint_of_four_goes_on_with_two_and_one(folder, cache, tokenizer):
    four = ask(tokenizer, cache, folder, batch_size=1, world_size=4)
    for _ in range(5):
        four.next_batch()
    one, two = ask(tokenizer, cache, folder), [ask(tokenizer, cache, folder, batch_size=2, world_size=2, rank=rank) for rank in range(2)]
    for data in (one, *two):
        data.load_state_dict(four.state_dict())
    assert torch.equal(one.next_batch(), torch.cat([data.next_batch() for data in two]))


def test_windows_smaller_than_the_data_still_give_every_document(folder, cache, tokenizer, monkeypatch):
    monkeypatch.setattr(stream, "_WINDOW", 3)
    data = ask(tokenizer, cache, folder)
    seen = documents_in(take(data, data.epoch_batches), tokenizer)
    assert len(set(seen) & (set(numbered_texts(ROWS // 2, "file0 row")) | set(numbered_texts(ROWS // 2, "file1 row")))) > ROWS * 0.9


def test_other_data_refuses_the_position(folder, cache, tokenizer):
    state = ask(tokenizer, cache, folder).state_dict()
    for other in (ask(tokenizer, cache, folder / "0.parquet"), ask(tokenizer, cache, folder, seed=1), ask(tokenizer, cache, folder, sequence_length=16)):
        with pytest.raises(TrainerError) as caught:
            other.load_state_dict(state)
        assert caught.value.code == "data_changed"


def test_a_mixture_keeps_its_weights_exactly(folder, cache, tokenizer):
    data = ask(tokenizer, cache, {folder / "0.parquet": 3.0, folder / "1.parquet": 1.0}, batch_size=8)
    for step in range(1, 40):
        data.next_batch()
        taken = data.state_dict()["taken"]
        assert sum(taken) == 8 * step and abs(taken[0] - 6 * step) <= 1
    assert data.held_out.shape[0] >= 2


def test_pages_are_runs_of_consecutive_rows(folder, cache, tokenizer, monkeypatch):
    monkeypatch.setattr(stream, "_PAGE_ROWS", 10)
    data = ask(tokenizer, cache, folder / "0.parquet", pages_per_epoch=2)
    tokens = sum(len(tokenizer.encode(text)) + 1 for text in numbered_texts(ROWS // 2, "file0 row"))
    # The file has 200 rows, which are two pages as the request counts them.
    assert data.epoch_batches == round(tokens / (4 * 32))
    rows = [int(text.split()[2 if text.startswith("file0 row") else 0]) for text in documents_in(take(data, 40), tokenizer) if text.startswith("file0 row")]
    following = sum(b == a + 1 for a, b in itertools.pairwise(rows))
    assert following > len(rows) * 0.7


def test_tokens_are_kept_and_a_damaged_file_is_made_again(folder, tmp_path, tokenizer):
    told: list[str] = []
    first = take(ask(tokenizer, tmp_path, folder, on_progress=told.append), 3)
    assert told
    told.clear()
    assert torch.equal(take(ask(tokenizer, tmp_path, folder, on_progress=told.append), 3), first) and not told
    kept = sorted(tmp_path.rglob("*.safetensors"))
    assert len(kept) == 20
    kept[0].write_bytes(kept[0].read_bytes()[:50])
    assert torch.equal(take(ask(tokenizer, tmp_path, folder, on_progress=told.append), 3), first) and told


def test_duplicates_of_held_out_text_are_not_trained_on(tmp_path, tokenizer):
    texts = numbered_texts(100)
    write_parquet(tmp_path / "d/a.parquet", texts * 3, 50)
    data = ask(tokenizer, tmp_path / "cache", tmp_path / "d")
    held_out = set(documents_in(data.held_out, tokenizer)) & set(texts)
    assert held_out and not held_out & set(documents_in(take(data, 3 * data.epoch_batches), tokenizer))
