"""Throughput of a device by transport, beside its ceiling, a panel for each network."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from reports.figures.style import BLUE, SKY, VERMILION
from reports.sides import TransportRow
from reports.units import percent, rate

CAPTION: Final = (
    "Payload of all downloads that went well over the sum of their durations, on a logarithmic axis (bar), the median "
    "device (dot), and what network and transport allow on average (line), with the share of it that was reached. A "
    "device that happens to lose no packet may be above the line."
)
ROW_INCHES: Final = 0.34
NO_NAME: Final = "ideal"


def draw(rows: Sequence[TransportRow]) -> Figure | None:
    """The figure, or None where there is nothing to compare."""
    measured = [row for row in rows if row.bytes_per_s]
    if not measured:
        return None
    networks = list(dict.fromkeys(row.network for row in measured))
    panels = [[row for row in measured if row.network == network] for network in networks]
    heights = [len(panel) + 1.6 for panel in panels]
    figure = Figure(figsize=(9.0, 1.1 + ROW_INCHES * sum(heights)), layout=ConstrainedLayoutEngine(hspace=0.06))
    figure.suptitle("Throughput of a device beside its ceiling", x=0.01, ha="left", fontsize=12, fontweight="bold")
    drawn = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for ax, network, panel in zip(drawn[:, 0], networks, panels, strict=True):
        _panel(ax, network, panel)
    handles = [
        Patch(color=BLUE, label="pull, mean"),
        Patch(color=SKY, label="push, mean"),
        Line2D([], [], color="black", marker="o", markersize=4, linestyle="", label="median device"),
        Line2D([], [], color=VERMILION, marker="|", markersize=13, markeredgewidth=2.5, linestyle="", label="ceiling"),
    ]
    deliveries = {row.delivery for row in measured}
    ceilings = any(row.ceiling_bytes_per_s for row in measured)
    shown = ["pull" in deliveries, "push" in deliveries, True, ceilings]
    figure.legend(
        handles=[handle for handle, wanted in zip(handles, shown, strict=True) if wanted],
        loc="outside lower left",
        ncols=4,
    )
    return figure


def _panel(ax: Axes, network: str, rows: Sequence[TransportRow]) -> None:
    """Bars from the best transport's name down, in the order of the rows."""
    ax.set_title(network or NO_NAME, fontsize=11)
    several = len({row.delivery for row in rows}) > 1
    ax.set_yticks(range(len(rows)), [_label(row, several=several) for row in rows])
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.set_xscale("log")
    low, high = _limits(rows)
    ax.set_xlim(low, high)
    for place, row in enumerate(rows):
        _bar(ax, place, row, low)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 200 else (1.0, 2.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def _bar(ax: Axes, place: int, row: TransportRow, low: float) -> None:
    assert row.bytes_per_s
    ax.barh(place, row.bytes_per_s - low, left=low, height=0.62, color=SKY if row.delivery == "push" else BLUE)
    median, top = row.device_bytes_per_s.p50, row.ceiling_bytes_per_s
    if median:
        ax.plot(median, place, "o", color="black", markersize=4)
    text = rate(row.bytes_per_s)
    if top:
        ax.plot([top, top], [place - 0.4, place + 0.4], color=VERMILION, linewidth=2.5, solid_capstyle="butt")
        text += f", {percent(row.of_ceiling)} of {rate(top)}"
    end = max(row.bytes_per_s, median or 0.0, top or 0.0)
    ax.annotate(text, (end, place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9)


def _label(row: TransportRow, *, several: bool) -> str:
    return f"{row.transport}/{row.delivery}" if several else row.transport


def _limits(rows: Sequence[TransportRow]) -> tuple[float, float]:
    """Room on the left for the smallest bar, and on the right for the text behind the longest."""
    values = [value for row in rows for value in (row.bytes_per_s, row.ceiling_bytes_per_s) if value]
    medians = [row.device_bytes_per_s.p50 for row in rows if row.device_bytes_per_s.p50]
    low, high = min(values + medians) / 3, max(values + medians)
    return low, high * 10 ** max(0.45, 0.5 * log10(high / low))
