"""Starts trainer processes for `pt` and watches over them. Standard library only.

`pt` (src/bridge) loads this file through pythonia and calls `start`, `poll`, `signal_trainer` and `discard`: JSON text in, JSON
text out, no callbacks and no exceptions across the bridge. Run as a program it is also what stands in front of every trainer
process (`--launch`, see `launch`) and what tells versions (`--info`).

No trainer outlives `pt`: when `pt` dies its channel to this process closes, this process ends, and `atexit` kills the trainers;
when this process is killed, the kernel (Linux) or a watching thread (elsewhere) kills each trainer process, torchrun's workers too.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time

WINDOWS = sys.platform == "win32"
HERE = os.path.abspath(__file__)
READ_BYTES = 1 << 20

_trainers = {}


class Trainer:
    def __init__(self, request):
        run_dir = request["run_dir"]
        self.events = os.path.join(run_dir, "events.jsonl")
        self.several = request["processes"] > 1 or request["distributed"] is not None
        self.oom_kills = _oom_kills()
        # What an earlier run (before a resume) left in the files is not this trainer's.
        self.offset = _size(self.events)
        unset = set(request["unset"])
        environment = {**{name: value for name, value in os.environ.items() if name not in unset}, **request["env"]}
        with open(os.path.join(run_dir, "trainer.log"), "ab") as log:
            self.log_offset = log.tell()
            self.process = subprocess.Popen(
                _command(request),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=request["cwd"],
                # A group of its own: Ctrl-C in the terminal is for `pt`, which asks the trainer.
                creationflags=0x200 if WINDOWS else 0,
                start_new_session=not WINDOWS,
            )
        self.pidfd = _pidfd(self.process.pid)

    def wait(self, seconds):
        """Returns when the process has ended, at the latest after `seconds`."""
        if self.pidfd is not None:
            select.select([self.pidfd], [], [], seconds)
            return
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)

    def exit(self):
        """How the process ended, or None."""
        code = self.process.poll()
        if code is None:
            return None
        # Whatever the leader left behind in its group (data loaders, compilers) has nobody to work for.
        _kill_group(self.process.pid)
        name = signal.Signals(-code).name if code < 0 else None
        oom = self.oom_kills is not None and (_oom_kills() or 0) > self.oom_kills
        return {"code": None if name else code, "signal": name, "oom": oom}

    def interrupt(self):
        """First Ctrl-C. torchrun would answer it by terminating its workers twice over, so they are asked directly."""
        pids = _children().get(self.process.pid, []) if self.several else []
        for pid in pids or [self.process.pid]:
            _send(pid, signal.SIGTERM if WINDOWS else signal.SIGINT)

    def kill(self):
        """Ends the leader, everything below it, and their groups."""
        if self.process.poll() is None:
            if WINDOWS:
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(self.process.pid)], capture_output=True, check=False)
                return
            below = _descendants(self.process.pid)
            _kill_group(self.process.pid)
            for pid in below:
                _send(pid, signal.SIGKILL)

    def abort(self):
        """For a process that hangs: faulthandler writes every thread's stack to trainer.log on SIGABRT; then the end."""
        if not WINDOWS:
            for pid in _descendants(self.process.pid) if self.several else [self.process.pid]:
                _send(pid, signal.SIGABRT)
            self.wait(1.0)
        self.kill()


def _command(request):
    target = [request["script"], "--config", request["config"]]
    launcher = [sys.executable, "-u", HERE, "--launch"]
    processes, distributed = request["processes"], request["distributed"]
    if processes == 1 and distributed is None:
        return [*launcher, str(os.getpid()), *target]
    torchrun = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    if distributed is None:
        torchrun.append("--standalone")
    else:
        torchrun += [f"--{name.replace('_', '-')}={value}" for name, value in distributed.items()]
    # Each worker gets a launcher of its own, because torchrun does not tie its workers' lives to its own.
    return [*launcher, str(os.getpid()), *torchrun, HERE, "--launch", "0", *target]


# What `pt` calls ---------------------------------------------------------------------------------------------------------


def _answer(function):
    def call(text):
        try:
            return json.dumps({"ok": function(json.loads(text))})
        except OSError as error:
            return json.dumps({"error": {"errno": error.errno, "file": error.filename, "message": str(error)}})
        except Exception as error:  # A bug here must reach `pt` as text: an exception across the bridge loses its message.
            return json.dumps({"error": {"errno": None, "file": None, "message": f"{type(error).__name__}: {error}"}})

    return call


@_answer
def start(request):
    """Starts a trainer. Gives its `id`, `pid` (also its process group) and where its events and log begin."""
    trainer = Trainer(request)
    _trainers[trainer.process.pid] = trainer
    return {"id": trainer.process.pid, "offset": trainer.offset, "log_offset": trainer.log_offset}


@_answer
def poll(request):
    """Complete event lines from byte `offset` on; waits up to `wait` seconds when there are none and the trainer lives."""
    trainer = _trainers[request["id"]]
    lines, offset = _read_lines(trainer.events, request["offset"])
    if not lines:
        trainer.wait(request["wait"])
    # The end is looked at before the last read, so that nothing written before it is missed.
    ended = trainer.exit()
    if not lines:
        lines, offset = _read_lines(trainer.events, offset)
    return {"lines": lines, "offset": offset, "exit": None if lines else ended}


@_answer
def signal_trainer(request):
    """`how`: `interrupt` (checkpoint and end), `abort` (a hang: stacks to the log, then the end), `kill`."""
    trainer = _trainers.get(request["id"])
    if trainer is not None:
        {"interrupt": trainer.interrupt, "abort": trainer.abort, "kill": trainer.kill}[request["how"]]()
    return


@_answer
def discard(request):
    """Kills a trainer if it still runs, and forgets it."""
    trainer = _trainers.pop(request["id"], None)
    if trainer is not None:
        trainer.kill()
        try:
            trainer.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        if trainer.pidfd is not None:
            os.close(trainer.pidfd)
    return


def host():
    """Called once by `pt`: from now on this process belongs to it alone."""

    def end(_number, _frame):
        _kill_all()
        os._exit(143)

    # A handler that does nothing, not SIG_IGN: that one would be inherited by the trainers.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, end)
    atexit.register(_kill_all)
    return os.getpid()


def _kill_all():
    for trainer in list(_trainers.values()):
        trainer.kill()


# Files and processes -----------------------------------------------------------------------------------------------------


def _read_lines(path, offset):
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(READ_BYTES)
            while data and b"\n" not in data:
                more = file.read(READ_BYTES)
                if not more:
                    break
                data += more
    except FileNotFoundError:
        return "", offset
    end = data.rfind(b"\n") + 1
    return data[:end].decode("utf-8", "replace"), offset + end


def _size(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _pidfd(pid):
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _send(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _kill_group(pid):
    if not WINDOWS:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def _children():
    """Parent pid -> children's pids, of all processes."""
    children = {}
    if os.path.isdir("/proc/self"):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The second field, the command in parentheses, may hold spaces and parentheses itself.
                    parent = int(file.read().rsplit(b")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(name))
    else:
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
        for pid, parent in (line.split() for line in table.splitlines()):
            children.setdefault(int(parent), []).append(int(pid))
    return children


def _descendants(pid):
    children, found, todo = _children(), [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _oom_kills():
    """Processes that the kernel has killed for lack of memory, in the machine or in a container, since boot. None: unknown."""
    try:
        with open("/proc/vmstat") as file:
            for line in file:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


# In front of a trainer process -------------------------------------------------------------------------------------------


def launch(parent, target):
    """Ties this process's life to its parent's, then becomes `target` (a script or `-m module`, with its arguments).

    Linux: PR_SET_PDEATHSIG, which survives exec. Elsewhere: a thread that looks whether the parent is still the same.
    `parent` is the expected parent's pid, or 0 when the starter could not know it.
    """
    here = os.getppid()
    _no_core_dump()
    if sys.platform == "linux" and os.environ.get("PT_LIFELINE_BY") != "thread":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != (parent or here):
            os._exit(137)
        os.execv(sys.executable, [sys.executable, "-u", "-X", "faulthandler", *target])
    if not WINDOWS:
        threading.Thread(target=_die_with, args=(parent or here,), daemon=True).start()
    _become(target)


def _die_with(parent):
    while os.getppid() == parent:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def _become(target):
    import faulthandler
    import runpy

    faulthandler.enable()
    if target[0] == "-m":
        sys.argv = target[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(target[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = target
        sys.path[0] = os.path.dirname(os.path.abspath(target[0]))
        runpy.run_path(target[0], run_name="__main__")


def _no_core_dump():
    """A trainer's core dump is as large as its memory, and SIGABRT is sent to hung ones for their stacks."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, ValueError, OSError):
        pass


def info():
    """Versions of what the trainer uses, what CUDA offers, and why training would not import; imports torch (seconds)."""
    from importlib import metadata

    names = ["torch", "transformers", "safetensors", "tokenizers", "pyarrow", "numpy", "huggingface-hub", "flash-attn"]
    packages = {}
    for name in names:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    answer = {"python": sys.version.split()[0], "packages": packages, "cuda": None, "mps": False, "gpus": [], "problem": None}
    try:
        import torch

        answer["cuda"] = torch.version.cuda if torch.cuda.is_available() else None
        answer["mps"] = bool(torch.backends.mps.is_available())
        for index in range(torch.cuda.device_count() if answer["cuda"] else 0):
            free, total = torch.cuda.mem_get_info(index)
            answer["gpus"].append({"name": torch.cuda.get_device_name(index), "free_bytes": free, "total_bytes": total})
        # What training needs is what training imports: no list of it can be out of date.
        import trainer.loop
        import trainer.setup  # noqa: F401
    except Exception as error:  # A broken installation can fail in any way; that is what is asked here.
        answer["problem"] = f"{type(error).__name__}: {error}"
    return answer


if __name__ == "__main__":
    if sys.argv[1:2] == ["--launch"] and len(sys.argv) > 3:
        launch(int(sys.argv[2]), sys.argv[3:])
    elif sys.argv[1:2] == ["--info"]:
        print(json.dumps(info()))
    else:
        sys.exit("This file belongs to `pt`; run python/train.py --config run.json instead.")
