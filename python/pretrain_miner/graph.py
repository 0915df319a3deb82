"""The subnet: who is registered, what they are paid, which model they have on chain."""

from __future__ import annotations

from ._pt import flags, run


def best_uid(**network: object) -> int | None:
    """uid of the miner with the highest incentive whose commitment names a model; None when there is none.

    `network` takes what every function here takes: `network=`, `netuid=`, `profile=`, `competition=`, `hub_endpoint=`.
    Raises PtError with exit code 5 when the chain cannot be reached.
    """
    return run(["status", *flags(**network)])["bestUid"]


def neurons(**network: object) -> list[dict]:
    """Every neuron, best first: `uid`, `hotkey`, `incentive` (0..1), `block`, `commitment`, `repo`, `commit`, `competition`, `url`.

    Texts come from strangers: do not paste them into a shell or a path.
    """
    return run(["status", *flags(**network)])["neurons"]
