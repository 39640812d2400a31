"""What a row of a table is worth by a metric, in base units: criteria and comparisons take their values from here.

Each function gives a series with the rows that have a value, by their index.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.read import BLOCK_COUNT, Run
from simulator.criteria.metrics import NONE
from simulator.criteria.tree import Label


def has_label(column: pd.Series[Any], label: Label) -> NDArray[np.bool_]:
    """Whether the label fits each row; a device of several faults has each of them."""
    codes, names = pd.factorize(column)
    wanted = "" if label.value == NONE and label.name in ("fault", "network") else label.value
    parts = label.name == "fault"
    own = np.array([wanted in (str(name).split("+") if parts else (str(name),)) for name in names], bool)
    fits: NDArray[np.bool_] = (own[codes] if len(own) else np.zeros(len(column), bool)) != label.unequal
    return fits


def updated(updates: pd.DataFrame, name: str) -> pd.Series[float]:
    """A time of the updates that are ok with Update Result 1."""
    return updates.loc[(updates["outcome"] == "ok") & (updates["result"] == 1), name]


def has_outcome(updates: pd.DataFrame, word: str) -> pd.Series[bool]:
    """Whether each update has this outcome; as in the counts of outcomes, what is neither ok nor fail is unknown."""
    outcome = updates["outcome"]
    return ~outcome.isin(("ok", "fail")) if word == "unknown" else outcome == word


def downloads(transfers: pd.DataFrame) -> pd.Series[float]:
    """Duration of each transfer that went well."""
    good = transfers[transfers["outcome"] == "ok"]
    return good["t"] - good["started"]


def device_throughput(transfers: pd.DataFrame) -> pd.Series[float]:
    """Payload over duration of each transfer that went well and took some time."""
    took = downloads(transfers)
    took = took[took > 0]
    return transfers["received"][took.index] / took


def registered(registrations: pd.DataFrame) -> pd.Series[float]:
    """Duration of each Register that went well."""
    good = registrations[(registrations["operation"] == "register") & (registrations["outcome"] == "ok")]
    return good["t"] - good["started"]


def known(rows: pd.DataFrame, name: str) -> pd.Series[float]:
    """A column without the -1 of what is not known."""
    return rows[name][rows[name] >= 0]


def wired(transfers: pd.DataFrame) -> pd.DataFrame:
    """The transfers of which the bytes on the wire are known both ways."""
    return transfers[(transfers["wire_in"] >= 0) & (transfers["wire_out"] >= 0)]


def wire_and_overhead(transfers: pd.DataFrame) -> tuple[int, float | None]:
    """Bytes on the wire both ways, and how much more than the payload they are as a share of it; None without any."""
    rows = wired(transfers)
    wire, carried = int(rows["wire_in"].sum() + rows["wire_out"].sum()), int(rows["received"].sum())
    return wire, wire / carried - 1 if carried else None


def peer_seconds(run: Run, devices: pd.DataFrame, transfers: pd.DataFrame) -> pd.Series[float]:
    """Mean time of the server between messages in each transfer: behind the link of a network profile, else the mean
    latency of the blocks.

    Args:
        devices: ``reports.devices.device_frame`` of the run.
        transfers: some rows of its table.
    """
    shaped = transfers[transfers["peer_turns"] > 0]
    behind_us = shaped["peer_us"] / shaped["peer_turns"]
    # With a profile whose link was not timed a latency is not the server's alone.
    alone = (devices["network"] == "").to_numpy()[devices.index.get_indexer(pd.Index(transfers["device"]))]
    plain = transfers[(transfers["peer_turns"] <= 0) & (transfers[BLOCK_COUNT] > 0) & alone]
    counts = plain[BLOCK_COUNT].to_numpy()
    sums = np.add.reduceat(run.blocks_of(plain), np.cumsum(counts) - counts) if len(plain) else np.zeros(0)
    return pd.concat([behind_us, pd.Series(sums / counts, plain.index)]) / 1e6
