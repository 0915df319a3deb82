"""What a miner does with an SDK of any age, against the chain at ENDPOINT with the wallet in PATH: `sdk.py ENDPOINT PATH [sealed]`. An object a line: {name, error}."""

import json
import sys
from collections.abc import Callable

import bittensor

endpoint, path, *sealed = sys.argv[1:]
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


# Its length, 48, makes a first byte that is no UTF-8: 10.5 fails on every text whose bytes with the length before them are, whatever the chain.
OPENED = "v7|me/x|" + "c" * 40
SEALED = "v7|me/albedo-qwen3.6-35b-sealed|" + "d" * 40


def scale(text: str) -> str:
    """SCALE of a text of at most 63 bytes, as hex."""
    return "0x" + bytes([len(text) << 2]).hex() + text.encode().hex()


def sealed_with_methods() -> None:
    subtensor = bittensor.Subtensor(network=endpoint)
    wallet = bittensor.Wallet(name="default", hotkey="default", path=path)
    subtensor.substrate.rpc_request("sandbox_reveal", [wallet.hotkey.ss58_address, scale(OPENED)])
    tell("reads what the chain opened", lambda: holds([text for _, text in subtensor.get_revealed_commitment(NETUID, 1)] == [OPENED]))
    tell("reads what it opened of everybody", lambda: holds(wallet.hotkey.ss58_address in subtensor.get_all_revealed_commitments(NETUID)))
    tell("seals", lambda: holds(subtensor.set_reveal_commitment(wallet, NETUID, SEALED, 100).success))


def sealed_with_reads() -> None:
    subtensor = bittensor.Subtensor(endpoint, fallback_endpoints=[], archive_endpoints=[])
    tell("sees a seal that waits", lambda: holds([each["status"] for each in subtensor.read("commitments", netuid=NETUID)] == ["sealed"]))
    hotkey = subtensor.read("commitments", netuid=NETUID)[0]["hotkey"]
    # It leaves the length before the text on, and what is no UTF-8 as hex.
    tell("reads what the chain opened", lambda: holds(OPENED.encode().hex() in str(subtensor.read("revealed_commitment", netuid=NETUID, hotkey_ss58=hotkey))))
    subtensor.close()


if sealed:
    sealed_with_reads() if line >= 11 else sealed_with_methods()
else:
    with_reads() if line >= 11 else with_methods()
