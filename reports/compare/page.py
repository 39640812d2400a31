"""``compare.html``: one self-contained page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reports.compare import figures
from reports.compare.comparison import HEADERS, Comparison, limit_line, row
from reports.compare.several import Several, overview
from reports.grid import TONES, Grid, clipped, grid
from reports.html import data_uri, template
from reports.table import Table
from simulator import __version__


def render(found: Several) -> str:
    """The HTML."""
    drawn = figures.draw(found.sides, [(name, pair.changes) for name, pair in found.named])
    return template("compare.html", clipped=clipped).render(
        c=found,
        runs=[(side.name, [str(record.run.path) for record in side.records]) for side in found.sides],
        overview=_overview(found) if len(found.pairs) > 1 else None,
        pairs=[_pair(place, name, pair) for place, (name, pair) in enumerate(found.named, 1)],
        figures=[(one, data_uri(one.svg)) for one in drawn],
        version=__version__,
    )


def _overview(found: Several) -> Grid:
    """The overview, each cell with the tone of its verdict, which is its last word."""
    made = grid(overview(found), where="compare.json")
    rows = [[replace(cell, tone=TONES.get(cell.text.rpartition(", ")[2], "")) for cell in cells] for cells in made.rows]
    return replace(made, rows=rows)


def _pair(place: int, name: str, pair: Comparison) -> dict[str, Any]:
    """What the page tells of one comparison."""
    rows = [list(row(one)) for one in pair.changes]
    anchor = "metrics" if place == 1 else f"metrics-{place}"
    table = Table(anchor, f"Metrics of {name}", list(HEADERS), rows, range(1, 7))
    return {
        "name": name,
        "headline": pair.headline,
        "worse": pair.worse,
        "metrics": grid(table, where="compare.json"),
        "limits": [(limit_line(one), one.holds) for one in pair.limits],
    }
