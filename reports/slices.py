"""The shape of what ``summary.json`` holds by one property of the devices, by time, and of the peers' own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reports.counts import Percentiles

DIMENSIONS: Final = ("transport", "delivery", "network", "group", "server")
"""Properties by which transfers are looked at, one at a time. ``server`` is who the package came from."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The transfers that have one property in common."""

    value: str
    """Of the property; empty for a network that nothing shapes."""
    devices: int
    transfers: int
    transfers_ok: int
    bytes: int
    """Payload bytes of all transfers."""
    span_s: float | None
    """From the first request of the first transfer to the end of the last."""
    bytes_per_s: float | None
    """Of all devices together: ``bytes / span_s``."""
    device_bytes_per_s: Percentiles
    """Of a device: payload over duration of each transfer that went well."""
    download_s: Percentiles
    """Duration of each transfer that went well."""
    wire: int
    """Bytes of datagrams or streams, both ways, of the transfers of which they are known."""
    overhead: float | None
    """``wire / payload - 1`` over those transfers."""
    refetched: int
    """Payload bytes that came once more."""
    retransmissions: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Series:
    """A run by time, in stretches of one length from the start of the run on."""

    step_s: float
    """Length of a stretch."""
    bytes_per_s: dict[str, dict[str, list[float]]]
    """By property and its value: payload in each stretch over its length. A transfer counts evenly from its first
    request to its end, since only its blocks are timed one by one, not its bytes."""
    registered_per_s: list[float]
    """First Registers that went well."""
    due_per_s: list[float]
    """Updates that the campaign meant to start."""
    started_per_s: list[float]
    """Updates that it did start."""
    ended_per_s: list[float]
    """Updates that came to their end, whichever it was."""


EMPTY: Final = Series(1.0, {name: {} for name in DIMENSIONS}, [], [], [], [])


@dataclass(frozen=True, slots=True)
class PeerTime:
    """How long the peers of one transport, delivery and network took, apart from the network where that is known."""

    transport: str
    delivery: str
    network: str
    timed: str
    """``turns``: behind the link of a network profile, from when a message has left the link until the next one comes
    to it; each value is the mean of a transfer. ``blocks``: without a profile; each value is the latency of a block,
    with the sockets and event loops of this machine in it."""
    transfers: int
    turns: int
    """Turns of the peers or blocks, in all."""
    peer_us: Percentiles
    peer_mean_us: float | None
    """Over all turns or blocks."""
    rest_mean_us: float | None
    """What is left of the transfers' time for each turn: the network with what it lost, and the device; None for
    ``blocks``, of which nothing is left."""
