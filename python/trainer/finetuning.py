"""Whether what came of somebody's model is more than a copy of it."""

from __future__ import annotations


def cannot_win(start_loss: float | None, best_loss: float | None, competition: dict | None) -> str | None:
    """Why the result cannot beat the model that the run started from (held-out losses, nats a token), or None.

    Validators let a later model win only when its loss is below the earlier one's by the competition's epsilon; the smallest that this ever
    becomes counts here.
    """
    if start_loss is None or best_loss is None:
        return None
    gain = 1 - best_loss / start_loss
    if gain <= 0:
        return (
            f"The held-out loss never fell below {start_loss:.4f}, that of the model this run started from (best: {best_loss:.4f}): "
            "beside that model the result is a worse copy and cannot win."
        )
    epsilon = smallest_epsilon(competition)
    if gain <= epsilon:
        return (
            f"The held-out loss is {gain:.3%} below that of the model this run started from; a later model wins only when it is at least "
            f"{epsilon:.3%} below, so beside that model the result cannot win."
        )
    return None


def smallest_epsilon(competition: dict | None) -> float:
    """The head start of the earlier model once it has decayed, as a part of its loss; 0 when no rule is known."""
    rule = (competition or {}).get("epsilon") or {}
    values = [rule[name] for name in ("epsilon", "start_epsilon", "end_epsilon") if isinstance(rule.get(name), (int, float))]
    return min(values, default=0.0)
