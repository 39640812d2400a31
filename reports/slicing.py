"""Transfers by one property at a time, and the time of the peers apart from that of the network."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from reports.aggregate import known_sum, percentiles
from reports.measures import wire_and_overhead
from reports.read import Run, section
from reports.slices import DIMENSIONS, PeerTime, Slice

ORIGIN: Final = "package origin"
"""Who a pulled package comes from."""
TURNS: Final = "turns"
BLOCKS: Final = "blocks"


def with_properties(run: Run, devices: pd.DataFrame) -> pd.DataFrame:
    """The table ``transfers`` with each of ``DIMENSIONS`` as a column, and ``seconds``, the duration."""
    transfers = run.tables["transfers"]
    rows = devices.index.get_indexer(pd.Index(transfers["device"]))
    server = str(section(run.manifest.get("server")).get("name") or "server")
    return transfers.assign(
        network=devices["network"].to_numpy()[rows],
        group=devices["group"].to_numpy()[rows],
        server=np.where(transfers["delivery"] == "push", server, ORIGIN),
        seconds=transfers["t"] - transfers["started"],
    )


def slices(transfers: pd.DataFrame) -> dict[str, list[Slice]]:
    """By each property and its values, those with the most bytes first."""
    found = {
        name: [_slice(str(value), rows) for value, rows in transfers.groupby(name, observed=True)]
        for name in DIMENSIONS
    }
    return {name: sorted(rows, key=lambda one: (-one.bytes, one.value)) for name, rows in found.items()}


def peer_times(run: Run, transfers: pd.DataFrame) -> list[PeerTime]:
    """One row for each transport, delivery and network of which a turn or a block was timed."""
    rows = []
    for key, own in transfers.groupby(["network", "delivery", "transport"], observed=True):
        assert isinstance(key, tuple)
        network, delivery, transport = (str(part) for part in key)
        timed = own[own["peer_turns"] > 0]
        place = (transport, delivery, network)
        if len(timed):
            rows.append(_by_turns(place, timed))
        elif own["block_count"].sum() and not network:
            rows.append(_by_blocks(place, run, own))
    return rows


def _by_turns(place: tuple[str, str, str], timed: pd.DataFrame) -> PeerTime:
    turns, us = int(timed["peer_turns"].sum()), float(timed["peer_us"].sum())
    rest_us = float(timed["seconds"].sum()) * 1e6 - us
    return PeerTime(
        *place,
        timed=TURNS,
        transfers=len(timed),
        turns=turns,
        peer_us=percentiles(timed["peer_us"] / timed["peer_turns"]),
        peer_mean_us=us / turns,
        # The first turn of a push may have begun before its first block came.
        rest_mean_us=max(0.0, rest_us) / turns,
    )


def _by_blocks(place: tuple[str, str, str], run: Run, own: pd.DataFrame) -> PeerTime:
    timed = own[own["block_count"] > 0]
    us = percentiles(run.blocks_of(timed))
    return PeerTime(
        *place, timed=BLOCKS, transfers=len(timed), turns=us.n, peer_us=us, peer_mean_us=us.mean, rest_mean_us=None
    )


def _slice(value: str, rows: pd.DataFrame) -> Slice:
    good = rows[rows["outcome"] == "ok"]
    timed = good[good["seconds"] > 0]
    wire, overhead = wire_and_overhead(rows)
    span_s, total = float(rows["t"].max() - rows["started"].min()), int(rows["received"].sum())
    return Slice(
        value=value,
        devices=int(rows["device"].nunique()),
        transfers=len(rows),
        transfers_ok=len(good),
        bytes=total,
        span_s=span_s,
        bytes_per_s=total / span_s if span_s > 0 else None,
        device_bytes_per_s=percentiles(timed["received"] / timed["seconds"]),
        download_s=percentiles(good["seconds"]),
        wire=wire,
        overhead=overhead,
        refetched=known_sum(rows["refetched"]),
        retransmissions=known_sum(rows["retransmissions"]),
        duplicates=known_sum(rows["duplicates"]),
    )
