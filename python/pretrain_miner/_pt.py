"""Runs `pt … --json` and gives back its one object; its progress goes to this process's stderr."""

from __future__ import annotations

import json
import shutil
import subprocess

#: Name of the command, or its words when it is not on the PATH: `["node", "/path/to/bin/run.js"]`.
command: list[str] = ["pt"]


class PtError(Exception):
    """What `pt` said went wrong. `code` is stable; `next_steps` are commands to type; `exit_code` is in docs."""

    def __init__(self, code: str, message: str, next_steps: list[str], exit_code: int, details: dict | None = None):
        super().__init__("\n".join([f"{message} [{code}]", *(f"  -> {step}" for step in next_steps)]))
        self.code = code
        self.message = message
        self.next_steps = next_steps
        self.exit_code = exit_code
        self.details = details or {}


def run(args: list[str]) -> dict:
    """The object that `pt ARGS --json` prints. Raises PtError for whatever it refuses."""
    if shutil.which(command[0]) is None:
        raise PtError(
            "pt.missing",
            f"The command {command[0]!r} is not on the PATH.",
            ["npm install -g pretrain-miner", "pretrain_miner._pt.command = ['node', '/path/to/bin/run.js']"],
            2,
        )
    done = subprocess.run([*command, *args, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise PtError("pt.no_answer", f"pt ended with {done.returncode} and said nothing.", ["pt doctor"], 1) from None
    error = answer.get("error") if isinstance(answer, dict) else None
    if error is not None:
        known = {"code", "message", "nextSteps", "exitCode"}
        details = {key: value for key, value in error.items() if key not in known}
        raise PtError(error["code"], error["message"], error["nextSteps"], error["exitCode"], details)
    return answer


def flags(**options: object) -> list[str]:
    """`netuid=9, dry_run=True` as `--netuid 9 --dry-run`; None and False are left out."""
    words: list[str] = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return words
