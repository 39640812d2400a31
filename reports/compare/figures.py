"""The figures of a comparison, as SVG for its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.compare import figures_bars, figures_cdf, figures_forest
from reports.compare.change import Change
from reports.compare.sides import Side
from reports.figures import Drawn
from reports.figures.style import STYLE, save

SIDES_MOST: Final = 8
"""Of more, the lines could not be told apart."""
TIMES: Final = {
    "download-times": ("downloads", "download_seconds", "Time of a download"),
    "update-times": ("updates", "update_seconds", "Time of an update, from Write to Update Result 1"),
}


def draw(sides: Sequence[Side], compared: Sequence[tuple[str, Sequence[Change]]]) -> list[Drawn]:
    """Draw what there is data for.

    Args:
        compared: by name of the other side what changed there.
    """
    with mpl.rc_context({**STYLE, "hatch.linewidth": 0.6}):
        return list(_drawn(sides[:SIDES_MOST], compared, _more(len(sides))))


def _more(sides: int) -> str:
    return f" Of {sides} runs the first {SIDES_MOST} are drawn." if sides > SIDES_MOST else ""


def _drawn(sides: Sequence[Side], compared: Sequence[tuple[str, Sequence[Change]]], more: str) -> Iterator[Drawn]:
    forest = figures_forest.take(compared)
    if forest is not None:
        yield _one("differences", figures_forest.caption(forest), figures_forest.draw(forest),
                   figures_forest.told(forest))  # fmt: skip
    groups = figures_bars.take(sides)
    if groups:
        yield _one("throughput", figures_bars.CAPTION + more, figures_bars.draw(groups), figures_bars.told(groups))
    for name, (what, metric, title) in TIMES.items():
        panels = figures_cdf.take(sides, metric)
        if panels:
            caption = figures_cdf.caption(what, panels) + more
            yield _one(name, caption, figures_cdf.draw(panels, title), figures_cdf.told(panels))


def _one(name: str, caption: str, figure: Figure, alt: str) -> Drawn:
    return Drawn(name, caption, svg(figure), alt)


def svg(figure: Figure) -> bytes:
    """A figure as it stands in the page."""
    return save(figure)
