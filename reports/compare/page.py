"""``compare.html``: one self-contained page."""

from __future__ import annotations

from reports.compare.change import WORSE
from reports.compare.comparison import HEADERS, Comparison, limit_line, row
from reports.grid import grid
from reports.html import template
from reports.table import Table
from simulator import __version__


def render(found: Comparison) -> str:
    """The HTML."""
    rows = [list(row(one)) for one in found.changes]
    return template("compare.html").render(
        c=found,
        worse=any(one.verdict == WORSE for one in found.changes),
        metrics=grid(Table("metrics", "Metrics", list(HEADERS), rows, range(1, 7)), where="compare.json"),
        limits=[(limit_line(one), one.holds) for one in found.limits],
        version=__version__,
    )
