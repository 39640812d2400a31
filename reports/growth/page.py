"""The page on growth: one self-contained HTML file."""

from __future__ import annotations

from reports.grid import clipped, grid
from reports.growth.figure import draw
from reports.growth.grown import Growth
from reports.html import data_uri, template
from simulator import __version__


def render(found: Growth) -> str:
    """The HTML."""
    drawn = draw(found)
    return template("growth.html", clipped=clipped).render(
        g=found,
        drawn=drawn,
        uri=data_uri(drawn.svg),
        table=grid(found.table(), where="the JSON form of the command"),
        version=__version__,
    )
