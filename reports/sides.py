"""The shape of what ``summary.json`` holds side by side: transports, management and stacks, and why devices failed."""

from __future__ import annotations

from dataclasses import dataclass

from reports.counts import Counts, Percentiles


@dataclass(frozen=True, slots=True)
class TransportRow:
    """The devices of one transport and delivery on one network."""

    transport: str
    """URI scheme of the download for pull, of the management transport for push."""
    delivery: str
    network: str
    """Name of the network profile; empty where nothing shapes the network."""
    devices: int
    ok: int
    """Updates that ended as declared."""
    transfers_ok: int
    device_bytes_per_s: Percentiles
    """Payload over duration of each transfer that went well."""
    bytes_per_s: float | None
    """Payload of all transfers that went well over the sum of their durations: what is held against the ceiling."""
    ceiling_bytes_per_s: float | None
    """What the same transfers would have reached at their ceilings; None where nothing limits them."""
    limit: str
    """What the ceiling comes from: ``round trip`` or ``link rate``; empty without one."""
    of_ceiling: float | None
    """``bytes_per_s / ceiling_bytes_per_s``, not clipped."""
    above: str
    """What may explain a rate above the ceiling: ``chance`` (fewer losses than on average), ``timers`` (less than those
    of an event loop can tell apart) or ``nothing``; empty for a rate that is not above it."""
    payload: int
    wire: int
    """Bytes of datagrams or streams, both ways, of the transfers of which they are known."""
    overhead: float | None
    """``wire / payload - 1``, over those transfers."""
    download_s: Percentiles
    refetched: int
    retransmissions: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class ManagementCell:
    """Updates of devices of one management transport and one kind of delivery."""

    management: str
    kind: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Devices that never registered, and why, as far as they know."""

    group: str
    management: str
    credentials: str
    cause: str
    devices: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why devices did not reach a server."""

    what: str
    """``register``, ``update``, ``deregister`` or ``download``."""
    group: str
    transport: str
    """URI scheme of the server that was not reached."""
    credentials: str
    """What the devices show to the server that manages them; empty for a download with other credentials."""
    fault: str
    cause: str
    devices: int
    attempts: int


@dataclass(frozen=True, slots=True)
class StackRow:
    """The devices of one stack."""

    stack: str
    devices: int
    counts: Counts
    transfers_ok: int
    bytes_per_s: float | None
    """Payload of all transfers that went well over the sum of their durations."""
    download_s: Percentiles
    block_us: Percentiles


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """One sequence of State and Update Result that devices went through, by stack."""

    kind: str
    fault: str
    sequence: str
    devices: dict[str, int]


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of a run held against each other; without rows where there is but one."""

    rows: list[StackRow]
    compared: int
    """Kinds of devices (transport, delivery, network and fault) that more than one stack has."""
    same: int
    """Those of which every stack shows the same sequences."""
    sequences: list[SequenceRow]


@dataclass(frozen=True, slots=True)
class Sides:
    """What a run has side by side. A list is empty where there is nothing to compare."""

    transports: list[TransportRow]
    management: list[ManagementCell]
    stacks: Stacks
    unregistered: list[Unregistered]
    causes: list[Cause]
