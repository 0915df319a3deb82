"""SDKs and `btcli` of every age against the sandbox: `python test/clients/run.py`; `npm run test:clients`.

Makes an environment for each once, in the user's cache folder: a quarter of a gigabyte each, which is why neither `npm test` nor CI runs this. Each meets a
sandbox of the runtime of its days. PT_NODE is the Node to run `pt` with.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PT = HERE.parents[1] / "bin" / "run.js"
# Version, the sandbox's spec, and what is pinned beside it, where today's newest does not go with it.
CLIENTS = (
    ("6.12.1", "152", ["setuptools<70"]),
    ("9.0.0", "218", ["async-substrate-interface==1.0.3", "scalecodec==1.2.11"]),
    ("10.5.0", "424", []),
    ("11.3.0", "424", []),
)
# Those that know seals: the second reads what the first wrote.
SEALING = ("10.5.0", "11.3.0")
# Of the SDK's version: what it is asked, and what it must show. Whatever the older line shows of a subnet it looks up on the internet first.
BTCLI = {
    "9.0.0": (["subnets", "burn-cost"], "1,000"),
    "11.3.0": (["query", "commitments", "--netuid", "9", "--json"], "me:model:"),
}


def environment(version: str, pins: list[str]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pt" / "clients"
    folder = cache / f"{version}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        wanted = [f"bittensor=={version}", *pins]
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
            subprocess.run([uv, "pip", "install", "-q", "-p", python, *wanted], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        (folder / "ready").touch()
    return python


def pt(arguments: list[str], home: str) -> dict:
    environ = {"PATH": os.environ["PATH"], "HOME": home, "PT_HOME": home}
    done = subprocess.run([os.environ.get("PT_NODE", "node"), PT, *arguments, "--json"], env=environ, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def asked(version: str, python: Path, sandbox: dict, home: str, *, sealed: bool = False) -> list[dict]:
    """What the SDK, and its btcli, did: `{name, error}` each; `sealed`: with seals, by the SDK alone."""
    # No settings of this machine's user, and no place to leave any.
    environ = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": home, "COLUMNS": "200", "NO_COLOR": "1"}
    chain, wallets = sandbox["chain"], sandbox["wallet"]["path"]
    done = subprocess.run([python, "-W", "ignore", HERE / "sdk.py", chain, wallets, *(["sealed"] if sealed else [])], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    if done.returncode != 0 or not lines:
        lines.append({"name": "starts", "error": done.stderr[-300:]})
    if version in BTCLI and not sealed:
        arguments, wanted = BTCLI[version]
        shown = subprocess.run([python.parent / "btcli", *arguments, "--network", chain], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines.append({"name": f"btcli {' '.join(arguments)}", "error": None if wanted in shown.stdout else shown.stdout[-300:]})
    return lines


def main() -> int:
    passed, failed = 0, 0
    homes: dict[str, str] = {}
    try:
        rounds = [(client, False) for client in CLIENTS] + [(client, True) for client in CLIENTS if client[0] in SEALING]
        for (version, spec, pins), sealed in rounds:
            python = environment(version, pins)
            if spec not in homes:
                homes[spec] = tempfile.mkdtemp(prefix="pt-clients-")
                pt(["sandbox", "start", "--detach", "--spec", spec], homes[spec])
            sandbox = pt(["sandbox", "status"], homes[spec])
            for line in asked(version, python, sandbox, homes[spec], sealed=sealed):
                passed, failed = (passed + 1, failed) if line["error"] is None else (passed, failed + 1)
                print(f"{'ok' if line['error'] is None else 'not ok'} bittensor {version} on spec {spec}: {line['name']} {line['error'] or ''}".rstrip(), flush=True)
    finally:
        for home in homes.values():
            pt(["sandbox", "stop"], home)
            shutil.rmtree(home, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
