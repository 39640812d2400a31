"""The figure of a benchmark: throughput of a device by transport, a panel for each network and package.

Points and not bars: transports differ by orders of magnitude, so the axis is logarithmic, and a bar on it would have a
length that says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from reports.benchmark.cells import Cell
from reports.figures.style import BLUE, ORANGE, SKY, VERMILION, log_ticks
from reports.units import rate, size

TRANSPORTS: Final = ("coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https")
COLOURS: Final = (BLUE, ORANGE, SKY)
MARKERS: Final = ("o", "s", "^")
"""Of the servers, in their order."""
PANEL_INCHES: Final = (4.9, 2.5)
THICK: Final = 0.8
"""Of all bars of one transport together."""


def label_of(cell: Cell) -> str:
    """The name of a transfer: pulls by their transport alone, since they are the most."""
    return cell.transport if cell.delivery == "pull" else f"{cell.transport}, push"


def package(length: int) -> str:
    """The size of a package as scenarios write it: in KiB or MiB where it is a whole number of them."""
    for factor, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if length and length % factor == 0:
            return f"{length // factor} {unit}"
    return size(length)


def order_of(label: str) -> tuple[bool, int, str]:
    """Pulls in the order of the specifications, then pushes."""
    transport, _, push = label.partition(",")
    return bool(push), TRANSPORTS.index(transport) if transport in TRANSPORTS else len(TRANSPORTS), label


def draw(cells: Sequence[Cell]) -> Figure | None:
    """The figure, or None where nothing was measured."""
    measured = [cell for cell in cells if cell.bytes_per_s]
    if not measured:
        return None
    networks = list(dict.fromkeys(cell.network for cell in measured))
    sizes = sorted({cell.package_bytes for cell in measured})
    servers = list(dict.fromkeys(cell.server for cell in measured))
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(sizes), height * len(networks) + 0.6), layout="constrained")
    drawn = figure.subplots(len(networks), len(sizes), squeeze=False, sharex="row")
    for axes, network in zip(drawn, networks, strict=True):
        for ax, length in zip(axes, sizes, strict=True):
            own = [cell for cell in measured if (cell.network, cell.package_bytes) == (network, length)]
            _panel(ax, f"{network}, {package(length)}", own, servers)
    _legend(figure, servers)
    return figure


def _panel(ax: Axes, title: str, cells: Sequence[Cell], servers: Sequence[str]) -> None:
    ax.set_title(title, fontsize=11)
    labels = sorted({label_of(cell) for cell in cells}, key=order_of)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.set_xscale("log")
    thick = THICK / len(servers)
    for cell in cells:
        which = servers.index(cell.server)
        place = labels.index(label_of(cell)) + (which - (len(servers) - 1) / 2) * thick
        _point(ax, cell, place, thick, which)
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(log_ticks(wide=False))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
    ax.grid(visible=True, axis="y", linestyle=":")
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=9)


def _point(ax: Axes, cell: Cell, place: float, thick: float, which: int) -> None:
    middle = cell.median_bytes_per_s
    assert middle is not None
    if cell.ceiling_bytes_per_s:
        ends = [place - thick / 2, place + thick / 2]
        ax.plot([cell.ceiling_bytes_per_s] * 2, ends, color=VERMILION, linewidth=2.5, solid_capstyle="butt")
    colour = COLOURS[which % len(COLOURS)]
    ax.plot([min(cell.bytes_per_s), max(cell.bytes_per_s)], [place, place], color=colour, linewidth=2.0)
    ax.plot([middle], [place], MARKERS[which % len(MARKERS)], color=colour, markersize=6.5)


def _legend(figure: Figure, servers: Sequence[str]) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            linewidth=2.0,
            label=f"{server}: median, and slowest to fastest repetition",
        )
        for place, server in enumerate(servers)
    ]
    handles.append(Line2D([], [], color=VERMILION, linewidth=2.5, label="ceiling of network and transport"))
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
