"""The tables of a summary as plain values in base units, for programs; the page and the terminal have them as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from reports.slices import Series
from reports.summary import Summary

Record = dict[str, Any]

_JOINT: Final = "; "


def records(summary: Summary) -> dict[str, list[Record]]:
    """Tables by name, each a list of rows with the same columns; those without rows are left out.

    A group of figures, such as percentiles, is a column for each of them: ``download_s_p95``.
    """
    counts = {
        "all": summary.outcomes.overall,
        **summary.outcomes.by_kind,
        **{f"group {name}": one for name, one in summary.outcomes.by_group.items()},
    }
    found = {
        "criteria": [flat(one) for one in summary.criteria],
        "outcomes": [{"updates": name, **flat(one)} for name, one in counts.items()],
        "reasons": [flat(one) for one in summary.outcomes.reasons],
        "not-ok": [flat(one) for one in summary.not_ok],
        "transports": [flat(one) for one in summary.sides.transports],
        "throughput": [{"kind": kind, **flat(one)} for kind, one in summary.throughput.items()],
        "slices": [{"by": by, **flat(one)} for by, slices in summary.slices.items() for one in slices],
        "series": _series(summary.series),
        "peers": [flat(one) for one in summary.peers],
        "faults": [flat(one) for one in summary.faults],
        "results": [flat(one) for one in summary.results.cross],
        "processes": [flat(one) for one in summary.generator.processes],
    }
    return {name: rows for name, rows in found.items() if rows}


def _series(found: Series) -> list[Record]:
    """A row for each stretch; payload by transport, since the other properties are as many as a run has groups."""
    columns = {
        "registered_per_s": found.registered_per_s,
        "due_per_s": found.due_per_s,
        "started_per_s": found.started_per_s,
        "ended_per_s": found.ended_per_s,
        **{f"bytes_per_s {name}": rates for name, rates in found.bytes_per_s["transport"].items()},
    }
    rows = zip(*columns.values(), strict=True)
    return [{"from_s": k * found.step_s, **dict(zip(columns, row, strict=True))} for k, row in enumerate(rows)]


def flat(value: Any) -> Record:
    """The fields of a dataclass; those of the dataclasses in it get its name before theirs."""
    row: Record = {}
    for field in fields(value):
        own = getattr(value, field.name)
        if is_dataclass(own):
            row.update({f"{field.name}_{name}": figure for name, figure in flat(own).items()})
        else:
            row[field.name] = _cell(own)
    return row


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _JOINT.join(f"{name}: {figure}" for name, figure in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else value
