"""What the live page shows: a row per second, and coarser ones for what is long ago."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from simulator.lwm2m.firmware_table import STATES

POINTS_MAX: Final = 1200
"""An even number of rows; when there are so many, two become one."""
PEAKS: Final = ("cpu", "lag")
"""Of these the higher value is kept where two rows become one. All else counts up, or is how things stand: there the
later row has it."""


class History:
    """Rows of a run in the order of their time ``t``."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.step = 1
        """Seconds of a row."""
        self._open: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of this second."""
        self._open.append(row)
        if len(self._open) < self.step:
            return
        self.rows.append(_joined(self._open))
        self._open = []
        if len(self.rows) == POINTS_MAX:
            self.rows = [_joined(self.rows[k : k + 2]) for k in range(0, len(self.rows), 2)]
            self.step *= 2

    def close(self) -> None:
        """Nothing more comes: the seconds since the last row are one, too."""
        if self._open:
            self.rows.append(_joined(self._open))
            self._open = []


def _joined(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The last of these rows, with the peaks of all."""
    last = dict(rows[-1])
    for part in PEAKS:
        names = {name: None for row in rows for name in row.get(part, ())}
        if names:
            last[part] = {name: max(row[part].get(name, 0.0) for row in rows) for name in names}
    return last


def group_rows(gauges: dict[str, list[list[Any]]]) -> list[dict[str, Any]]:
    """The gauges of all fleet processes as rows of a table: one for each group."""
    rows: dict[str, dict[str, Any]] = {}
    for group, number, devices in gauges["states"]:
        row = rows.setdefault(group, {"group": group, "devices": 0, **dict.fromkeys(STATES, 0), "results": ""})
        row["devices"] += devices
        row[STATES[number]] += devices
    for group, number, devices in gauges["results"]:
        if number and group in rows:
            rows[group]["results"] += f"{', ' if rows[group]['results'] else ''}{number}: {devices}"
    return list(rows.values())


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
