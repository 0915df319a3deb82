"""Load, save and publish models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._pt import PtError, flags, run

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def download(uid: int | None = None, download_dir: str | os.PathLike | None = None, force: bool = False, **network: Any) -> Path:
    """Downloads a miner's model (the best one's without `uid`) and verifies it against the chain. Returns its folder.

    Raises PtError with exit code 3 when the commitment does not parse or the content is not what the chain says.
    """
    which = ["load-best"] if uid is None else ["load", "--uid", str(uid)]
    directory = None if download_dir is None else Path(download_dir).resolve()
    return Path(run([*which, *flags(dir=directory, force=force, **network)])["dir"])


def load_remote_model(uid: int, download_dir: str | os.PathLike | None = None, **network: Any) -> PreTrainedModel:
    """Downloads, verifies and opens the model that the miner `uid` has on chain (fp32, on the CPU)."""
    return load_local_model(download(uid, download_dir, **network))


def load_best_model(download_dir: str | os.PathLike | None = None, **network: Any) -> PreTrainedModel:
    """Downloads, verifies and opens the model of the best miner."""
    return load_local_model(download(None, download_dir, **network))


def load_local_model(model_dir: str | os.PathLike, use_bf16: bool = False, **options: Any) -> PreTrainedModel:
    """Opens a model folder in fp32 (`use_bf16`: in bf16): safetensors only, never code from the folder. `options` go to `from_pretrained`."""
    try:
        import torch
        from transformers import AutoModelForCausalLM
    except ImportError:
        raise PtError(
            "python.missing_package",
            f"Opening a model needs transformers and torch; its files are in {model_dir}.",
            ["pip install transformers torch", "pretrain_miner.mining.download(…)   # files only"],
            2,
        ) from None
    fixed = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
    if "dtype" not in options and "torch_dtype" not in options:
        options["torch_dtype"] = torch.bfloat16 if use_bf16 else torch.float32
    elif use_bf16:
        raise TypeError("use_bf16 and a dtype say the same thing twice; give one of them")
    return AutoModelForCausalLM.from_pretrained(str(model_dir), **{**options, **fixed})


def save(model: PreTrainedModel, model_dir: str | os.PathLike, tokenizer: Any = None) -> Path:
    """Writes a model (and its tokenizer) as safetensors, with the keys that the validators' older transformers read. Returns the folder."""
    directory = Path(model_dir)
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(directory), safe_serialization=True)
    if tokenizer is not None:
        tokenizer.save_pretrained(str(directory))
    run(["check", str(directory.resolve()), "--fix", "--offline"])
    return directory


def push(
    model: PreTrainedModel | str | os.PathLike,
    repo: str,
    wallet: Any = None,
    *,
    dtype: str = "bf16",
    use_hotkey_in_hash: bool = False,
    private: bool = False,
    wait: bool = False,
    restart: bool = False,
    fields: Mapping[str, str] | None = None,
    tokenizer: Any = None,
    **network: Any,
) -> dict:
    """Publishes a model, or a model folder, as `pt upload` does: check, private upload, commitment, read back, public.

    `fields`: values that the profile's text names and pt cannot know. `wallet` is `"name/hotkey"`, a dict of `name`, `hotkey`, `path`, or a bittensor wallet object (only its names are used).
    Returns `repo`, `commit`, `contentHash`, `commitment`, `block`, `hotkey`, `public`, `bytesUploaded`, `resumed`. Calling it again
    after anything is safe: it goes on where it stopped and never commits twice. It does not ask before it writes to a real network.
    """
    options = flags(
        hf_repo_id=repo,
        dtype=dtype,
        use_hotkey_in_hash=use_hotkey_in_hash,
        private=private,
        wait=wait,
        restart=restart,
        yes=True,
        **_wallet_options(wallet),
        **network,
    )
    options += [word for name, value in (fields or {}).items() for word in ("--field", f"{name}={value}")]
    if isinstance(model, (str, os.PathLike)):
        return run(["upload", "--load-model-dir", str(Path(model).resolve()), *options])
    with tempfile.TemporaryDirectory(prefix="pretrain-miner-") as directory:
        save(model, directory, tokenizer)
        return run(["upload", "--load-model-dir", directory, *options])


def get_repo(uid: int, **network: Any) -> str | None:
    """Address of the revision that a miner has on chain; None when its commitment names none."""
    rows = run(["status", *flags(**network)])["neurons"]
    return next((row["url"] for row in rows if row["uid"] == uid), None)


def _wallet_options(wallet: Any) -> dict[str, str | None]:
    if wallet is None:
        return {}
    if isinstance(wallet, str):
        name, _, hotkey = wallet.partition("/")
        return {"wallet_name": name, "wallet_hotkey": hotkey or None}
    if isinstance(wallet, dict):
        given = {"name": wallet.get("name"), "hotkey": wallet.get("hotkey"), "path": wallet.get("path")}
    else:
        given = {
            "name": getattr(wallet, "name", None),
            "hotkey": getattr(wallet, "hotkey_str", None),
            "path": getattr(wallet, "path", None),
        }
    return {f"wallet_{key}": None if value is None else os.path.expanduser(str(value)) for key, value in given.items()}
