"""How long downloads and updates took in each run, as cumulative shares, by transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from reports.compare.figures_looks import line as look
from reports.compare.rows import Numbers
from reports.compare.sides import Side
from reports.figures.style import short
from reports.figures.times import p50_p95
from reports.units import counted, seconds
from simulator.criteria.tree import Label

POINTS_MOST: Final = 300
"""Of one curve."""
POINTS_ALL: Final = 6000
"""Of all curves of a figure, so that many runs make no large page."""
POINTS_LEAST: Final = 60
FAR: Final = 20.0
"""How many times the median the longest is at least where the axis of time is logarithmic."""
SOUND: Final = Label("fault", "none")


class Curve(NamedTuple):
    """The times of one side, in seconds, in order."""

    side: Side
    values: Numbers

    @property
    def told(self) -> str:
        """The curve in words."""
        return f"{self.side.name} {p50_p95(self.values)} of {len(self.values):,}"


class Panel(NamedTuple):
    """The curves of one transport, laid over one another."""

    transport: str
    curves: list[Curve]


def take(sides: Sequence[Side], metric: str) -> list[Panel]:
    """The values of devices without a fault, by transport; those of repetitions together."""
    transports = sorted({str(one) for side in sides for record in side.records for one in record.devices["transport"]})
    found = []
    for transport in transports:
        labels = (Label("transport", transport), SOUND)
        curves = [
            Curve(side, np.sort(np.concatenate([record.rows(metric, labels).value for record in side.records])))
            for side in sides
        ]
        own = [curve for curve in curves if curve.values.size]
        if own:
            found.append(Panel(transport, own))
    return found


def points(values: Numbers, most: int) -> tuple[Numbers, Numbers]:
    """Times and the shares that had ended by then: every value, or of many the quantiles at ``most`` even shares."""
    if len(values) <= most:
        return values, np.arange(1, len(values) + 1) / len(values)
    shares = np.linspace(0.0, 1.0, most)
    return np.quantile(values, shares), shares


def draw(panels: Sequence[Panel], title: str) -> Figure:
    """The figure: a panel for each transport, two side by side."""
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(9.0, 1.3 + 2.7 * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    many = sum(len(panel.curves) for panel in panels)
    most = max(POINTS_LEAST, min(POINTS_MOST, POINTS_ALL // many))
    lines: dict[str, tuple[int, Line2D]] = {}
    for ax, panel in zip(grid, panels, strict=False):
        lines |= _panel(ax, panel, most)
    for ax in grid[len(panels) :]:
        ax.set_visible(False)
    names = sorted(lines, key=lambda name: lines[name][0])
    handles = [lines[name][1] for name in names]
    figure.legend(handles=handles, labels=[short(name) for name in names], loc="outside lower left", ncols=3)
    return figure


def _panel(ax: Axes, panel: Panel, most: int) -> dict[str, tuple[int, Line2D]]:
    lines = {}
    for curve in panel.curves:
        times, shares = points(curve.values, most)
        x, y = np.concatenate([times[:1], times]), np.concatenate([[0.0], shares])
        (line,) = ax.step(x, y, where="post", **look(curve.side))
        lines[curve.side.name] = (curve.side.place, line)
    ax.set_title(panel.transport, fontsize=11)
    _scale(ax, np.concatenate([curve.values for curve in panel.curves]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value)))
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return lines


def _scale(ax: Axes, values: Numbers) -> None:
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > FAR * np.median(values):
        ax.set_xscale("log")
        return
    ax.xaxis.set_major_locator(MaxNLocator(4))
    if 2 * low < high:
        ax.set_xlim(left=0)
    # Else from 0 on there would be little but white.


def told(panels: Sequence[Panel]) -> str:
    """The figure in words."""
    return "; ".join(f"{panel.transport}: " + ", ".join(curve.told for curve in panel.curves) for panel in panels)


def caption(what: str, panels: Sequence[Panel]) -> str:
    """What is counted."""
    many = sum(len(curve.values) for panel in panels for curve in panel.curves)
    return (
        f"Share of the {what} that had ended well after a time, by transport, of devices without a fault: "
        f"{counted(many, what.removesuffix('s'))} in all. Repetitions of a run are counted together."
    )
