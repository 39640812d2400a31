"""The page: one self-contained HTML file, styles and figures inlined, nothing fetched."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Sequence

from reports import text, units
from reports.figures import Drawn, timeline
from reports.html import template
from reports.summary import Summary
from simulator import __version__


def render(summary: Summary, figures: Sequence[Drawn], single: Sequence[Drawn] = ()) -> str:
    """The HTML of a report; ``single`` are the timelines of some devices."""
    page = template(
        "report.html",
        seconds=units.seconds,
        number=units.number,
        counted=units.counted,
        share=units.share,
        size=units.size,
        data_uri=_data_uri,
        command=shlex.join,
    )
    return page.render(
        s=summary,
        tables={table.name: table for table in text.tables(summary)},
        figures=figures,
        single=single,
        single_caption=timeline.CAPTION,
        repeat=shlex.join(summary.run.repeat),
        version=__version__,
    )


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
