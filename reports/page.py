"""The page: one self-contained HTML file, styles, script and figures inlined, nothing fetched."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from reports import text, units
from reports.figures import Drawn, timeline
from reports.grid import Grid, clipped, grid, worst_first
from reports.html import data_uri, template
from reports.key_figures import key_figures
from reports.page_lists import lists
from reports.summary import Summary
from reports.timeline import told_of
from simulator import __version__

FIGURE_BYTES_MOST: Final = 500_000
"""Of one figure; a larger one is left to its file, so that the page can be sent by mail."""
FIGURES_BYTES_MOST: Final = 3_000_000
"""Of all."""
CRITERIA_OPEN: Final = 12
"""Of more, those that hold are folded."""
NOTES_MOST: Final = 50
LINES_MOST: Final = 100
"""Of the environment."""
BOTTLENECK: Final = "The generator was the bottleneck:"
"""How the note begins that has a place of its own."""
ELSEWHERE: Final = frozenset({"not-ok"})
"""Tables of a terminal that the page has in another form."""


class Contents:
    """The headings of a page, from which its table of contents is made: what is in one is in the other."""

    def __init__(self) -> None:
        self.listed: list[tuple[str, str]] = []

    def heading(self, anchor: str, title: str) -> Markup:
        """The heading of a section."""
        self.listed.append((anchor, title))
        return Markup('<h2 id="{}">{}</h2>').format(anchor, title)


class Shelf:
    """Tables and figures by name, each taken once, so that what has no place of its own is shown at the end."""

    def __init__(self, things: Iterable[Any]) -> None:
        self._things = {thing.name: thing for thing in things}

    def take(self, *names: str) -> list[Any]:
        """Those of these names that are there."""
        return [self._things.pop(name) for name in names if name in self._things]

    def rest(self) -> list[Any]:
        """All that nobody took."""
        return self.take(*self._things)


def render(summary: Summary, figures: Sequence[Drawn], single: Sequence[Drawn] = ()) -> str:
    """The HTML of a report; ``single`` are the timelines of some devices."""
    page = template(
        "report.html",
        seconds=units.seconds,
        number=units.number,
        counted=units.counted,
        size=units.size,
        clipped=clipped,
        moment=_moment,
        data_uri=data_uri,
    )
    return page.render(
        s=summary,
        key_figures=key_figures(summary),
        told=_told(summary),
        contents=Contents(),
        tables=Shelf(_grids(summary, single)),
        figures=Shelf(figures),
        shown=_affordable([*figures, *single]),
        single=single,
        single_caption=timeline.CAPTION,
        environment=_environment(summary),
        repeat=shlex.join(summary.run.repeat),
        version=__version__,
    )


def _grids(summary: Summary, single: Sequence[Drawn]) -> list[Grid]:
    anchors = {f"timeline-{place}": drawn for place, drawn in enumerate(single, 1)}
    struck = {
        fault.fault: anchor
        for fault in summary.faults
        for anchor, drawn in reversed(anchors.items())
        if told_of(fault.fault) in drawn.caption
    }
    found = []
    for table in text.tables(summary):
        if table.name in ELSEWHERE:
            continue
        rows = worst_first(table.rows, 1) if table.name in {"criteria", "faults"} else table.rows
        made = grid(replace(table, rows=rows), links=struck if table.name == "faults" else None)
        found += _folded(made) if table.name == "criteria" else [made]
    return found + lists(summary, {drawn.name: anchor for anchor, drawn in anchors.items()})


def _folded(made: Grid) -> list[Grid]:
    """The first criteria, with all that do not hold, and the others apart."""
    first = max(CRITERIA_OPEN, sum(row[1].tone == "bad" for row in made.rows))
    rest = made.rows[first:]
    if not rest:
        return [made]
    title = f"{units.number(len(rest))} more {'criteria hold' if len(rest) > 1 else 'criterion holds'}"
    more = replace(made, name=f"{made.name}-more", title=title, rows=rest)
    return [replace(made, rows=made.rows[:first], more=""), more]


def _told(summary: Summary) -> dict[str, list[str]]:
    """What must be known first: why the generator was the bottleneck, what is missing, and all else."""
    generator, missing = summary.generator.reasons if summary.generator.bottleneck else [], summary.run.missing
    gone = set(missing)
    others = [note for note in summary.notes if note not in gone and not note.startswith(BOTTLENECK)]
    return {"generator": _first(generator), "missing": _first(missing), "others": _first(others)}


def _first(notes: list[str]) -> list[str]:
    left = len(notes) - NOTES_MOST
    shown = [clipped(note) for note in notes[:NOTES_MOST]]
    return [*shown, f"{units.number(left)} more are in summary.json."] if left > 0 else shown


def _affordable(drawn: Sequence[Drawn]) -> set[Drawn]:
    """The figures that a page may hold, in their order as far as there is room."""
    room, found = FIGURES_BYTES_MOST, set()
    for one in drawn:
        if len(one.svg) <= min(FIGURE_BYTES_MOST, room):
            room -= len(one.svg)
            found.add(one)
    return found


def _environment(summary: Summary) -> list[tuple[str, str]]:
    """What ran where, by name."""
    run = summary.run
    machine = {
        name.removesuffix("_bytes"): units.size(value) if name.endswith("_bytes") and _is_number(value) else value
        for name, value in run.machine.items()
    }
    found = {f"server: {name}": value for name, value in run.server.items()}
    found |= machine | {name: version or "absent" for name, version in run.versions.items()}
    found["record"] = f"{units.number(sum(run.rows.values()))} rows in {units.counted(run.parts, 'part')}"
    return [(clipped(name), clipped(str(value))) for name, value in list(found.items())[:LINES_MOST]]


def _moment(written: str) -> str:
    """A time of the manifest without its fractions; what is no such time as it is."""
    try:
        return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return clipped(written)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
