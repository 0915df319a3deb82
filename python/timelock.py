"""Seals a plaintext to a round of the drand beacon quicknet, or opens a seal, with the chain's own crate (bittensor-core).

Reads one JSON object from stdin and prints one. Byte strings are hex.

    {"op": "seal", "plaintext": H, "round": R, "test": {"round": T, "signature": H}}
        -> {"encrypted": H, "opened": H}   the inner ciphertext; the same plaintext, sealed to round T and opened with its signature
    {"op": "open", "encrypted": H, "round": R, "signature": H}
        -> {"plaintext": H} or {"error": text}
"""

import json
import sys

import bittensor_core as core  # pyright: ignore[reportMissingImports]


def compact(length: int) -> bytes:
    """SCALE's compact form of a length below 2**14."""
    return bytes([length << 2]) if length < 64 else ((length << 2) | 1).to_bytes(2, "little")


def inner(plaintext: bytes, reveal_round: int) -> bytes:
    """The inner ciphertext, which is what the chain's field takes."""
    envelope, _ = core.encrypt_at_round(plaintext, reveal_round)
    return bytes(core.inner_ciphertext(envelope))


def opened(ciphertext: bytes, reveal_round: int, signature: str) -> bytes:
    """What an inner ciphertext holds; raises where it cannot be opened."""
    envelope = compact(len(ciphertext)) + ciphertext + reveal_round.to_bytes(8, "little")
    return bytes(core.decrypt_with_signature(envelope, signature))


def main() -> None:
    asked = json.load(sys.stdin)
    if asked["op"] == "seal":
        plaintext = bytes.fromhex(asked["plaintext"])
        test = asked["test"]
        proof = opened(inner(plaintext, test["round"]), test["round"], test["signature"])
        answer = {"encrypted": inner(plaintext, asked["round"]).hex(), "opened": proof.hex()}
    else:
        try:
            ciphertext = bytes.fromhex(asked["encrypted"])
            answer = {"plaintext": opened(ciphertext, asked["round"], asked["signature"]).hex()}
        except Exception as error:
            answer = {"error": str(error)}
    print(json.dumps(answer))


main()
