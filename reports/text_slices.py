"""Transfers by one property at a time, and the time of the peers, as tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reports.slices import PeerTime, Slice
from reports.table import Table
from reports.text_sides import IDEAL
from reports.units import microseconds, number, percent, rate, seconds, size

OTHER_THAN_KIND: Final = ("network", "group", "server")
"""Properties that the tables by kind do not show already."""


def slices(found: Mapping[str, Sequence[Slice]]) -> Table:
    """Throughput by network, group and server, as far as there are several of them."""
    rows = [
        [
            f"{name} {one.value or IDEAL}",
            number(one.devices),
            number(one.transfers_ok),
            size(one.bytes),
            rate(one.bytes_per_s),
            rate(one.device_bytes_per_s.p50),
            seconds(one.download_s.p50),
            seconds(one.download_s.p95),
            percent(one.overhead),
            size(one.refetched),
        ]
        for name in OTHER_THAN_KIND
        if len(found.get(name, ())) > 1
        for one in found[name]
    ]
    headers = [
        "transfers of",
        "devices",
        "ok",
        "payload",
        "together",
        "a device, median",
        "download p50",
        "p95",
        "overhead",
        "refetched",
    ]
    return Table("slices", "Throughput by network, group and server", headers, rows, range(1, 10))


def peers(found: Sequence[PeerTime]) -> Table:
    """How long the peers took over a message, apart from the network."""
    rows = [
        [
            f"{one.transport}/{one.delivery}",
            one.network or IDEAL,
            one.timed,
            number(one.turns),
            microseconds(one.peer_mean_us),
            *(microseconds(value) for value in (one.peer_us.p50, one.peer_us.p95, one.peer_us.p99, one.peer_us.max)),
            microseconds(one.rest_mean_us),
        ]
        for one in found
    ]
    headers = ["peers of", "network", "timed", "turns", "mean", "p50", "p95", "p99", "max", "network and rest, mean"]
    return Table("peers", "Time of the server between messages, apart from the network", headers, rows, range(3, 10))
