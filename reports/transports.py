"""Transports side by side, each beside the ceiling of its network, and what comes of each management transport."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from reports.aggregate import counts_of, known_sum, percentiles
from reports.ceiling import Ceiling, Network, Retry, ceiling
from reports.measures import wire_and_overhead
from reports.read import Run, section
from reports.sides import ManagementCell, TransportRow
from reports.slicing import with_properties

TIMER_S: Final = 0.001
"""What the timers of an event loop may take off a round trip: they go by the millisecond, so half of one each way."""

CHANCE: Final = 0.05
"""A ceiling is a mean of jitters; by so much of it, few transfers may be above it by chance."""

_ROW = ["network", "transport", "delivery"]


def transports(run: Run, devices: pd.DataFrame, updates: pd.DataFrame) -> list[TransportRow]:
    """One row for each transport, delivery and network; none where there is one transport, and no network is shaped."""
    transfers = _with_ceilings(run, with_properties(run, devices))
    there = _as_transferred(devices[devices["campaign"]], transfers)
    meant = there.loc[there.index.intersection(pd.Index(updates["device"]))]
    ok = set(updates["device"][updates["outcome"] == "ok"])
    rows = []
    for key, own in meant.groupby(_ROW):
        network, transport, delivery = parts(key, 3)
        moved = transfers[(transfers[_ROW] == [network, transport, delivery]).all(axis=1)]
        rows.append(_row((transport, delivery, network), len(own), len(ok & set(own.index)), moved))
    told = len({row.transport for row in rows}) > 1 or any(row.network for row in rows)
    return sorted(rows, key=_order(run)) if told else []


def management(devices: pd.DataFrame, updates: pd.DataFrame) -> list[ManagementCell]:
    """Outcomes by management transport and kind; none where all devices have the same management transport."""
    schemes = devices["management"].reindex(updates["device"]).fillna("").to_numpy()
    if len(set(schemes) - {""}) < 2:
        return []
    groups = updates.assign(management=schemes).groupby(["management", "kind"])
    cells = []
    for key, own in groups:
        scheme, kind = parts(key, 2)
        cells.append(ManagementCell(scheme, kind, counts_of(own)))
    return cells


def parts(key: Hashable, count: int) -> list[str]:
    """The values of a group's key, as text."""
    assert isinstance(key, tuple)
    assert len(key) == count
    return [str(part) for part in key]


def group_of(run: Run, name: str) -> dict[str, Any]:
    """The settings of a group, as the manifest has them."""
    return section(section(section(run.manifest.get("scenario")).get("groups")).get(name))


def mean_rate(good: pd.DataFrame) -> float | None:
    """Payload of transfers over the sum of their durations (``seconds``), in bytes per second."""
    seconds = float(good["seconds"].sum())
    return float(good["received"].sum()) / seconds if seconds > 0 else None


def _as_transferred(devices: pd.DataFrame, transfers: pd.DataFrame) -> pd.DataFrame:
    """With the transport and delivery of the last transfer, which may be of the choice of a server that is external."""
    last = transfers.drop_duplicates("device", keep="last").set_index("device")
    own = {name: last[name].reindex(devices.index).fillna(devices[name]) for name in ("transport", "delivery")}
    return devices.assign(**own)


def _row(key: tuple[str, str, str], devices: int, ok: int, moved: pd.DataFrame) -> TransportRow:
    good = moved[(moved["outcome"] == "ok") & (moved["seconds"] > 0)]
    wire, overhead = wire_and_overhead(moved)
    rate = mean_rate(good)
    ideal_s = float(good["ideal_s"].sum(skipna=False)) if len(good) else np.nan
    top = float(good["received"].sum()) / ideal_s if ideal_s > 0 else None
    limits = set(good["limit"])
    return TransportRow(
        *key,
        devices=devices,
        ok=ok,
        transfers_ok=int((moved["outcome"] == "ok").sum()),
        device_bytes_per_s=percentiles(good["received"] / good["seconds"]),
        bytes_per_s=rate,
        ceiling_bytes_per_s=top,
        limit=" or ".join(sorted(limits)) if top is not None else "",
        of_ceiling=rate / top if rate is not None and top is not None else None,
        above=_above(good) if top is not None and rate is not None and rate > top else "",
        payload=int(moved["received"].sum()),
        wire=wire,
        overhead=overhead,
        download_s=percentiles(good["seconds"]),
        refetched=known_sum(moved["refetched"]),
        retransmissions=known_sum(moved["retransmissions"]),
        duplicates=known_sum(moved["duplicates"]),
    )


def _above(good: pd.DataFrame) -> str:
    """What may explain that transfers took less than their ideal time: at the least, that nothing was lost."""
    took_s, least_s = float(good["seconds"].sum()), float(good["least_s"].sum())
    if took_s >= least_s * (1 - CHANCE):
        return "chance"
    timers_s = TIMER_S * float(good["blocks"].clip(lower=1).sum())
    return "timers" if took_s + timers_s >= least_s else "nothing"


def _with_ceilings(run: Run, transfers: pd.DataFrame) -> pd.DataFrame:
    """With ``ideal_s``, the time of each transfer at its ceiling (NaN without one), ``least_s``, that without
    any loss, and ``limit``.
    """

    @cache
    def of(
        group: str, transport: str, delivery: str, size: int, blocks: int, *, lossless: bool = False
    ) -> Ceiling | None:
        settings = group_of(run, group)
        network = Network.of(section(settings.get("network")))
        if network is None:
            return None
        network = replace(network, loss=0.0) if lossless else network
        # The server sends a push again, by the time-outs of the RFC; a pull is asked for again by the device.
        retry = Retry.of(section(settings.get("coap"))) if delivery == "pull" else Retry()
        think = settings.get("think_time_s")
        think_s = float(think) if isinstance(think, (int, float)) else 0.0
        block = _payload(settings, transport, size, blocks)
        return ceiling(transport, network, size=size, block=block, retry=retry, think_s=think_s)

    columns = ("group", "transport", "delivery", "received", "blocks")
    keys = list(zip(*(transfers[name].tolist() for name in columns), strict=True))
    tops = [of(*key) for key in keys]
    per_s = np.array([top.bytes_per_s if top else np.nan for top in tops])
    most_per_s = np.array([top.bytes_per_s if top else np.nan for top in (of(*key, lossless=True) for key in keys)])
    # The time of a push is taken from when its first block has come, so a turn less is in it.
    blocks = transfers["blocks"].to_numpy()
    turns = np.where((transfers["delivery"] == "push") & (blocks > 0), (blocks - 1) / np.maximum(blocks, 1), 1.0)
    timed = transfers["received"] * turns
    limits = [top.limit if top else "" for top in tops]
    return transfers.assign(ideal_s=timed / per_s, least_s=timed / most_per_s, limit=limits)


def _payload(settings: dict[str, Any], transport: str, size: int, blocks: int) -> int:
    """Bytes in a message: over datagrams the block size, over streams what the transfer shows, since BERT is as long as
    both sides like.
    """
    asked = settings.get("block_size")
    if transport in ("coap", "coaps"):
        return min(asked, size) if isinstance(asked, int) and asked > 0 else min(1024, size)
    return -(-size // blocks) if blocks > 0 else size


def _order(run: Run) -> Any:
    """Networks in the order of the scenario, and within one the transports in theirs."""
    groups = section(section(run.manifest.get("scenario")).get("groups"))
    names = [str(section(section(group).get("network")).get("name", "")) for group in groups.values()]
    schemes = ["coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https"]

    def key(row: TransportRow) -> tuple[Any, ...]:
        network = names.index(row.network) if row.network in names else -1
        scheme = schemes.index(row.transport) if row.transport in schemes else len(schemes)
        return (network, row.network, row.delivery, scheme, row.transport)

    return key
