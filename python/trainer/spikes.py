"""Tells a loss spike from noise, and keeps count of what was skipped and rolled back."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass, field

WINDOW = 64
PATIENCE = 3
DEVIATIONS = 6.0
SMALLEST = 1.0  # nats; below this a rise is no spike, however quiet the curve was
MOST_ROLLBACKS = 5


@dataclass
class Spikes:
    recent: list[float] = field(default_factory=list)
    bad_in_a_row: int = 0
    skipped: int = 0
    rollbacks: int = 0
    in_vain: int = 0
    """Roll-backs since the loss was last good for a whole window: another kind of text may make one, only a broken run makes many."""
    good: int = 0

    def bound(self) -> float:
        """The loss above which a step is a spike and changes nothing; infinite while too few losses are known to say."""
        if len(self.recent) < WINDOW // 2:
            return math.inf
        mean = sum(self.recent) / len(self.recent)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in self.recent) / len(self.recent))
        return mean + max(DEVIATIONS * deviation, SMALLEST)

    def judge(self, loss: float, grad_norm: float, bound: float) -> str:
        """`ok`, `skipped` (not finite, or above the `bound` that held for the step: it changed nothing) or `roll_back` (PATIENCE of them in a row)."""
        if math.isfinite(loss) and math.isfinite(grad_norm) and loss <= bound:
            self.bad_in_a_row = 0
            self.good += 1
            if self.good >= WINDOW:
                self.in_vain = 0
            self.recent = list(deque([*self.recent, loss], maxlen=WINDOW))
            return "ok"
        self.bad_in_a_row += 1
        self.skipped += 1
        return "roll_back" if self.bad_in_a_row >= PATIENCE else "skipped"

    def rolled_back(self) -> bool:
        """Counts a roll-back; False when there were too many at once."""
        self.rollbacks += 1
        self.in_vain += 1
        self.bad_in_a_row = self.good = 0
        self.recent = []
        return self.in_vain <= MOST_ROLLBACKS

    def counts(self) -> dict[str, int]:
        """What is not 0 of `skipped` and `rollbacks`: a quiet run says nothing."""
        return {name: count for name, count in (("skipped", self.skipped), ("rollbacks", self.rollbacks)) if count}

    def state(self) -> dict:
        return asdict(self)
