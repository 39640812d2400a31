"""What is known of one device, put together from the tables: the three columns that a server is judged by.

What the device did (``states``, ``registrations``, ``transfers``), what was injected (``faults``), and what the server
did and reported (``server_reports``, ``server_registrations``, ``steps``, ``updates``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from reports.devices import PEER_SEAM
from reports.pattern import RESULT_PATH, STATE_PATH, hides_downloading, notifies_every_change
from reports.read import BLOCK_COUNT, Run, section
from reports.transports import group_of

GRACE_S: Final = 10.0
"""How long a server may take to report what a device has: two confirmable notifications may be lost on a sound network,
in the buffers of a kernel, and are sent again after at most 3 and 6 s (RFC 7252 §4.8)."""
LAGS: Final = 4.0
"""How many of the longest lags of an event loop are added to it, since the clocks of the record are as late."""
AT_ONCE: Final = 20_000
"""Devices whose rows are tuples at a time: they take many times the memory of the tables."""
OWN_SEAMS: Final = frozenset({"flash", "store", "installer", "decision"})
"""Seams of faults inside a device, which leave its link and what it reports as they are."""


class Held(NamedTuple):
    """A State and Update Result that a device had from ``t`` on."""

    t: float
    state: int
    result: int


class Report(NamedTuple):
    """A value that the server told."""

    t: float
    value: int
    source: str


class Registration(NamedTuple):
    """A Register, Update or De-register, as the device knows it."""

    t: float
    operation: str
    outcome: str
    code: str


class Order(NamedTuple):
    """A Write of Package or Package URI."""

    t: float
    step: str
    started: float
    outcome: str
    code: str


class Transfer(NamedTuple):
    """A transfer of the package."""

    t: float
    delivery: str
    started: float
    size: int
    received: int
    outcome: str
    last_block: float
    """When the device had answered the last block that it got."""
    blocks: int


class Ended(NamedTuple):
    """A registration that the server took for over."""

    t: float
    cause: str


@dataclass(frozen=True, slots=True)
class Case:
    """One device of the campaign, every list in order of time."""

    index: int
    endpoint: str
    group: str
    delivery: str
    fault: str
    hides_downloading: bool
    """Whether it is pushed to, and does not show State 1 then."""
    declared: str
    """``state/result`` in which its update was declared to end."""
    driven: bool
    """Whether the operator of the run gave the orders."""
    shaped: bool
    """Whether its network loses and delays messages, or may do so, or nobody would notice a lost notification."""
    struck: bool
    """Whether a fault stood between it and the server."""
    grace_s: float
    lifetime_s: float | None
    request_s: float | None
    """How long the operator lets the server wait for an answer."""
    held: list[Held]
    states: list[Report]
    results: list[Report]
    registrations: list[Registration]
    ended: list[Ended]
    orders: list[Order]
    transfers: list[Transfer]
    judged_at: float | None
    """When the operator stopped looking; None where it never did."""


def cases(run: Run, devices: pd.DataFrame) -> Iterator[Case]:
    """Those of some devices that are in the campaign, in their order.

    Args:
        devices: rows of ``reports.devices.device_frame``; what is not told of a device here is not read for it.
    """
    there = devices[devices["campaign"]]
    for begin in range(0, len(there), AT_ONCE):
        yield from _some_cases(run, there.iloc[begin : begin + AT_ONCE])


def grace_s_of(run: Run) -> float:
    """How long a server may take in a run to report what a device has."""
    health = run.tables["health"]
    return GRACE_S + LAGS * max(0.0, float(health["loop_lag_s"].max() if len(health) else 0.0))


def judged_at(run: Run) -> pd.Series[float]:
    """By device, when the operator stopped looking."""
    return run.tables["updates"].groupby("device")["t"].last()


def numbers(reports: pd.DataFrame, path: str) -> pd.DataFrame:
    """The reports of a path whose value is a number, as int64."""
    found = reports[reports["path"] == path]
    found = found[found["value"].str.fullmatch(r"[0-9]{1,9}")]
    return found.assign(value=found["value"].astype("int64"))


def _some_cases(run: Run, there: pd.DataFrame) -> Iterator[Case]:
    def own(table: str) -> pd.DataFrame:
        rows = run.tables[table]
        return rows[rows["device"].isin(there.index)]

    campaign = section(section(run.manifest.get("scenario")).get("campaign"))
    request_s = _least(campaign.get("request_timeout_s"), campaign.get("timeout_s"))
    grace_s = grace_s_of(run)
    held, registrations = _rows(own("states"), Held), _rows(own("registrations"), Registration)
    reports, gone, steps = own("server_reports"), own("server_registrations"), own("steps")
    states, results = _rows(numbers(reports, STATE_PATH), Report), _rows(numbers(reports, RESULT_PATH), Report)
    ended = _rows(gone[gone["kind"] == "deregistered"], Ended)
    orders = _rows(steps[steps["step"].isin(["write_uri", "write_package"])], Order)
    transfers = _rows(_with_last_block(run, own("transfers")), Transfer)
    judged = judged_at(run).reindex(there.index).dropna().to_dict()
    outside = own("faults")
    struck = set(outside[~outside["seam"].isin(OWN_SEAMS | {PEER_SEAM})]["device"])
    far = not _is_near(section(run.manifest.get("server")).get("uri"))
    ends = own("device_ends")
    lossy = set(ends[ends["retransmissions"] > 0]["device"]) if far else set()
    columns = ["endpoint", "group", "delivery", "fault", "declared", "network"]
    for index, endpoint, group, delivery, fault, declared, network in there[columns].itertuples(name=None):
        plan = group_of(run, group)
        yield Case(
            index=int(index),
            endpoint=endpoint,
            group=group,
            delivery=delivery,
            fault=fault,
            hides_downloading=hides_downloading(plan) and delivery == "push",
            declared=declared,
            driven=not run.external,
            shaped=network != ""
            or index in lossy
            or plan.get("notifications") == "non"
            or not notifies_every_change(plan),
            struck=index in struck,
            grace_s=grace_s,
            lifetime_s=_least(plan.get("lifetime_s")),
            request_s=request_s,
            held=held.get(index, []),
            states=states.get(index, []),
            results=results.get(index, []),
            registrations=registrations.get(index, []),
            ended=ended.get(index, []),
            orders=orders.get(index, []),
            transfers=transfers.get(index, []),
            judged_at=judged.get(index),
        )


def _is_near(uri: Any) -> bool:
    """Whether a server is on this machine, so that the way there loses nothing that a kernel does not drop."""
    host = urlsplit(uri).hostname if isinstance(uri, str) else None
    return host is not None and (host in ("localhost", "::1") or host.startswith("127."))


def _least(*values: Any) -> float | None:
    known = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return min(known, default=None)


def _with_last_block(run: Run, transfers: pd.DataFrame) -> pd.DataFrame:
    """The transfers with the time of their last block: for a push the latencies run from answer to next block."""
    counts = transfers[BLOCK_COUNT].to_numpy()
    so_far = np.concatenate([[0], np.cumsum(run.blocks_of(transfers))])
    after = np.cumsum(counts)
    return transfers.assign(last_block=transfers["started"] + (so_far[after] - so_far[after - counts]) / 1e6)


def _rows(table: pd.DataFrame, shape: Any) -> dict[int, list[Any]]:
    """The rows of a table as tuples of ``shape``, by device."""
    found: dict[int, list[Any]] = {}
    columns = [table[name].tolist() for name in shape._fields]
    rows = map(shape._make, zip(*columns, strict=True))
    for device, row in zip(table["device"].tolist(), rows, strict=True):
        found.setdefault(device, []).append(row)
    return found
