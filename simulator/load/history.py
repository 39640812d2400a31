"""What the live page shows: a row per second, and coarser ones for what is long ago."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

POINTS_MAX: Final = 1200
"""Rows that are kept; when there are more, every second one is left out."""


class History:
    """Rows of a run in the order of their time."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._step = 1
        self._seen = 0

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of this second."""
        if self._seen % self._step == 0:
            self.rows.append(row)
        self._seen += 1
        if len(self.rows) > POINTS_MAX:
            self.rows = self.rows[::2]
            self._step *= 2


class Outcomes:
    """How the updates of the devices ended, by group and injected fault."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str, str], Counter[str]] = {}
        self.total: Counter[str] = Counter()

    def add(self, group: str, fault: str, declared: str, observed: str, outcome: str) -> None:
        """Count an update: State/Result that was declared, and the one that the server told."""
        ends = self._ends.setdefault((group, fault, declared), Counter())
        if observed:
            ends[observed] += 1
        ends[outcome] += 1
        self.total[outcome] += 1

    def rows(self) -> list[dict[str, Any]]:
        """A row for each group and fault: how many ended how."""
        found = []
        for (group, fault, declared), ends in sorted(self._ends.items()):
            observed = ", ".join(f"{end}: {n}" for end, n in sorted(ends.items()) if "/" in end)
            row = {"group": group, "fault": fault or "none", "declared": declared, "observed": observed}
            found.append(row | {outcome: ends[outcome] for outcome in ("ok", "fail", "unknown")})
        return found
