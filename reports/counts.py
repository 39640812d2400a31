"""The two shapes that most of a summary is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AT: Final = (50.0, 90.0, 95.0, 99.0, 99.9)
"""The percentiles of ``Percentiles``, in the order of its fields."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of ``n`` raw values by linear interpolation (NumPy's default), never of rounded ones."""

    n: int
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p99_9: float | None = None
    mean: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Updates by outcome. An unknown one is not a failed one."""

    ok: int
    fail: int
    unknown: int
    unended: int
    """Those among ``unknown`` of which no end was recorded."""

    @property
    def total(self) -> int:
        """All updates."""
        return self.ok + self.fail + self.unknown
