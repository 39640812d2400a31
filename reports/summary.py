"""The shape of ``summary.json``: what a report found, as plain data (documented in docs/summary-schema.md).

A pair of State and Update Result is written ``state/result``, such as ``0/1``, and ``?`` where it is not known. A kind
is ``transport/delivery``, such as ``coap/pull``. A figure that could not be measured is None (``null``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from reports.counts import Counts, Percentiles
from reports.health import Generator, Messages, UsageTotals
from reports.judged import Verdicts
from reports.sides import Sides
from reports.slices import PeerTime, Series, Slice

SCHEMA: Final = 1
"""Raised by one when a key of ``summary.json`` changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was run, and how much of its record is here."""

    id: str
    status: str
    """``complete``, ``cut short``, ``failed``, or ``running`` where the run never wrote its end."""
    reason: str
    scenario: str
    seed: int
    command: list[str]
    repeat: list[str]
    """The command with its seed, which repeats the plan."""
    started: str
    ended: str
    duration_s: float | None
    devices: int
    """Devices that were switched on."""
    devices_planned: int | None
    """Devices of the scenario, where the manifest tells."""
    server: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    processes_killed: list[str]
    parts: int
    parts_unreadable: int
    rows: dict[str, int]
    """Rows read, by table."""
    rows_missing: int
    """Rows that the closing notes tell of and that are not here. A killed process tells nothing."""
    tables_incomplete: list[str]
    missing: list[str]
    """A sentence for each thing that is not here."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for which updates were not ok."""

    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class NotOk:
    """A device whose update was not ok."""

    index: int
    endpoint: str
    group: str
    outcome: str
    reason: str
    reproduce: list[str]
    """The command that replays it, word by word."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of the updates as the operator judged them."""

    overall: Counts
    by_group: dict[str, Counts]
    by_kind: dict[str, Counts]
    reasons: list[Reason]
    """The most frequent ones first, 20 at most."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Transfers and updates of one kind, or of all."""

    devices: int
    transfers: int
    transfers_ok: int
    bytes: int
    """Payload bytes of all transfers."""
    span_s: float | None
    """From the first request of the first transfer to the end of the last."""
    bytes_per_s: float | None
    """``bytes / span_s``."""
    wire_in: int
    wire_out: int
    retransmissions: int
    duplicates: int
    device_bytes_per_s: Percentiles
    """Payload bytes over duration, for each transfer that went well."""
    download_s: Percentiles
    """Duration of each transfer that went well."""
    update_s: Percentiles
    """From the first Write to the end, for each update that is ok and ended with Update Result 1."""
    update_from_due_s: Percentiles
    """The same from when the campaign meant to start it."""
    block_us: Percentiles
    """Latency of every block of every transfer, microseconds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How many devices ended as ``device`` by their own account and as ``server`` by the server's."""

    device: str
    server: str
    count: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A device and the server that tell different ends."""

    index: int
    endpoint: str
    group: str
    device: str
    server: str


@dataclass(frozen=True, slots=True)
class Results:
    """State and Update Result at the end: what the devices had against what the server reported."""

    device: dict[str, int]
    server: dict[str, int]
    cross: list[Cell]
    agree: int
    disagree: int
    not_compared: int
    """Devices of which one side is not known."""
    disagreements: list[Disagreement]
    """100 at most; ``disagree`` is the true number."""
    declared: int
    """Devices in the campaign, all of which have a declared end."""
    as_declared: int
    """Those whose end is the declared one by both accounts."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Whether the server saw 1/0, 2/0, 3/0, 0/1 of each updated device without a fault."""

    devices: int
    complete: int
    out_of_order: int
    """Every value came, the values of State not in the order of the object's table."""
    incomplete: int
    without_downloading: int
    """Those among ``complete`` that need not show Downloading (``push-hidden``) and did not."""
    seen: dict[str, int]
    """Sequences as the server reported them, the most frequent first, 20 at most."""


@dataclass(frozen=True, slots=True)
class FaultVerdict:
    """What an injected fault was declared to lead to, and what it led to."""

    fault: str
    declared: str
    devices: int
    devices_struck: int
    applied: int
    """How often it struck in all."""
    device_results: dict[str, int]
    server_results: dict[str, int]
    as_declared: int
    verdict: str
    """``as declared``, ``otherwise`` or ``did not strike``."""


@dataclass(frozen=True, slots=True)
class Part:
    """A metric in an expression, and what it was."""

    text: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of the scenario."""

    name: str
    limit: Any
    measured: float | None
    holds: bool
    why: str
    """Why it could not be measured, or why the measure cannot be relied on; else empty."""
    unit: str = ""
    """Of an expression: the unit of limit and measure, ``s``, ``B``, ``B/s``, ``share`` or ``count``."""
    parts: list[Part] = field(default_factory=list)
    """The metrics of an expression, as it names them; none for a criterion of a fixed key."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a report found."""

    schema: int
    verdict: str
    """``holds``, ``does not hold``, or ``no criteria``."""
    headline: str
    notes: list[str]
    """What must be known before any figure is read."""
    run: RunInfo
    outcomes: Outcomes
    not_ok: list[NotOk]
    """Some devices whose updates were not ok, 10 at most."""
    totals: Throughput
    throughput: dict[str, Throughput]
    """By kind."""
    slices: dict[str, list[Slice]]
    """Transfers by transport, delivery, network, group and server, one at a time."""
    series: Series
    peers: list[PeerTime]
    results: Results
    verdicts: Verdicts
    pattern: Pattern
    faults: list[FaultVerdict]
    generator: Generator
    messages: Messages
    usage: UsageTotals
    sides: Sides
    criteria: list[Criterion]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
