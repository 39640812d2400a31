"""Runs of one scenario at several sizes: their figures, how these grow, and in what else the runs differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reports.build import run_info
from reports.compare.rows import Record
from reports.compare.same import unlike_but_for_size
from reports.growth.fit import Power, fit, further
from reports.growth.points import MEASURES, Point, point
from reports.table import Table
from reports.units import number

NONE: Final = "-"


class SizesError(ValueError):
    """The runs are not of two sizes at least."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What was found."""

    scenario: str
    points: list[Point]
    """By number of devices, from the smallest on."""
    fits: dict[str, Power | None]
    """By the name of a measure."""
    further: dict[str, float | None]
    """What each further device adds, by the name of a measure that is per device."""
    notes: list[str]
    """In what the runs differ beside their size, and what makes one of them a poor measure."""

    @property
    def headline(self) -> str:
        """What it is of, in a line."""
        sizes = sorted({one.devices for one in self.points})
        return f"{self.scenario or 'runs'}: from {number(sizes[0])} to {number(sizes[-1])} devices"

    def table(self) -> Table:
        """A row for each measure, a column for each run, and the exponent."""
        headers = [
            "figure",
            *(f"{number(one.devices)} devices" for one in self.points),
            "growth",
            "each further device",
        ]
        rows = [["run", *(one.name for one in self.points), "", ""]]
        rows += [["updates that ended", *(number(one.updates) for one in self.points), "", ""]]
        for measure in MEASURES:
            power = self.fits[measure.name]
            shown = [measure.show(one.values[measure.name]) for one in self.points]
            added = measure.show(self.further[measure.name]) if measure.per_device else ""
            rows.append([measure.title, *shown, power.told if power else NONE, added])
        return Table("growth", "Cost by number of devices", headers, rows, range(1, len(headers)))

    def to_dict(self) -> dict[str, Any]:
        """The same for programs; what was not measured is None."""
        fits = {
            name: power and {"exponent": power.exponent, "factor": power.factor, "error": power.error}
            for name, power in self.fits.items()
        }
        runs = [{"run": one.name, "devices": one.devices, "updates": one.updates, **one.values} for one in self.points]
        return {"scenario": self.scenario, "runs": runs, "growth": fits, "further": self.further, "notes": self.notes}


def growth(records: Iterable[Record]) -> Growth:
    """Put runs side by side. No more than two of them are in memory at a time: the first and the one that is read.

    Raises:
        SizesError: there are not two runs of different sizes.
    """
    points: list[Point] = []
    notes: list[str] = []
    scenario, first = "", None
    for record in records:
        if first is None:
            first, scenario = record, run_info(record.run).scenario
        else:
            notes += unlike_but_for_size(first, record)
        points.append(point(record))
    _demand(points)
    points.sort(key=lambda one: one.devices)
    sizes = [one.devices for one in points]
    fits = {measure.name: fit(sizes, [one.values[measure.name] for one in points]) for measure in MEASURES}
    per_device = [measure.name for measure in MEASURES if measure.per_device]
    more = {name: further(sizes, [one.values[name] for one in points]) for name in per_device}
    return Growth(scenario, points, fits, more, list(dict.fromkeys(notes)))


def _demand(points: Sequence[Point]) -> None:
    empty = [one.name for one in points if one.devices == 0]
    if empty:
        msg = f"{', '.join(empty)}: no device was switched on, so there is no size"
        raise SizesError(msg)
    if len({one.devices for one in points}) < 2:
        sizes = ", ".join(f"{one.name} has {number(one.devices)} devices" for one in points) or "none is given"
        msg = (
            f"two runs of different sizes are needed ({sizes}); "
            "make them by lwm2m-fleet run SCENARIO --devices 100, then --devices 1000"
        )
        raise SizesError(msg)
