"""The shape of what ``summary.json`` tells of the generator itself, of messages and of CPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """One process of the run."""

    process: str
    role: str
    cpu_s: float | None
    """CPU seconds in all."""
    cpu_share: float | None
    """Of one core, over the campaign; None with fewer than two samples."""
    rss_max_bytes: int
    loop_lag_max_s: float | None
    late_starts: int
    missed_starts: int


@dataclass(frozen=True, slots=True)
class Generator:
    """Whether the load came as planned, or the generator was what was measured."""

    bottleneck: bool
    reasons: list[str]
    campaign_s: float | None
    loop_lag_max_s: float | None
    """Of the processes of the generator."""
    late_starts: int | None
    missed_starts: int | None
    dropped_datagrams: int | None
    """On the whole machine."""
    processes: list[ProcessHealth]


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of the devices, counted at the devices."""

    sent: int
    received: int
    retransmissions: int
    """Of all exchanges (from the ends of the devices)."""
    transfer_retransmissions: int
    transfer_duplicates: int
    registration_retransmissions: int


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """CPU of the two sides."""

    server_cpu_s: float | None
    fleet_cpu_s: float | None
    server_to_fleet: float | None
    server_cpu_ms_per_update: float | None
    fleet_cpu_ms_per_update: float | None
