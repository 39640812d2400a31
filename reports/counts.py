"""The two shapes that most of a summary is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of ``n`` raw values by linear interpolation (NumPy's default), never of rounded ones."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    max: float | None


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
