"""Proves that saved models mean the same in the transformers that validators pin: `python test/compat/run.py`.

Makes an environment for each pinned release once (in the user's cache folder; torch is taken from the interpreter that runs this), saves models
with today's transformers and compares. `npm run test:compat`; CI runs it, `npm test` does not: it installs packages and takes about two minutes.
Exit 0: every folder without a named problem is equal to 1e-3, and the unmended ones are not (so the comparison can fail).
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
    print(f"{len(judged) - len(wrong)} passed, {len(wrong)} failed; {len(control)} unmended folders fail, as they should")
    return 1 if wrong or not control or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
