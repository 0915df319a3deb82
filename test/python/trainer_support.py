"""Runs of the real trainer in processes of their own, forked from one that has PyTorch loaded already (seconds saved a run)."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["trainer.loop", "trainer.setup", "trainer.data", "transformers.models.llama.modeling_llama"])

NANO = {
    "name": "nano",
    "architecture": {
        "model_type": "llama",
        "vocab_size": 4096,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
    },
    "tokenizer": "builtin",
    "sequence_length": 32,
    "batch_size": 4,
    "accumulation_steps": 2,
    "steps_per_epoch": 12,
    "optimizer": {"name": "muon", "lr": 0.003, "muon_lr": 0.02, "embedding_lr": 0.01, "weight_decay": 0.01},
    "schedule": {"name": "wsd", "warmup_steps": 2},
    "eval_every_steps": 5,
    "eval_sequences": 16,
    "checkpoint_every_steps": 4,
}


def write_text(folder: Path) -> Path:
    """Real English, about 150 kB, in one file of several documents."""
    from pydoc_data.topics import topics

    path = folder / "text.jsonl"
    with open(path, "w") as file:
        file.writelines(json.dumps({"text": topics[name]}) + "\n" for name in sorted(topics)[:30])
    return path


def write_run(run_dir: Path, text: Path, recipe: dict | None = None, **request) -> Path:
    """A run folder with its run.json; `recipe` holds changes to NANO."""
    run_dir.mkdir(parents=True, exist_ok=True)
    merged = copy.deepcopy(NANO)
    for key, value in (recipe or {}).items():
        merged[key] = {**merged[key], **value} if isinstance(merged.get(key), dict) and key != "architecture" else value
    config = {
        "version": 1,
        "run_dir": str(run_dir),
        "source": {"kind": "recipe", "path": None, "config": None},
        "recipe": merged,
        "data": [{"name": str(text), "weight": 1.0}],
        "device": "cpu",
        "offline": True,
        **request,
    }
    (run_dir / "run.json").write_text(json.dumps(config))
    return run_dir


def start(run_dir: Path, home: Path, env: dict | None = None, patch=None):
    """Starts one trainer process; `patch` (a module-level function) runs in it before training."""
    process = _context.Process(target=_child, args=(str(run_dir), {"PT_HOME": str(home), **(env or {})}, patch))
    process.start()
    return process


def start_ranks(run_dir: Path, home: Path, count: int, patch=None, env: dict | None = None) -> list:
    """`count` trainer processes with the environment that torchrun gives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {**(env or {}), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [start(run_dir, home, {**shared, "RANK": str(i), "LOCAL_RANK": str(i)}, patch) for i in range(count)]


def finish(*processes, seconds: float = 90) -> list[int]:
    """Exit codes; kills what is not done in time."""
    end = time.monotonic() + seconds
    for process in processes:
        process.join(max(0.1, end - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def events(run_dir: Path, type: str | None = None) -> list[dict]:
    path = run_dir / "events.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if type is None or line["type"] == type]


def metrics(run_dir: Path) -> list[dict]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def wait_for(condition, seconds: float = 60):
    """Polls until `condition()` is true and returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def _child(run_dir: str, env: dict, patch) -> None:
    os.environ.update(env)
    log = os.open(os.path.join(run_dir, "trainer.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    torch.set_num_threads(1)
    sys.argv = ["train.py", "--config", os.path.join(run_dir, "run.json")]
    if patch is not None:
        patch()
    import train

    sys.exit(train.main())


def same_as_best(run_dir: Path) -> Path:
    """Exports the checkpoint of the step that best/ is of, which must come out as best/ is, to the byte; returns the new folder."""
    from trainer.record.export import export_checkpoint
    from trainer.request import read_config

    best, step = run_dir / "best", json.loads((run_dir / "best.json").read_text())["step"]
    out = run_dir / "exported"
    export_checkpoint(run_dir / "checkpoints" / f"step-{step}", best, read_config(run_dir / "run.json"), out, lambda: None)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {file.name: file.read_bytes() for file in best.iterdir()}
    return out
