"""Proves that saved models mean the same in the transformers that validators pin, and that `pt check` says what these do: `python test/compat/run.py`.

Makes an environment for each pinned release once (in the user's cache folder; torch is taken from the interpreter that runs this), saves models
with today's transformers and compares. `npm run test:compat`; CI runs it, `npm test` does not: it installs packages and takes about two minutes.
Exit 0: every folder without a named problem is equal to 1e-3, and the unmended ones are not (so the comparison can fail); and of tiny models of every
class, with neighbours of their configs, the verdict of each release (oracle.py) is that of `pt check`. PT_ORACLE=all takes every neighbour instead of a
draw, PT_ORACLE_SEED another draw; PT_NODE is the Node to run `pt` with.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINNED = ("4.38.0", "4.44.1")
# Profile of each, and whether its validators hand the model an empty cache.
JUDGES = {"4.38.0": ("3.2", []), "4.44.1": ("6.0", ["empty-cache"])}
# Of each class: neighbours in one key, and in two. None of the first: all.
DRAWN = ("30", "10")
TOLERANCE = 1e-3


def environment(version: str) -> Path:
    """An interpreter with that transformers; everything it lacks (torch) comes from this one's packages, which stand behind its own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pt" / "compat"
    folder = cache / f"{version}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
            subprocess.run([uv, "pip", "install", "-q", "-p", python, f"transformers=={version}"], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", f"transformers=={version}"], check=True)
        (folder / "ready").touch()
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "rest.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def compare(python: Path | str, folders: Path) -> list[dict]:
    done = subprocess.run([python, HERE / "compare.py", folders], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_equal(line: dict) -> bool:
    return line["error"] is None and line["difference"] is not None and line["difference"] < TOLERANCE and line["tokens"] is True


def lines_of(command: list, **options: object) -> list[dict]:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def verdicts() -> tuple[int, list[str]]:
    """How many verdicts of `pt` are those of the releases, and a line for each that is not."""
    drawn = ("0", "60") if os.environ.get("PT_ORACLE") == "all" else DRAWN
    agreed, wrong = 0, []
    with tempfile.TemporaryDirectory(prefix="pt-oracle-") as out:
        for python in (sys.executable, *map(environment, PINNED)):
            subprocess.run([python, HERE / "oracle.py", "keys", out], check=True, stderr=subprocess.DEVNULL)
        save = [sys.executable, HERE / "oracle.py", "save", out, *drawn, os.environ.get("PT_ORACLE_SEED", "1")]
        subprocess.run(save, check=True, stderr=subprocess.DEVNULL)
        for version, (profile, cache) in JUDGES.items():
            ours = {line["folder"]: line for line in lines_of([os.environ.get("PT_NODE", "node"), HERE / "verdicts.mjs", out, profile])}
            for line in lines_of([environment(version), HERE / "oracle.py", "judge", out, *cache]):
                said = ours[line["folder"]]
                changes = (Path(out) / line["folder"] / "changes.json").read_text()
                if line["verdict"] is None:
                    continue
                if line["verdict"] == said["verdict"] or (len(json.loads(changes)) > 2 and "ready" not in (line["verdict"], said["verdict"])):
                    # Of two faults, which one strikes first is not told.
                    agreed += 1
                    continue
                wrong.append(f"not ok {version} {line['folder']} {changes}: pt says {said['verdict']} {said['rules'][:1]}, it is {line['verdict']}: {line['why']}")
    return agreed, wrong


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="pt-compat-") as temporary:
        subprocess.run([sys.executable, HERE / "make_folders.py", temporary], check=True, stderr=subprocess.DEVNULL)
        lines = [line for version in PINNED for line in compare(environment(version), Path(temporary))]
        lines += compare(sys.executable, Path(temporary))
    present = [line for line in lines if line["difference"] is not None or line["error"]]
    judged = [line for line in present if not line["folder"].startswith("broken") and not line["problems"]]
    wrong = [line for line in judged if not is_equal(line)]
    control = [line for line in present if line["folder"].startswith("broken") and line["version"] in PINNED and not is_equal(line)]
    for line in wrong:
        print(f"not ok {line['version']} {line['folder']}: {line['error'] or line['difference']}")
    agreed, disagreed = verdicts()
    for line in disagreed:
        print(line)
    passed, failed = len(judged) - len(wrong) + agreed, len(wrong) + len(disagreed)
    print(f"{passed} passed, {failed} failed; {len(control)} unmended folders fail, as they should; {agreed} verdicts are those of the releases")
    return 1 if failed or not control or not judged or not agreed else 0


if __name__ == "__main__":
    sys.exit(main())
