"""When each start was meant to happen: the plan that a user count and a spawn rate are, pure.

Locust adds users in batches, once a second or less often. A device is due when a steady rate would have started it, and
its response times count from then.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Dues(Protocol):
    """Gives each start the time for which it was planned."""

    def take(self, count: int, now: float) -> list[float]:
        """The times of the next ``count`` starts, in seconds since the start of the run."""


class Ramp:
    """The dues of a user count that rises at a steady rate, and maybe at another one later."""

    def __init__(self) -> None:
        self._planned: deque[tuple[float, float, int]] = deque()

    def begin(self, now: float, missing: int, rate: float) -> None:
        """From now on, users are added at this rate per second, until ``missing`` more are there.

        What an earlier ramp still had to add is a part of this one.
        """
        self._planned.clear()
        if missing > 0:
            self._planned.append((now, rate, missing))

    def take(self, count: int, now: float) -> list[float]:
        """The times of the next ``count`` starts; ``now`` for those that nobody has planned."""
        dues: list[float] = []
        while len(dues) < count and self._planned:
            start, rate, missing = self._planned.popleft()
            many = min(missing, count - len(dues))
            dues += [start + i / rate for i in range(many)]
            if many < missing:
                self._planned.appendleft((start + many / rate, rate, missing - many))
        return dues + [now] * (count - len(dues))
