"""One look for all figures: white ground, colours that the colour-blind can tell apart, no chart junk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#BBBBBB"

SERIES: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""The palette of Okabe and Ito, in the order in which lines take their colours."""

DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
"""Lines that are told apart in grey too, in the order in which they are taken."""

STYLE: Final[Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "lwm2m-fleet",
    "path.simplify": True,
    "text.parse_math": False,
}
"""Settings of Matplotlib, taken for the time of drawing only."""


def axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """A figure of the common size with one pair of axes."""
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    ax = figure.add_subplot()
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return figure, ax


def legend(figure: Figure, ax: Axes) -> None:
    """A legend below the axes, where it hides nothing."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2)


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same in all figures of a report."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(sorted(names))}
