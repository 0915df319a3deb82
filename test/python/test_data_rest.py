"""Local data of more parts than are read before the first step: what is wrong at its far end is found while training has hardly begun."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_support import ask, numbered_texts
from trainer.data import rest
from trainer.data.shards import file_key
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

PARTS = 80


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


@pytest.fixture
def folder(tmp_path):
    """More files than 64, and the last that training will come to."""
    for part in range(PARTS):
        rows = [json.dumps({"text": text}) for text in numbered_texts(40, f"part {part} row")]
        (tmp_path / f"d/{part:02}.jsonl").parent.mkdir(exist_ok=True)
        (tmp_path / f"d/{part:02}.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path / "d"


def wait_until_read(data) -> None:
    process = data._rest._process
    if process is not None:
        process.wait(120)


def spoil(folder: Path, data, rows: int = 1) -> Path:
    """Makes rows of a file bad that `data` has not come to by its first batches, nor by what it reads ahead."""
    data._streams[0]._ahead[1].result()
    read = [key for source in data._read for key in source.account._counts]
    file = next(file for file in sorted(folder.glob("*.jsonl")) if not any(file_key(file) in key for key in read))
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:30] + ["no json"] * rows + lines[30:]) + "\n")
    return file


def test_a_bad_row_that_training_has_not_come_to_ends_it_at_the_next_batch(folder, tmp_path, tokenizer):
    fine = ask(tokenizer, tmp_path / "cache", folder)
    fine.next_batch()
    bad = spoil(folder, fine)
    data = ask(tokenizer, tmp_path / "cache", folder)
    wait_until_read(data)
    with pytest.raises(TrainerError) as caught:
        data.next_batch()
    assert caught.value.code == "bad_data" and f"{bad}, row 31" in caught.value.message
    assert any("--skip-bad-rows" in step for step in caught.value.next_steps)
    # It was that, and not the row itself: training alone goes on.
    data.next_batch()


def test_rows_that_may_be_skipped_end_nothing_and_what_was_read_is_not_read_again(folder, tmp_path, tokenizer):
    fine = ask(tokenizer, tmp_path / "cache", folder)
    fine.next_batch()
    bad = spoil(folder, fine, rows=3)
    for most, ends in ((2, True), (3, False), (3, False), (2, True)):
        data = ask(tokenizer, tmp_path / "cache", folder, skip_bad_rows=most)
        assert (data._rest._process is None) == (not ends and (tmp_path / "again").exists())
        wait_until_read(data)
        if ends:
            with pytest.raises(TrainerError, match=f"{bad.name}, row 33"):
                data.next_batch()
        else:
            data.next_batch()
            (tmp_path / "again").touch()


def test_only_the_first_rank_looks_and_only_at_what_was_not_read(folder, tmp_path, tokenizer):
    assert ask(tokenizer, tmp_path / "cache", folder, rank=1, world_size=2)._rest is None
    assert ask(tokenizer, tmp_path / "cache", folder / "00.jsonl")._rest is None
    assert ask(tokenizer, tmp_path / "cache", "builtin")._rest is None


def test_a_process_that_cannot_read_is_said(folder, tmp_path):
    told = []
    looked = rest.Rest([str(folder)], ["x"], None, 0, tmp_path / "cache", lambda code, message: told.append((code, message)))
    looked._process.kill()
    looked._process.wait(60)
    looked.look()
    looked.look()
    assert [code for code, _ in told] == ["data_unchecked"]


@pytest.mark.skipif(sys.platform == "win32", reason="/proc")
def test_no_reader_outlives_a_killed_trainer(tmp_path):
    """The pipe that it would read for ever is a file without end."""
    os.mkfifo(tmp_path / "a.jsonl")
    program = f"""
import sys, time; sys.path.insert(0, {str(rest._PYTHON)!r})
from pathlib import Path
from trainer.data.rest import Rest
reader = Rest([{str(tmp_path / "a.jsonl")!r}], ["x"], None, 0, Path({str(tmp_path)!r}), print)
print(reader._process.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait(30)
    end = time.monotonic() + 120
    while alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
