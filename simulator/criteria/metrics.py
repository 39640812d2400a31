"""The metrics of a run that a criterion can name: docs/metrics.md is made of this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulator.criteria.units import BYTES, BYTES_PER_S, SECONDS, SHARE, THINGS, Dimension


class Kind(StrEnum):
    """What a metric is made of."""

    TREND = "trend"
    """Many values, of which a function takes a percentile or another figure."""
    RATE = "rate"
    """Many cases, of which each holds or does not."""
    COUNTER = "counter"
    """A number for each row, which add up."""
    GAUGE = "gauge"
    """One value of all that is selected."""


@dataclass(frozen=True, slots=True)
class Function:
    """How the rows of a metric become one number."""

    kinds: frozenset[Kind]
    meaning: str
    dimension: Dimension | None = None
    """Of the result; None: that of the metric."""
    percentile: float | None = None


_TREND: Final = frozenset({Kind.TREND})
_EACH: Final = frozenset({Kind.TREND, Kind.COUNTER})
_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99_9": 99.9, "median": 50.0}

FUNCTIONS: Final[dict[str, Function]] = {
    **{name: Function(_TREND, f"{at:g}th percentile", percentile=at) for name, at in _PERCENTILES.items()},
    "min": Function(_EACH, "the smallest"),
    "max": Function(_EACH, "the greatest"),
    "mean": Function(_EACH, "the mean"),
    "sum": Function(_EACH | {Kind.RATE}, "all together; of a rate, the number of cases that hold"),
    "count": Function(_EACH | {Kind.RATE}, "how many rows there are", THINGS),
    "rate": Function(frozenset({Kind.RATE}), "the share of the cases that hold", SHARE),
}

OF_DEVICES: Final = ("group", "transport", "delivery", "network", "fault", "management", "stack")
OF_PROCESSES: Final = ("role",)
ROLES: Final = ("fleet", "operator", "server", "origin")
NONE: Final = "none"
"""The value of ``fault`` of a device without one, and of ``network`` of one whose network nothing shapes."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Something of a run that has a value."""

    kind: Kind
    dimension: Dimension
    labels: tuple[str, ...]
    tables: tuple[str, ...]
    """Tables of the run directory that it rests on."""
    meaning: str


_UPDATES: Final = ("devices", "updates")
_ENDS: Final = (*_UPDATES, "states", "device_ends")
_TRANSFERS: Final = ("devices", "transfers")


def _of_updates(kind: Kind, dimension: Dimension, meaning: str, tables: tuple[str, ...] = _UPDATES) -> Metric:
    return Metric(kind, dimension, OF_DEVICES, tables, meaning)


def _of_transfers(kind: Kind, dimension: Dimension, meaning: str) -> Metric:
    return Metric(kind, dimension, OF_DEVICES, _TRANSFERS, meaning)


METRICS: Final[dict[str, Metric]] = {
    "update_seconds": _of_updates(
        Kind.TREND, SECONDS, "From the first Write to the end, of each update that is ok with Update Result 1."
    ),
    "update_from_due_seconds": _of_updates(
        Kind.TREND, SECONDS, "The same from when the campaign meant to start the update."
    ),
    "ok": _of_updates(Kind.RATE, THINGS, "Of the updates, those that ended as declared in the server's view."),
    "fail": _of_updates(Kind.RATE, THINGS, "Of the updates, those that ended otherwise."),
    "unknown": _of_updates(Kind.RATE, THINGS, "Of the updates, those whose end the operator could not find out."),
    "as_declared": _of_updates(
        Kind.RATE,
        THINGS,
        "Of the devices in the campaign, those whose end is the declared one by both accounts.",
        _ENDS,
    ),
    "server_disagreements": _of_updates(
        Kind.COUNTER, THINGS, "Devices of whose end the server tells otherwise than the device.", _ENDS
    ),
    "download_seconds": _of_transfers(Kind.TREND, SECONDS, "Duration of each transfer that went well."),
    "block_seconds": _of_transfers(Kind.TREND, SECONDS, "Latency of every block of every transfer."),
    "peer_seconds": _of_transfers(
        Kind.TREND,
        SECONDS,
        "How long the server took between messages, the mean of each transfer: behind the link of a network profile, "
        "else the latency of its blocks.",
    ),
    "device_throughput": _of_transfers(
        Kind.TREND, BYTES_PER_S, "Payload over duration, of each transfer that went well."
    ),
    "throughput": _of_transfers(
        Kind.GAUGE,
        BYTES_PER_S,
        "Payload of all transfers over the time from the start of the first to the end of the last.",
    ),
    "payload_bytes": _of_transfers(Kind.COUNTER, BYTES, "Payload of each transfer, without repetitions."),
    "refetched_bytes": _of_transfers(Kind.COUNTER, BYTES, "Payload that came once more after an interruption."),
    "wire_bytes": _of_transfers(
        Kind.COUNTER, BYTES, "Bytes sent and received for each transfer of which they are known."
    ),
    "wire_overhead": _of_transfers(
        Kind.GAUGE, SHARE, "How much more than the payload was on the wire, as a share of the payload."
    ),
    "retransmissions": _of_transfers(Kind.COUNTER, THINGS, "Messages that a device sent again, of each transfer."),
    "duplicates": _of_transfers(Kind.COUNTER, THINGS, "Messages that a device received again, of each transfer."),
    "register_seconds": Metric(
        Kind.TREND, SECONDS, OF_DEVICES, ("devices", "registrations"), "Duration of each Register that went well."
    ),
    "late_starts": Metric(
        Kind.COUNTER, THINGS, OF_PROCESSES, ("health",), "Starts of devices more than 100 ms after due, by process."
    ),
    "missed_starts": Metric(
        Kind.COUNTER, THINGS, OF_PROCESSES, ("health",), "Starts of devices that were due and never came, by process."
    ),
    "loop_lag_seconds": Metric(
        Kind.TREND,
        SECONDS,
        OF_PROCESSES,
        ("health",),
        "Longest delay of a timer, in each sample of a process; not of the server.",
    ),
    "cpu_share": Metric(
        Kind.TREND,
        SHARE,
        OF_PROCESSES,
        ("health", "updates"),
        "CPU that each process used over the campaign, of one core.",
    ),
}
