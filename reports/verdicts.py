"""Holds what the devices had against what the server reported, and both against what was declared."""

from __future__ import annotations

import pandas as pd

from reports.devices import UNKNOWN
from reports.summary import Cell, Disagreement, FaultVerdict, Results

DISAGREEMENTS_MOST = 100

AS_DECLARED = "as declared"
OTHERWISE = "otherwise"
DID_NOT_STRIKE = "did not strike"


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
        as_declared=int(_as_declared(there).sum()),
    )


def faults(devices: pd.DataFrame) -> list[FaultVerdict]:
    """A verdict for each fault (or combination of faults) and the end that was declared for it."""
    faulty = devices[devices["fault"] != ""]
    return [
        _verdict(str(fault), str(declared), rows)
        for (fault, declared), rows in faulty.groupby(["fault", "declared"], sort=True)
    ]


def counts(column: pd.Series[str]) -> dict[str, int]:
    """How often each value comes, the most frequent first."""
    return {str(value): int(n) for value, n in column.value_counts().items()}


def _verdict(fault: str, declared: str, devices: pd.DataFrame) -> FaultVerdict:
    struck = int((devices["applied"] > 0).sum())
    as_declared = int(_as_declared(devices).sum())
    ended = AS_DECLARED if as_declared == len(devices) else OTHERWISE
    return FaultVerdict(
        fault=fault,
        declared=declared,
        devices=len(devices),
        devices_struck=struck,
        applied=int(devices["applied"].sum()),
        device_results=counts(devices["device_end"]),
        server_results=counts(devices["server_end"]),
        as_declared=as_declared,
        verdict=ended if struck else DID_NOT_STRIKE,
    )


def _as_declared(devices: pd.DataFrame) -> pd.Series[bool]:
    declared = devices["declared"]
    by_server = (devices["server_end"] == declared) | ~devices["asked"]
    return (declared != UNKNOWN) & (devices["device_end"] == declared) & by_server
