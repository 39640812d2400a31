"""Counts, rates and percentiles of a run. Every percentile is taken from raw values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reports.counts import AT, Counts, Percentiles
from reports.devices import kind, updates_of
from reports.health import Messages
from reports.read import Run
from reports.summary import Outcomes, Reason, Throughput

REASONS_MOST = 20
_NO_ROW = "no end of the update was recorded"


def percentiles(values: ArrayLike) -> Percentiles:
    """Percentiles by linear interpolation; None throughout where there is no value."""
    raw = np.asarray(values, dtype=np.float64)
    if raw.size == 0:
        return Percentiles(0)
    p50, p90, p95, p99, p99_9 = (float(value) for value in np.percentile(raw, AT))
    return Percentiles(int(raw.size), p50, p90, p95, p99, p99_9, float(raw.mean()), float(raw.max()))


def update_frame(run: Run, devices: pd.DataFrame) -> pd.DataFrame:
    """The updates with ``group``, ``kind``, ``update_s`` and ``update_from_due_s``.

    Each device of the campaign whose update left no row gets one with outcome ``unknown`` and ``ended`` false.
    """
    rows = updates_of(run)
    known = devices.loc[rows["device"]]
    updates = pd.DataFrame(
        {
            "device": rows["device"],
            "group": known["group"].to_numpy(),
            "kind": known["kind"].to_numpy(),
            "outcome": rows["outcome"],
            "result": rows["result"],
            "reason": rows["reason"],
            "update_s": rows["t"] - rows["started"],
            "update_from_due_s": rows["t"] - rows["due"],
            "ended": True,
        }
    )
    left = devices[devices["campaign"] & ~devices["updated"]]
    if left.empty:
        return updates
    unended = pd.DataFrame(
        {
            "device": left.index.to_numpy(),
            "group": left["group"].to_numpy(),
            "kind": left["kind"].to_numpy(),
            "outcome": "unknown",
            "result": -1,
            "reason": _NO_ROW,
            "update_s": np.nan,
            "update_from_due_s": np.nan,
            "ended": False,
        }
    )
    return unended if updates.empty else pd.concat([updates, unended], ignore_index=True)


def outcomes(updates: pd.DataFrame) -> Outcomes:
    """Counts of the three outcomes, over all, by group and by kind, and the reasons of what is not ok."""
    not_ok = updates[updates["outcome"] != "ok"]
    sizes = not_ok.groupby(["outcome", "reason"]).size().sort_values(ascending=False, kind="stable")
    reasons = [Reason(str(key[0]), str(key[1]), int(n)) for key, n in sizes.head(REASONS_MOST).items()]  # type: ignore[index]
    return Outcomes(
        overall=counts_of(updates),
        by_group={str(name): counts_of(rows) for name, rows in updates.groupby("group")},
        by_kind={str(name): counts_of(rows) for name, rows in updates.groupby("kind")},
        reasons=reasons,
    )


def counts_of(updates: pd.DataFrame) -> Counts:
    """The outcomes of some rows of ``update_frame``."""
    outcome = updates["outcome"]
    ok, fail = int((outcome == "ok").sum()), int((outcome == "fail").sum())
    return Counts(ok, fail, len(updates) - ok - fail, int((~updates["ended"].astype(bool)).sum()))


def throughput(run: Run, updates: pd.DataFrame) -> tuple[Throughput, dict[str, Throughput]]:
    """Transfers and updates over all and by kind."""
    transfers = run.tables["transfers"]
    transfers = transfers.assign(kind=kind(transfers["transport"], transfers["delivery"]))
    kinds = sorted(set(transfers["kind"]) | set(updates["kind"][updates["ended"].astype(bool)]))
    by_kind = {
        name: _throughput(run, transfers[transfers["kind"] == name], updates[updates["kind"] == name]) for name in kinds
    }
    return _throughput(run, transfers, updates), by_kind


def _throughput(run: Run, transfers: pd.DataFrame, updates: pd.DataFrame) -> Throughput:
    good = transfers[transfers["outcome"] == "ok"]
    seconds = good["t"] - good["started"]
    timed = seconds > 0
    installed = updates[(updates["outcome"] == "ok") & (updates["result"] == 1)]
    total = int(transfers["received"].sum())
    span_s = float(transfers["t"].max() - transfers["started"].min()) if len(transfers) else None
    return Throughput(
        devices=int(transfers["device"].nunique()),
        transfers=len(transfers),
        transfers_ok=len(good),
        bytes=total,
        span_s=span_s,
        bytes_per_s=total / span_s if span_s else None,
        wire_in=known_sum(transfers["wire_in"]),
        wire_out=known_sum(transfers["wire_out"]),
        retransmissions=known_sum(transfers["retransmissions"]),
        duplicates=known_sum(transfers["duplicates"]),
        device_bytes_per_s=percentiles(good["received"][timed] / seconds[timed]),
        download_s=percentiles(seconds),
        update_s=percentiles(installed["update_s"]),
        update_from_due_s=percentiles(installed["update_from_due_s"]),
        block_us=percentiles(run.blocks_of(transfers)),
    )


def messages(run: Run) -> Messages:
    """Messages and repetitions, as the devices counted them."""
    ends, transfers = run.tables["device_ends"], run.tables["transfers"]
    return Messages(
        sent=known_sum(ends["messages_out"]),
        received=known_sum(ends["messages_in"]),
        retransmissions=known_sum(ends["retransmissions"]),
        transfer_retransmissions=known_sum(transfers["retransmissions"]),
        transfer_duplicates=known_sum(transfers["duplicates"]),
        registration_retransmissions=known_sum(run.tables["registrations"]["retransmissions"]),
    )


def known_sum(column: pd.Series[Any]) -> int:
    """The sum without the -1 of what is not known."""
    return int(column[column >= 0].sum())
