"""Bars of throughput with the spread of single devices, the median one, and a ceiling: one panel."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from reports.figures.style import BLUE, SKY, VERMILION, log_ticks, short
from reports.units import percent, rate

ROW_INCHES: Final = 0.34
LINEAR_MOST: Final = 25.0
"""How often the least of a panel goes into the greatest at most, for bars that begin at 0: of more, the short ones
could not be seen, and the axis is logarithmic."""


class Spread(NamedTuple):
    """Of single devices, bytes per second."""

    p5: float
    p50: float
    p95: float


class Bar(NamedTuple):
    """One bar; bytes per second."""

    label: str
    push: bool
    mean: float
    """Payload over the sum of the durations."""
    spread: Spread | None
    """None where there is no single device to tell of."""
    ceiling: float | None

    @property
    def told(self) -> str:
        """The bar in words."""
        text = f"{self.label} {rate(self.mean)}"
        if self.ceiling:
            text += f", {percent(self.mean / self.ceiling)} of {rate(self.ceiling)}"
        if self.spread:
            text += f", devices {rate(self.spread.p5)} to {rate(self.spread.p95)}"
        return text

    @property
    def all(self) -> list[float]:
        """All its figures that are above 0."""
        spread = self.spread or ()
        return [value for value in (self.mean, *spread, self.ceiling) if value]


def spread_of(rates: NDArray[np.float64]) -> Spread | None:
    """The spread of single devices, by linear interpolation."""
    return Spread(*(float(value) for value in np.percentile(rates, [5, 50, 95]))) if rates.size else None


def panel(ax: Axes, title: str, bars: Sequence[Bar]) -> None:
    """Draw bars from above down, in their order."""
    ax.set_title(title, fontsize=11)
    ax.set_yticks(range(len(bars)), [short(bar.label) for bar in bars])
    ax.set_ylim(len(bars) - 0.45, -0.55)
    values = [value for bar in bars for value in bar.all]
    low, high = min(values), max(values)
    linear = high <= LINEAR_MOST * low
    if linear:
        left = 0.0
        ax.set_xlim(0.0, high * 1.45)
        ax.xaxis.set_major_locator(MaxNLocator(6))
    else:
        left = low / 3
        ax.set_xscale("log")
        # Room for the text behind the longest.
        ax.set_xlim(left, high * 10 ** max(0.45, 0.5 * log10(high / left)))
        ax.xaxis.set_major_locator(log_ticks(wide=high / left > 200))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("logarithmic", fontsize=8, loc="right", labelpad=0)
    for place, bar in enumerate(bars):
        _bar(ax, place, bar, left)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def _bar(ax: Axes, place: int, bar: Bar, left: float) -> None:
    ax.barh(place, bar.mean - left, left=left, height=0.62, color=SKY if bar.push else BLUE)
    if bar.spread:
        whiskers(ax, place, bar.spread.p5, bar.spread.p95)
        ax.plot(bar.spread.p50, place, "o", color="black", mec="white", mew=0.8, markersize=5.5)
    if bar.ceiling:
        ax.plot([bar.ceiling] * 2, [place - 0.4, place + 0.4], color=VERMILION, linewidth=2.5, solid_capstyle="butt")
    text = f"mean {rate(bar.mean)}" + (
        f", {percent(bar.mean / bar.ceiling)} of {rate(bar.ceiling)}" if bar.ceiling else ""
    )
    ax.annotate(text, (max(bar.all), place), xytext=(9, 0), textcoords="offset points", va="center", fontsize=9)


def whiskers(ax: Axes, place: float, low: float, high: float) -> None:
    """From where to where single ones lie: white below black, which is seen on a bar and beside it."""
    for colour, width in (("white", 3.4), ("black", 1.4)):
        ax.plot([low, high], [place] * 2, "-|", color=colour, linewidth=width, mew=width, ms=8)


def handles(bars: Sequence[Bar]) -> list[Patch | Line2D]:
    """The legend of what there is."""
    found: list[Patch | Line2D] = []
    if not all(bar.push for bar in bars):
        found.append(Patch(color=BLUE, label="pull, mean"))
    if any(bar.push for bar in bars):
        found.append(Patch(color=SKY, label="push, mean"))
    if any(bar.spread for bar in bars):
        found.append(Line2D([], [], color="black", marker="|", ms=8, lw=1.4, label="devices, p5 to p95"))
        found.append(Line2D([], [], color="black", marker="o", ms=4, linestyle="", label="median device"))
    if any(bar.ceiling for bar in bars):
        found.append(
            Line2D([], [], color=VERMILION, marker="|", ms=13, mew=2.5, linestyle="", label="ceiling of the network")
        )
    return found
