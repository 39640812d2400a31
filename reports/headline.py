"""The first lines of a report: the verdict in a sentence, and what must be known before any figure is read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports import causes
from reports.health import Generator
from reports.judged import Verdicts
from reports.sides import Sides, TransportRow
from reports.summary import Criterion, Outcomes, Results, RunInfo
from reports.units import counted, number, percent, seconds

HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
NO_CRITERIA = "no criteria"

_OWN_ACCOUNT = frozenset({"states", "device_ends"})
"""The tables that tell how a device itself ended."""


def verdict(run: RunInfo, criteria: list[Criterion]) -> str:
    """``holds`` when the run is complete and all criteria hold; ``no criteria`` when it is complete and has none."""
    if run.status != "complete" or not all(criterion.holds for criterion in criteria):
        return DOES_NOT_HOLD
    return HOLDS if criteria else NO_CRITERIA


def headline(run: RunInfo, outcomes: Outcomes, criteria: list[Criterion]) -> str:
    """One sentence on the run."""
    broken = sum(not criterion.holds for criterion in criteria)
    if run.status != "complete":
        first = "The run did not come to its end"
    elif broken:
        first = f"{broken} of {len(criteria)} criteria {'does' if broken == 1 else 'do'} not hold"
    elif criteria:
        first = f"All {len(criteria)} criteria hold" if len(criteria) > 1 else "The criterion holds"
    else:
        first = "No criteria were declared"
    counts = outcomes.overall
    if counts.total == 0:
        return f"{first}: no update was recorded."
    updates = counted(counts.total, "update")
    return (
        f"{first}: {updates}, {number(counts.ok)} ok, {number(counts.fail)} failed, {number(counts.unknown)} unknown."
    )


def notes(run: RunInfo, results: Results, generator: Generator, sides: Sides, *, external: bool = False) -> list[str]:
    """Sentences for the top of the page; ``external``: nobody asked the server."""
    found = []
    if generator.bottleneck:
        reasons = "; ".join(generator.reasons)
        found.append(
            f"The generator was the bottleneck: {reasons}. The figures below are of the generator, not of the server."
        )
    if external:
        found.append("Nobody asked the server under test: outcomes are the devices' own accounts.")
    found += _status_notes(run)
    found += causes.notes(sides.unregistered)
    found += run.missing
    if run.devices_planned is not None and run.devices < run.devices_planned:
        found.append(
            f"Of {counted(run.devices_planned, 'planned device')} only {number(run.devices)} were switched on."
        )
    if results.disagree:
        found.append(_disagreement(run, results))
    if generator.dropped_datagrams:
        found.append(
            f"The kernel dropped {counted(generator.dropped_datagrams, 'datagram')} for want of buffer space; each one "
            "cost a retransmission, at the devices or at the server."
        )
    return found + _too_fast(sides.transports)


def accusations(verdicts: Verdicts) -> list[str]:
    """A sentence for each class of what the server did wrong."""
    return [
        f"The server did wrong with {counted(one.devices, 'device')}: {one.id} {one.name}, first with "
        f"{one.charges[0].endpoint} at {seconds(one.charges[0].t)}: {one.charges[0].message}."
        for one in verdicts.classes
        if one.charges
    ]


def on_purpose(faults: pd.DataFrame) -> list[str]:
    """A sentence for each side that the scenario had misbehave: what is told of it is what was asked for."""
    names = {"server": "server under test", "origin": "package origin"}
    found = []
    for seam, name in names.items():
        acts = faults.loc[faults["seam"] == seam, "fault"].value_counts()
        if len(acts):
            listed = ", ".join(f"{act} {counted(int(n), 'time')}" for act, n in acts.items())
            found.append(f"The {name} misbehaved on purpose, as the scenario has it: {listed}.")
    return found


def _too_fast(rows: Sequence[TransportRow]) -> list[str]:
    fine = dict.fromkeys(row.network for row in rows if row.above == "timers")
    return [_cannot_be(row) for row in rows if row.above == "nothing"] + [_too_fine(network) for network in fine]


def _too_fine(network: str) -> str:
    return (
        f"The delays of {network} are shorter than the timers of the event loop can keep (1 ms), so transports ran "
        "above their ceilings there."
    )


def _cannot_be(row: TransportRow) -> str:
    return (
        f"{row.transport}/{row.delivery} on {row.network or 'ideal'} ran at {percent(row.of_ceiling)} of its ceiling, "
        "which cannot be: the network was not what the scenario says, or the ceiling is wrong."
    )


def _disagreement(run: RunInfo, results: Results) -> str:
    devices = counted(results.disagree, "device")
    if _OWN_ACCOUNT & set(run.tables_incomplete):
        return (
            f"The last report of the server and the last row of the device differ for {devices}; rows of devices are "
            "missing, so this says nothing against the server."
        )
    return f"The server reported another end than the device had for {devices}."


def _status_notes(run: RunInfo) -> list[str]:
    if run.status == "running":
        return ["The run never wrote its end: it was killed, or is still going on."]
    if run.status == "complete":
        return []
    return [f"The run is {run.status}: {run.reason or 'no reason was given'}."]
