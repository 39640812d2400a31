"""Small multiples: each figure of the runs by number of devices, on logarithmic axes where that can be."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reports.figures import Drawn
from reports.figures.style import BLUE, STYLE, VERMILION, log_ticks, save
from reports.growth.grown import Growth
from reports.growth.points import MEASURES, Show
from reports.units import number

CAPTION: Final = (
    "Each dot is a run. The dashed lines are the power laws ~ n^k of the number of devices n, fitted by least squares "
    "of the logarithms: what is per device or per update and has k near 0 costs the same at every size; a whole with k "
    "near 1 grows as the devices do. Both axes are logarithmic, but for a figure that is 0 in some run."
)
PANELS: Final = (
    ("Wall time of the run", (("", "wall_s"),)),
    ("Throughput of all devices", (("", "bytes_per_s"),)),
    ("CPU per update", (("fleet", "fleet_cpu_s_per_update"), ("server", "server_cpu_s_per_update"))),
    ("CPU per device", (("fleet", "fleet_cpu_s_per_device"), ("server", "server_cpu_s_per_device"))),
    ("Memory per device", (("fleet", "fleet_bytes_per_device"), ("server", "server_bytes_per_device"))),
    ("Time of an update", (("p50", "update_s_p50"), ("p95", "update_s_p95"))),
    ("Time of a download", (("p50", "download_s_p50"), ("p95", "download_s_p95"))),
    ("Largest lag of an event loop", (("", "loop_lag_s_max"),)),
    ("Late and missed starts", (("", "late_starts"),)),
)
COLUMNS: Final = 3
LOOKS: Final = ((BLUE, "o"), (VERMILION, "s"))
LEAST_SPAN: Final = 4.0
"""Of a logarithmic axis, so that figures that hardly differ look so."""
SIZES_MOST: Final = 6
"""Sizes that stand at an axis by themselves."""

_SHOWS: Final[dict[str, Show]] = {measure.name: measure.show for measure in MEASURES}


def draw(found: Growth) -> Drawn:
    """The figure; a panel in which nothing was measured says so."""
    rows = -(-len(PANELS) // COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.0, 3.1 * rows), layout="constrained")
        axes = figure.subplots(rows, COLUMNS, squeeze=False).flat
        for ax, (title, series) in zip(axes, PANELS, strict=True):
            _panel(ax, found, title, series)
        figure.supxlabel("devices of the run", fontsize=10)
        svg = save(figure)
    return Drawn("growth", CAPTION, svg, told(found))


def told(found: Growth) -> str:
    """The figure in words: from the smallest to the largest size, and how it grows."""
    parts = []
    for measure in MEASURES:
        known = [(one.devices, value) for one in found.points if (value := one.values[measure.name]) is not None]
        if known:
            power = found.fits[measure.name]
            ends = f"{measure.show(known[0][1])} to {measure.show(known[-1][1])}"
            parts.append(f"{measure.title} {ends}{f' ({power.told})' if power else ''}")
    return f"{found.headline}: {'; '.join(parts)}"


def _panel(ax: Axes, found: Growth, title: str, series: Sequence[tuple[str, str]]) -> None:
    ax.set_title(title, fontsize=10.5)
    sizes = sorted({one.devices for one in found.points})
    values: list[float] = []
    for (label, name), (colour, marker) in zip(series, LOOKS, strict=False):
        known = [(one.devices, value) for one in found.points if (value := one.values[name]) is not None]
        power = found.fits[name]
        text = " ".join(filter(None, (label, power.told if power else "")))
        if known:
            ax.plot(*zip(*known, strict=True), marker, color=colour, markersize=5.5, mec="white", label=text or None)
        if power:
            ends = [sizes[0], sizes[-1]]
            line = [power.at(n) for n in ends]
            ax.plot(ends, line, linestyle="--", color=colour, linewidth=1.2)
            values += line
        values += [value for _, value in known]
    _axes(ax, sizes, values, _SHOWS[series[0][1]])
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", bbox_to_anchor=(-0.05, -0.12), fontsize=9, handletextpad=0.2, borderaxespad=0.0)


def _axes(ax: Axes, sizes: Sequence[int], values: Sequence[float], show: Show) -> None:
    ax.set_xscale("log")
    ax.set_xlim(sizes[0] / 1.25, sizes[-1] * 1.25)
    ax.xaxis.set_major_locator(FixedLocator(sizes) if len(sizes) <= SIZES_MOST else LogLocator())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value))))
    if not values:
        ax.set_yticks([])
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center")
        return
    low, high = min(values), max(values)
    if low > 0:
        ax.set_yscale("log")
        room = max(sqrt(LEAST_SPAN * low / high), 1.25)
        ax.set_ylim(low / room, high * room)
        ax.yaxis.set_major_locator(log_ticks(wide=high / low >= 100))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        top = high * 1.15 or 1.0
        ax.set_ylim(-0.03 * top, top)
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=show is number))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
