"""How far a run has come, group by group, and how fast it goes: what its processes tell, added up for who looks on.

Rates are those of the last ten seconds, since a mean over the whole run hides what goes on now.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.fleet.population import Population

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.scenario import Scenario

WINDOW_S: Final = 10.0
"""Time over which rates are taken."""
SAMPLE_S: Final = 0.5
LEAST_S: Final = 2.0
"""No rate is told before so much of a run has been seen."""
OUTCOMES: Final = ("ok", "fail", "unknown")


class _Sample(NamedTuple):
    t: float
    judged: int
    moved: Counter[str]


class Progress:
    """What has happened so far.

    Args:
        targets: devices to be updated, by group in the order to be shown.
        group_of: the group of a device.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        targets: Mapping[str, int],
        group_of: Callable[[int], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.targets = dict(targets)
        self.ended: dict[str, Counter[str]] = {group: Counter() for group in targets}
        """Updates that were judged, by group and outcome."""
        self.reasons: Counter[str] = Counter()
        """Why updates did not end as declared, or nobody knows how."""
        self._group_of = group_of
        self._clock = clock
        self._moved: dict[str, Counter[str]] = {}
        self._samples: deque[_Sample] = deque()

    @classmethod
    def over(cls, scenario: Scenario, seed: int) -> Progress:
        """The progress of a run: nothing to be judged where nobody drives the server."""
        population = Population(scenario, seed)
        driven = scenario.campaign_groups if scenario.driven else ()
        return cls({name: scenario.groups[name].count for name in driven}, lambda k: population.device(k).group)

    def take(self, line: Mapping[str, Any]) -> None:
        """Add what a process of the run tells: bytes that have moved, and updates that were judged."""
        tally = line.get("tally")
        if tally is not None:
            # A download that begins anew has fewer bytes than before; those of its first attempt have moved, too.
            name, moved = tally["process"], Counter[str](tally["moved"])
            self._moved[name] = self._moved.get(name, Counter()) | moved
        for device, outcome, _due, _ended, _state, _result, reason in line.get("updates", ()):
            ended = self.ended.setdefault(self._group_of(device), Counter())
            ended[outcome] += 1
            if outcome != "ok":
                self.reasons[f"{outcome}: {reason}"] += 1
        self._sample()

    def _sample(self) -> None:
        now = self._clock()
        if self._samples and now - self._samples[-1].t < SAMPLE_S:
            return
        self._samples.append(_Sample(now, self.judged, self.moved))
        # One sample from before the window stays, so that the window is always whole.
        while len(self._samples) > 1 and self._samples[1].t <= now - WINDOW_S:
            self._samples.popleft()

    @property
    def judged(self) -> int:
        """Updates that were judged."""
        return sum(ended.total() for ended in self.ended.values())

    @property
    def total(self) -> int:
        """Updates that are to be judged."""
        return sum(self.targets.values())

    @property
    def moved(self) -> Counter[str]:
        """Bytes of packages by transport, also of transfers under way."""
        return sum(self._moved.values(), Counter())

    def _span(self) -> tuple[_Sample, _Sample] | None:
        if len(self._samples) < 2 or self._samples[-1].t - self._samples[0].t < LEAST_S:
            return None
        return self._samples[0], self._samples[-1]

    @property
    def updates_per_s(self) -> float | None:
        """Updates judged per second; None while nobody can tell."""
        span = self._span()
        return None if span is None else (span[1].judged - span[0].judged) / (span[1].t - span[0].t)

    @property
    def bytes_per_s(self) -> dict[str, float]:
        """Payload by transport of all devices together; without those that rest."""
        span = self._span()
        if span is None:
            return {}
        first, last = span
        lasted = last.t - first.t
        return {name: sum_ / lasted for name, sum_ in sorted((last.moved - first.moved).items())}

    @property
    def left_s(self) -> float | None:
        """How long it takes at this rate until all updates are judged; None where nothing ends now."""
        rate = self.updates_per_s
        left = self.total - self.judged
        return left / rate if rate and left > 0 else None
