"""The lists of a summary as tables of the page: reasons, single devices, charges, sequences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from reports.grid import Grid, grid
from reports.judged import ServerClass
from reports.summary import Summary
from reports.table import Table
from reports.units import counted, number, seconds

NO_REASON: Final = "no reason was given"
RECORD: Final = "the parts of the run directory"


def lists(summary: Summary, timelines: Mapping[str, str]) -> list[Grid]:
    """These tables, those without rows left out; ``timelines`` are anchors of the page by endpoint."""
    found = [_reasons(summary), _not_ok(summary, timelines), _disagreements(summary, timelines), _sequences(summary)]
    found += [charges(one, timelines) for one in summary.verdicts.classes]
    return [one for one in found if one.rows]


def charges(found: ServerClass, timelines: Mapping[str, str]) -> Grid:
    """What the server did wrong of one class, device by device."""
    rows = [[one.endpoint, one.group, number(one.index), seconds(one.t), one.message] for one in found.charges]
    headers = ["endpoint", "group", "device", "at", "what"]
    title = f"{found.id} {found.name}: {counted(found.devices, 'device')}"
    table = Table(f"charges-{found.id}", title, headers, rows, range(2, 4))
    return grid(table, total=found.devices, where=RECORD, links=timelines)


def _reasons(summary: Summary) -> Grid:
    rows = [[one.reason or NO_REASON, one.outcome, number(one.count)] for one in summary.outcomes.reasons]
    table = Table("reasons", "Why updates were not ok", ["reason", "outcome", "updates"], rows, range(2, 3))
    told, counts = sum(one.count for one in summary.outcomes.reasons), summary.outcomes.overall
    made = grid(table)
    left = counts.fail + counts.unknown - told
    more = f"{counted(left, 'update')} had other reasons; {RECORD} have them." if left > 0 else ""
    return Grid(made.name, made.title, made.headers, made.rows, made.figures, more)


def _not_ok(summary: Summary, timelines: Mapping[str, str]) -> Grid:
    rows = [
        [one.endpoint, one.group, one.outcome, one.reason or NO_REASON, shlex.join(one.reproduce)]
        for one in summary.not_ok
    ]
    headers = ["endpoint", "group", "outcome", "reason", "command that replays it"]
    table = Table("not-ok", "Some devices that were not ok", headers, rows, range(0))
    counts = summary.outcomes.overall
    return grid(table, total=counts.fail + counts.unknown, where=RECORD, links=timelines, commands=(4,))


def _disagreements(summary: Summary, timelines: Mapping[str, str]) -> Grid:
    found = summary.results
    rows = [[one.endpoint, one.group, number(one.index), one.device, one.server] for one in found.disagreements]
    title = f"{counted(found.disagree, 'device')} of which the server reported another end"
    headers = ["endpoint", "group", "device", "device had", "server reported"]
    table = Table("disagreements", title, headers, rows, range(2, 3))
    return grid(table, total=found.disagree, where=RECORD, links=timelines)


def _sequences(summary: Summary) -> Grid:
    rows = [[sequence or "none", number(count)] for sequence, count in summary.pattern.seen.items()]
    title = "The most frequent sequences that the server reported"
    return grid(Table("seen", title, ["sequence", "devices"], rows, range(1, 2)))
