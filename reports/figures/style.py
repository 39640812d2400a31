"""One look for all figures: white ground, colours that the colour-blind can tell apart, no chart junk."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypedDict

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#BBBBBB"

SERIES: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""The palette of Okabe and Ito, in the order in which lines take their colours."""

Dash = str | tuple[int, tuple[float, ...]]

DASHES: Final[tuple[Dash, ...]] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
"""Lines that are told apart in grey too, in the order in which they are taken."""

TAIL: Final = 10
DPI: Final = 150
"""Of PNG files."""

_FURTHER_DECIMALS: Final = re.compile(rb"(?<=[ \n])(-?\d+\.\d\d)\d+(?=[ \n])")
"""Of coordinates of lines, beyond a hundredth of a point. Scales have them too, within brackets, and need them."""

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


def legend(figure: Figure, ax: Axes, columns: int = 2) -> None:
    """A legend below the axes, where it hides nothing."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=columns)


def log_ticks(*, wide: bool) -> LogLocator:
    """Ticks of a logarithmic axis at 1, 2 and 5, or of a wide one at powers of ten alone."""
    return LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0))


def short(name: str, most: int = 34) -> str:
    """A name that is not too long for a label; its end, which often holds a number, is kept."""
    return name if len(name) <= most else f"{name[: most - TAIL - 1]}…{name[-TAIL:]}"


class Look(TypedDict):
    """How a line looks."""

    color: str
    linestyle: Dash


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look for each name; those of the first twelve by the alphabet are all different."""
    return {
        name: {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place % len(DASHES)]}
        for place, name in enumerate(sorted(names))
    }


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same in all figures of a report."""
    return {name: look["color"] for name, look in looks(names).items()}


def save(figure: Figure, png: Path | None = None) -> bytes:
    """Write a figure to a PNG file, where one is given, and give it as SVG.

    Raises:
        OSError: the file cannot be written.
    """
    canvas: Any
    figure.set_dpi(DPI)
    # `savefig` would find the layout anew for each of the two, which costs as much as drawing does.
    if png is None:
        figure.draw_without_rendering()
    else:
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(png, pil_kwargs={"compress_level": 3})
    figure.set_layout_engine("none")
    svg = io.BytesIO()
    canvas = FigureCanvasSVG(figure)
    canvas.print_svg(svg, metadata={"Date": None})
    return _FURTHER_DECIMALS.sub(rb"\1", svg.getvalue())
