"""What each fleet process tells of itself, put together for whoever looks on once a second."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STALE_S: Final = 10.0
"""A process that has said nothing for so long is shown no more; what it moved stays counted."""
SPAN_S_MAX: Final = 5.0
"""News of more seconds than this are shown as fast as those of so many."""


class Meter:
    """One fleet process.

    A Locust worker passes on once in three seconds what it heard. The bytes of these are shown one second after the
    other as if they had come evenly, later by as much, so that no chart has a peak where there was none.
    """

    def __init__(self) -> None:
        self.cpu_percent = 0.0
        """Of one core, between the last two reports."""
        self.lag_s = 0.0
        """The longest lag of its event loop in the last 3 s."""
        self.late_starts = 0
        """Starts that came late, since its start."""
        self._t = self._cpu_s = 0.0
        self._came = self._span_s = 0.0
        self._before: Counter[str] = Counter()
        self._moved: Counter[str] = Counter()

    def take(self, told: Mapping[str, Any], now: float) -> None:
        """Take what it told last, at ``now`` (seconds since the start of the run); nothing where that is not new."""
        health = told.get("health")
        # A download that begins anew has fewer bytes than before; those of the first attempt have moved all the same.
        news: Counter[str] = Counter(told["moved"])
        moved = news | self._moved
        if not health or (health["t"] == self._t and moved == self._moved):
            return
        self._before, self._came, self._moved = self.moved(now), now, moved
        seconds = float(health["t"]) - self._t
        self._span_s = min(seconds, SPAN_S_MAX)
        if seconds > 0:
            self.cpu_percent = max(0.0, 100.0 * (float(health["cpu_s"]) - self._cpu_s) / seconds)
            self._t, self._cpu_s = float(health["t"]), float(health["cpu_s"])
        self.lag_s, self.late_starts = float(health["lag_s"]), int(health["late_starts"])

    def moved(self, now: float) -> Counter[str]:
        """Bytes of packages by transport that have moved since the start, as shown at ``now``."""
        share = min(1.0, (now - self._came) / self._span_s) if self._span_s > 0 else 1.0
        grown = {
            key: self._before[key] + round((all_ - self._before[key]) * share) for key, all_ in self._moved.items()
        }
        return Counter(grown)

    def is_heard(self, now: float) -> bool:
        """Whether it has said something lately."""
        return self._t > 0 and now - self._came <= STALE_S


class Meters:
    """All fleet processes of a run, by their names."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}
        self._now = 0.0

    def take(self, told: Iterable[Mapping[str, Any]], now: float) -> None:
        """Take the newest that each worker has passed on of its fleet process."""
        self._now = now
        for one in told:
            if "process" in one:
                self._meters.setdefault(str(one["process"]), Meter()).take(one, now)

    def moved(self, *, ended: bool = False) -> Counter[str]:
        """Bytes of packages by transport since the start; ``ended``: nothing more will come, so all of them."""
        now = float("inf") if ended else self._now
        return sum((meter.moved(now) for meter in self._meters.values()), Counter[str]())

    @property
    def late_starts(self) -> int:
        """Starts that came late, in all."""
        return sum(meter.late_starts for meter in self._meters.values())

    def cpu(self) -> dict[str, float]:
        """Percent of a core: of the fleet process that uses most, and of all of them on average."""
        heard = [meter.cpu_percent for meter in self._meters.values() if meter.is_heard(self._now)]
        found = {"busiest fleet process": max(heard)} if heard else {}
        return found | ({"fleet process on average": sum(heard) / len(heard)} if len(heard) > 1 else {})

    def lag_ms(self) -> dict[str, float]:
        """The longest lag of an event loop in the last 3 s."""
        heard = [meter.lag_s for meter in self._meters.values() if meter.is_heard(self._now)]
        return {"longest of a fleet process": 1000.0 * max(heard)} if heard else {}

    def rows(self) -> list[dict[str, Any]]:
        """A row for each process that is heard, the busiest first."""
        rows = [
            {
                "process": name,
                "cpu": round(meter.cpu_percent, 1),
                "lag": round(1000.0 * meter.lag_s, 1),
                "late": meter.late_starts,
            }
            for name, meter in self._meters.items()
            if meter.is_heard(self._now)
        ]
        return sorted(rows, key=lambda row: (-float(row["cpu"]), row["process"]))
