"""Throughput of the median device in each run, by transport, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reports.compare.figures_cdf import SOUND
from reports.compare.figures_looks import bar as look
from reports.compare.sides import Estimate, Side, estimate
from reports.figures.bars import LINEAR_MOST, whiskers
from reports.figures.style import short
from reports.units import rate
from simulator.criteria import Selection
from simulator.criteria.tree import Label

CAPTION: Final = (
    "Payload over duration of each download that went well, of devices without a fault: the median of them, with its "
    "95 % interval: over blocks of devices of one run, over runs where they are repeated. An interval of one run does "
    "not tell how runs differ, so intervals that do not overlap are no proof of a change; the table says what is. One "
    "that goes far beyond the longest bar is cut there."
)
REACH_MOST: Final = 1.3
"""How far an interval is drawn, as a multiple of the greatest bar; of two repetitions it is as good as endless."""
BAR_INCHES: Final = 0.24


class Group(NamedTuple):
    """The bars of one transport, bytes per second."""

    transport: str
    bars: list[tuple[Side, Estimate]]


def take(sides: Sequence[Side]) -> list[Group]:
    """The transports of which any side has a download that went well."""
    transports = sorted({str(one) for side in sides for record in side.records for one in record.devices["transport"]})
    found = []
    for transport in transports:
        one = Selection("device_throughput", (Label("transport", transport), SOUND), "p50")
        bars = [(side, known) for side in sides if (known := estimate(side, one)) is not None]
        if bars:
            found.append(Group(transport, bars))
    return found


def draw(groups: Sequence[Group]) -> Figure:
    """The figure."""
    rows = sum(len(group.bars) + 1 for group in groups)
    figure = Figure(figsize=(9.0, 1.5 + BAR_INCHES * rows), layout="constrained")
    ax = figure.add_subplot()
    ax.set_title("Throughput of the median device")
    values = [bar.value for group in groups for _, bar in group.bars]
    left = _scale(ax, min(values), max(values))
    right = REACH_MOST * max(values)
    ticks, shown, row = [], {}, 0
    for group in groups:
        ticks.append((row + (len(group.bars) - 1) / 2, group.transport))
        for side, bar in group.bars:
            _bar(ax, row, side, bar, (left, right))
            shown[side.place] = Patch(label=short(side.name), edgecolor="white", **look(side))
            row += 1
        row += 1
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.set_ylim(row - 1.3, -0.7)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    figure.legend(handles=[shown[place] for place in sorted(shown)], loc="outside lower left", ncols=3)
    return figure


def _scale(ax: Axes, low: float, high: float) -> float:
    """Where the bars begin."""
    if high <= LINEAR_MOST * low or low <= 0:
        ax.set_xlim(0.0, high * (REACH_MOST + 0.2))
        ax.xaxis.set_major_locator(MaxNLocator(6))
        return 0.0
    ax.set_xscale("log")
    ax.set_xlim(low / 3, high * 6)
    ax.xaxis.set_major_locator(LogLocator())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("logarithmic", fontsize=8, loc="right", labelpad=0)
    return low / 3


def _bar(ax: Axes, row: int, side: Side, bar: Estimate, ends: tuple[float, float]) -> None:
    left, right = ends
    ax.barh(row, max(0.0, bar.value - left), left=left, height=0.84, edgecolor="white", linewidth=0, **look(side))
    end = bar.value
    if bar.low is not None and bar.high is not None:
        end = min(bar.high, right)
        whiskers(ax, row, max(left, bar.low), end)
    ax.annotate(rate(bar.value), (end, row), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9)


def told(groups: Sequence[Group]) -> str:
    """The figure in words."""
    return "; ".join(
        f"{group.transport}: " + ", ".join(f"{side.name} {_told(bar)}" for side, bar in group.bars) for group in groups
    )


def _told(bar: Estimate) -> str:
    if bar.low is None:
        return f"{rate(bar.value)}, no interval"
    return f"{rate(bar.value)}, {rate(bar.low)} to {rate(bar.high)}"
