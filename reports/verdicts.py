"""Holds what the devices had against what the server reported, and both against what was declared."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reports.case import cases
from reports.devices import UNKNOWN
from reports.judged import Charge, Judged, ServerClass, Verdicts
from reports.misconduct import CLASSES
from reports.read import Run
from reports.summary import Cell, Disagreement, FaultVerdict, Results
from reports.suspects import suspects

DISAGREEMENTS_MOST = 100
CHARGES_MOST = 20
EVIDENCE = frozenset({"states", "registrations", "transfers", "faults", "server_reports", "steps", "updates"})
"""Tables without which a server is not accused: what is missing there may be what clears it."""

AS_DECLARED = "as declared"
DIFFERS = "differs"
NOT_KNOWN = "unknown"
OTHERWISE = "otherwise"
DID_NOT_STRIKE = "did not strike"
GONE = "3/0"
"""The end of a device that goes down for an installation and never comes up again."""


def results(devices: pd.DataFrame) -> Results:
    """The two accounts of the end of every device that an update was meant for."""
    there = devices[devices["campaign"]]
    compared = there[(there["device_end"] != UNKNOWN) & (there["server_end"] != UNKNOWN)]
    apart = compared[compared["device_end"] != compared["server_end"]]
    cross = there.groupby(["device_end", "server_end"]).size().sort_values(ascending=False, kind="stable")
    return Results(
        device=counts(there["device_end"]),
        server=counts(there["server_end"]),
        cross=[Cell(str(key[0]), str(key[1]), int(n)) for key, n in cross.items()],  # type: ignore[index]
        agree=len(compared) - len(apart),
        disagree=len(apart),
        not_compared=len(there) - len(compared),
        disagreements=[
            Disagreement(int(index), endpoint, group, device_end, server_end)
            for index, endpoint, group, device_end, server_end in zip(
                apart.index[:DISAGREEMENTS_MOST],
                apart["endpoint"],
                apart["group"],
                apart["device_end"],
                apart["server_end"],
                strict=False,
            )
        ],
        declared=len(there),
        as_declared=int(as_declared(there).sum()),
    )


def faults(devices: pd.DataFrame) -> list[FaultVerdict]:
    """A verdict for each fault (or combination of faults) and the end that was declared for it."""
    faulty = devices[devices["fault"] != ""]
    return [
        _verdict(str(fault), str(declared), rows)
        for (fault, declared), rows in faulty.groupby(["fault", "declared"], sort=True)
    ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts device by device."""

    outcomes: pd.DataFrame
    """By device of the campaign: ``device`` and ``server``, each ``as declared``, ``differs`` or ``unknown``."""
    charges: list[Charge]
    """What the server did wrong: of each class and device the first."""
    doubts: list[Charge]
    """What looks like it, but may be the work of the network or of a fault."""


def judgement(run: Run, devices: pd.DataFrame) -> Judgement:
    """The outcome of each device in the campaign against what was declared, and of the server against the device."""
    there = devices[devices["campaign"]]
    charges, doubts = ([], []) if EVIDENCE & run.incomplete else _findings(run, devices)
    known = there["device_end"] != UNKNOWN
    outcomes = pd.DataFrame(NOT_KNOWN, index=there.index, columns=["device", "server"])
    outcomes.loc[known, "device"] = DIFFERS
    outcomes.loc[known & (there["device_end"] == there["declared"]), "device"] = AS_DECLARED
    agreed = known & there["asked"] & (there["server_end"] == there["device_end"])
    outcomes.loc[agreed & ~there.index.isin({doubt.index for doubt in doubts}), "server"] = AS_DECLARED
    outcomes.loc[there.index.isin({charge.index for charge in charges}), "server"] = DIFFERS
    return Judgement(outcomes, charges, doubts)


def verdicts(run: Run, devices: pd.DataFrame) -> Verdicts:
    """How many devices have which outcome, and the classes of what the server did wrong."""
    found = judgement(run, devices)
    return Verdicts(
        device=_judged(found.outcomes["device"]),
        server=_judged(found.outcomes["server"]),
        classes=[
            ServerClass(
                id=name,
                name=title,
                devices=sum(charge.id == name for charge in found.charges),
                unclear=sum(doubt.id == name for doubt in found.doubts),
                charges=sorted((c for c in found.charges if c.id == name), key=lambda c: c.t)[:CHARGES_MOST],
            )
            for name, title, _ in CLASSES
            if any(each.id == name for each in (*found.charges, *found.doubts))
        ],
    )


def _judged(outcomes: pd.Series[str]) -> Judged:
    return Judged(*(int((outcomes == word).sum()) for word in (AS_DECLARED, DIFFERS, NOT_KNOWN)))


def _findings(run: Run, devices: pd.DataFrame) -> tuple[list[Charge], list[Charge]]:
    """Charges, and doubts."""
    charges: list[Charge] = []
    doubts: list[Charge] = []
    for case in cases(run, devices.loc[suspects(run, devices)]):
        for name, _, rule in CLASSES:
            found = list(rule(case))
            if found:
                first = next((finding for finding in found if finding.clear), found[0])
                kept = charges if first.clear else doubts
                kept.append(Charge(name, case.index, case.endpoint, case.group, first.t, first.message))
    return charges, doubts


def counts(column: pd.Series[str]) -> dict[str, int]:
    """How often each value comes, the most frequent first."""
    return {str(value): int(n) for value, n in column.value_counts().items()}


def _verdict(fault: str, declared: str, devices: pd.DataFrame) -> FaultVerdict:
    struck = int((devices["applied"] > 0).sum())
    good = int(as_declared(devices).sum())
    ended = AS_DECLARED if good == len(devices) else OTHERWISE
    return FaultVerdict(
        fault=fault,
        declared=declared,
        devices=len(devices),
        devices_struck=struck,
        applied=int(devices["applied"].sum()),
        device_results=counts(devices["device_end"]),
        server_results=counts(devices["server_end"]),
        as_declared=good,
        verdict=ended if struck else DID_NOT_STRIKE,
    )


def as_declared(devices: pd.DataFrame) -> pd.Series[bool]:
    """By device: whether its end is the declared one by both accounts."""
    declared = devices["declared"]
    by_server = (devices["server_end"] == declared) | ~devices["asked"]
    # A device that is declared never to come back has told nobody how it ended.
    by_server |= (declared == GONE) & (devices["server_end"] == UNKNOWN)
    return (declared != UNKNOWN) & (devices["device_end"] == declared) & by_server
