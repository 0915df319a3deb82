"""Configs one key away from a tiny one: every key that some release completes the class's config with, in the values that lie near."""

from __future__ import annotations

from collections.abc import Iterator

from probe import ABOUT, PROBES, VOCABULARY

OUTSIDE = VOCABULARY + 400
IDS = (OUTSIDE, VOCABULARY, VOCABULARY - 1, -1, -OUTSIDE, [1, 2], [1, OUTSIDE], [], None, 1.5, "2")


def neighbours_of(config: dict, completed: list[dict]) -> Iterator[dict]:
    """Changes to `config`; `completed`: it by default as each release completes it. Those of probe.py too, each with neighbours of its own."""
    names = sorted({key for each in completed for key in each} - ABOUT)
    for key in names:
        known = [each[key] for each in completed if key in each]
        for value in near(key, config.get(key, next((value for value in known if value is not None), None))):
            if value != config.get(key, "absent"):
                yield {key: value}
    # Heads that do not divide the width pt refuses always; Mistral of 4.44.1 rounds, and runs them.
    yield from (dict(changes) for label, changes in PROBES.items() if label != "num_attention_heads:uneven")
    for key in ("eos_token_id", "bos_token_id", "pad_token_id"):
        for value in IDS:
            yield {"generation_config": {key: value}}
    yield {"eos_token_id": OUTSIDE, "generation_config": {"eos_token_id": 1}}
    yield {"eos_token_id": 1, "generation_config": {"eos_token_id": OUTSIDE}}


def near(key: str, value: object) -> list:
    if key.endswith("token_id"):
        return list(IDS)
    if isinstance(value, bool):
        return [not value, value, None]
    if isinstance(value, int):
        # No size of 0, and of sizes only what goes into its neighbours: pt refuses the others, which some releases round and run. No head of 1, which each takes its own way.
        return [*sorted({value // 2, value * 2, *(() if key == "head_dim" else (1,))} if value > 2 else {value // 2, value * 2, value + 1, 1, 0}), None]
    if isinstance(value, float):
        return [value * 2 + (0.0 if value else 0.5), value / 2, None]
    if isinstance(value, str):
        return ["relu", "gelu", "gelu_new", "silu", "nothing", None] if "act" in key else ["nothing", None]
    return [None, True, 2] if value is None else [None, type(value)()]
