"""``compare.html``: one self-contained page."""

from __future__ import annotations

from reports.compare.change import BETTER, WORSE
from reports.compare.comparison import HEADERS, Comparison, limit_line, row
from reports.html import template
from simulator import __version__


def render(found: Comparison) -> str:
    """The HTML."""
    tones = {WORSE: "bad", BETTER: "good"}
    return template("compare.html").render(
        c=found,
        worse=any(one.verdict == WORSE for one in found.changes),
        headers=HEADERS,
        rows=[(row(one), tones.get(one.verdict, "")) for one in found.changes],
        limits=[(limit_line(one), one.holds) for one in found.limits],
        version=__version__,
    )
