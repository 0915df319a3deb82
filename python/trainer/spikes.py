"""Tells a loss spike from noise, and keeps count of what was skipped and rolled back."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass, field

WINDOW = 64
PATIENCE = 3
DEVIATIONS = 6.0
SMALLEST = 0.5  # nats; below this a rise is no spike, however quiet the curve was
MOST_ROLLBACKS = 5


@dataclass
class Spikes:
    recent: list[float] = field(default_factory=list)
    bad_in_a_row: int = 0
    skipped: int = 0
    rollbacks: int = 0

    def judge(self, loss: float, grad_norm: float) -> str:
        """`ok`, `skipped` (not finite: the step changed nothing), `spike` (first of them) or `roll_back` (PATIENCE in a row)."""
        finite = math.isfinite(loss) and math.isfinite(grad_norm)
        if finite and not self._is_spike(loss):
            self.bad_in_a_row = 0
            self.recent = list(deque([*self.recent, loss], maxlen=WINDOW))
            return "ok"
        self.bad_in_a_row += 1
        self.skipped += not finite
        if self.bad_in_a_row >= PATIENCE:
            return "roll_back"
        return "spike" if finite else "skipped"

    def rolled_back(self) -> bool:
        """Counts a roll-back; False when there were too many."""
        self.rollbacks += 1
        self.bad_in_a_row = 0
        self.recent = []
        return self.rollbacks <= MOST_ROLLBACKS

    def state(self) -> dict:
        return asdict(self)

    def _is_spike(self, loss: float) -> bool:
        if len(self.recent) < WINDOW // 2:
            return False
        mean = sum(self.recent) / len(self.recent)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in self.recent) / len(self.recent))
        return loss > mean + max(DEVIATIONS * deviation, SMALLEST)
