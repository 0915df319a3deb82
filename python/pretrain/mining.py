"""`pretrain_miner.mining` in the guide's form: coroutines for what takes the network, the same arguments and results otherwise."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from pretrain_miner import mining
from pretrain_miner.mining import load_local_model, save

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["get_repo", "load_best_model", "load_local_model", "load_remote_model", "push", "save"]


async def load_remote_model(uid: int, download_dir: str | os.PathLike | None = None, **network: Any) -> PreTrainedModel:
    """Downloads, verifies and opens the model of the miner `uid`. Raises PtError."""
    return await asyncio.to_thread(mining.load_remote_model, uid, download_dir, **network)


async def load_best_model(download_dir: str | os.PathLike | None = None, **network: Any) -> PreTrainedModel:
    """Downloads, verifies and opens the model of the best miner. Raises PtError."""
    return await asyncio.to_thread(mining.load_best_model, download_dir, **network)


async def push(model: PreTrainedModel | str | os.PathLike, repo: str, wallet: Any = None, **options: Any) -> dict:
    """Publishes a model as `pretrain_miner.mining.push` does, and waits while the chain's limit is used up, as the guide's does (`wait=False`: raises)."""
    return await asyncio.to_thread(mining.push, model, repo, wallet, **{"wait": True, **options})


async def get_repo(uid: int, **network: Any) -> str | None:
    """Address of the revision that a miner has on chain; None when its commitment names none."""
    return await asyncio.to_thread(mining.get_repo, uid, **network)
