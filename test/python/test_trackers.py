"""Trackers, each with its real package, offline. The packages are no part of the environment: PT_SLOW=1 installs them into a folder of the test."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trainer_support import events, finish, metrics, start, write_run

NAMES = ["tensorboard", "trackio", "wandb"]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_named_before_anything_else(place, text, name):
    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed here")
    run_dir = write_run(place / f"missing-{name}", text, report_to=[name])
    assert finish(start(run_dir, place)) == [7]
    error = events(run_dir, "error")[0]
    assert error["code"] == "missing_package" and f"--report-to {name}" in error["message"]
    assert "install" in error["next_steps"][0] and name in error["next_steps"][0] and sys.executable in error["next_steps"][0]
    assert not any(event["name"] == "tokenizing" for event in events(run_dir, "phase"))


def test_an_unknown_tracker_is_named(place, text):
    run_dir = write_run(place / "unknown", text, report_to=["notebook"])
    assert finish(start(run_dir, place)) == [7]
    assert "'notebook'" in events(run_dir, "error")[0]["message"]


@pytest.fixture(scope="module")
def packages(place):
    """Folder of each tracker's packages."""
    uv = shutil.which("uv") or str(Path.home() / ".cache" / "pt" / "uv" / "bin" / "uv")
    for name in NAMES:
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(place / "packages" / name), name]
        subprocess.run(command, check=True, timeout=300)
    return place / "packages"


def add_packages():
    """Runs in the trainer's process: the packages come last, and no connection may leave this machine."""
    sys.path.append(os.environ["PT_TEST_PACKAGES"])
    connect = socket.socket.connect

    def checked(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            with open(os.environ["PT_TEST_CONNECTIONS"], "a") as file:
                file.write(f"{address}\n")
            raise OSError("no connection may leave this machine")
        return connect(self, address)

    socket.socket.connect = checked


@pytest.mark.skipif(not os.environ.get("PT_SLOW"), reason="installs packages: PT_SLOW=1")
@pytest.mark.parametrize("name", NAMES)
def test_offline_it_keeps_the_curves_in_the_run_folder(place, text, packages, name):
    run_dir = write_run(place / name, text, report_to=[name], max_steps=6)
    connections = place / f"{name}.connections"
    env = {"PT_TEST_PACKAGES": str(packages / name), "PT_TEST_CONNECTIONS": str(connections)}
    assert finish(start(run_dir, place, env, add_packages), seconds=120) == [0], (run_dir / "trainer.log").read_text()
    assert not events(run_dir, "warning"), events(run_dir, "warning")
    assert not connections.exists(), connections.read_text()
    losses = [line["loss"] for line in metrics(run_dir) if "loss" in line]
    found = READERS[name](run_dir, str(packages / name))
    assert found == pytest.approx(losses, rel=1e-6)


def read_tensorboard(run_dir, packages):
    code = (
        "import sys, json; sys.path.append(sys.argv[2])\n"
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
        "reader = EventAccumulator(sys.argv[1]); reader.Reload()\n"
        "print(json.dumps([point.value for point in reader.Scalars('loss')]))"
    )
    out = subprocess.run([sys.executable, "-c", code, str(run_dir / "tensorboard"), packages], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(out.stdout.splitlines()[-1])


def read_trackio(run_dir, packages):
    import sqlite3

    database = next((run_dir / "trackio").glob("*.db"))
    with sqlite3.connect(database) as connection:
        rows = [json.loads(row[0]) for row in connection.execute("select metrics from metrics order by id")]
    return [row["loss"] for row in rows if "loss" in row]


def read_wandb(run_dir, packages):
    code = (
        "import sys, json; sys.path.append(sys.argv[2])\n"
        "from wandb.proto import wandb_internal_pb2 as pb\n"
        "data, place, losses = open(sys.argv[1], 'rb').read(), 7, []\n"
        "while place + 7 <= len(data):\n"  # a log of LevelDB's form in blocks of 32 kB; small records are never split
        "    size, kind = int.from_bytes(data[place + 4 : place + 6], 'little'), data[place + 6]\n"
        "    if kind == 0:\n"
        "        place += 32768 - place % 32768; continue\n"
        "    if kind == 1:\n"
        "        record = pb.Record(); record.ParseFromString(data[place + 7 : place + 7 + size])\n"
        "        items = {(item.key or '/'.join(item.nested_key)): json.loads(item.value_json) for item in record.history.item}\n"
        "        losses += [items['loss']] if 'loss' in items else []\n"
        "    place += 7 + size\n"
        "print(json.dumps(losses))"
    )
    file = next(run_dir.glob("wandb/offline-run-*/*.wandb"))
    out = subprocess.run([sys.executable, "-c", code, str(file), packages], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(out.stdout.splitlines()[-1])


READERS = {"tensorboard": read_tensorboard, "trackio": read_trackio, "wandb": read_wandb}
