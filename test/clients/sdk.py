"""What a miner does with an SDK of any age, against the chain at ENDPOINT with the wallet in PATH: `sdk.py ENDPOINT PATH`. An object a line: {name, error}."""

import json
import sys
from collections.abc import Callable

import bittensor

endpoint, path = sys.argv[1:]
NETUID = 9
TEXT = "me:model:" + "a" * 40 + ":" + "A" * 43 + "="
line = tuple(map(int, bittensor.__version__.split(".")[:1]))[0]


def tell(name: str, check: Callable[[], object]) -> None:
    try:
        check()
        error = None
    except Exception as caught:
        error = f"{type(caught).__name__}: {str(caught)[:300]}"
    print(json.dumps({"name": name, "error": error}), flush=True)


def holds(true: object) -> None:
    assert true, repr(true)


def with_methods() -> None:
    """SDKs up to 10."""
    subtensor = (getattr(bittensor, "Subtensor", None) or bittensor.subtensor)(network=endpoint)
    wallet = (getattr(bittensor, "Wallet", None) or bittensor.wallet)(name="default", hotkey="default", path=path)
    mine = wallet.hotkey.ss58_address
    commit = getattr(subtensor, "set_commitment", None) or subtensor.commit
    tell("reads the block", lambda: holds(subtensor.get_current_block() > 0))
    tell("reads the metagraph", lambda: holds(mine in subtensor.metagraph(NETUID).hotkeys))
    tell("reads the whole metagraph", lambda: holds(mine in subtensor.metagraph(NETUID, lite=False).hotkeys))
    tell("reads neurons", lambda: holds(mine in [neuron.hotkey for neuron in subtensor.neurons(NETUID)]))
    tell("reads neurons without weights", lambda: holds(mine in [neuron.hotkey for neuron in subtensor.neurons_lite(NETUID)]))
    tell("reads one neuron", lambda: holds(subtensor.neuron_for_uid(1, NETUID).hotkey == mine))
    tell("knows who is registered", lambda: holds(subtensor.is_hotkey_registered(netuid=NETUID, hotkey_ss58=mine)))
    tell("commits", lambda: commit(wallet, NETUID, TEXT))
    tell("reads what it committed", lambda: holds(subtensor.get_commitment(NETUID, 1) == TEXT))


def with_reads() -> None:
    """SDKs from 11 on, which here read what the others wrote: no pool of the public network stands in for this endpoint."""
    subtensor = bittensor.Subtensor(endpoint, fallback_endpoints=[], archive_endpoints=[])
    tell("reads the block", lambda: holds(subtensor.block > 0))
    tell("reads the metagraph", lambda: holds(subtensor.read("metagraph", netuid=NETUID)["netuid"] == NETUID))
    tell("reads neurons", lambda: holds(len(subtensor.read("neurons", netuid=NETUID)) >= 2))
    tell("reads commitments", lambda: holds([each["commitment"] for each in subtensor.read("commitments", netuid=NETUID)] == [TEXT]))
    subtensor.close()


with_reads() if line >= 11 else with_methods()
