"""The recorded vocabulary: everything that a run writes down, and nothing else.

One frozen dataclass is one table of the run directory; its fields are the columns, in order. What a device did, what
was injected and what the server reported are tables apart that share the column ``device``.

Times are seconds since the start of the run, by a clock that never jumps and that its processes share; in virtual time
from 0. Durations end in ``_s`` or ``_us``, sizes are bytes. A column is ``int``, ``float``, ``str``, ``bool`` or
``list[int]``, the same in Parquet, JSON and pandas. What is not known is -1, or the empty string.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import ClassVar, Final, Protocol, get_args

SCHEMA_VERSION: Final = 2  # raised by one when a table or a column changes its meaning
NOT_KNOWN: Final = -1
FAULT_OVER: Final = "over:"  # how the detail of a fault begins that no longer lasts
CUT_SHORT: Final = "the run was cut short"  # the reason of an update that was under way then


@dataclass(frozen=True, slots=True)
class DeviceStarted:
    """A device was switched on. One row per device: the columns that everything else is grouped by."""

    table: ClassVar[str] = "devices"

    t: float
    """When it started."""
    device: int
    """Index of the device in the plan, the same in every slice."""
    endpoint: str
    """Endpoint Client Name."""
    group: str
    """Name of the group in the scenario."""
    transport: str
    """URI scheme of the download, or of the management transport for push: ``coap``, ``coaps``, ``coap+tcp`` ..."""
    delivery: str
    """``pull`` or ``push``; empty where no campaign reaches the device."""
    due: float
    """When the plan said that it should start; ``t - due`` is how late it was."""
    fault: str
    """Names of the injected faults, joined by ``+``; empty for a sound device."""
    expected_state: int
    """State (/5/0/3) in which the update is declared to end."""
    expected_result: int
    """Update Result (/5/0/5) with which the update is declared to end."""
    management: str
    """URI scheme of the management transport."""
    stack: str
    """Whose CoAP it speaks: ``own`` or ``aiocoap``."""
    network: str
    """Name of its network profile; empty where nothing shapes its network."""
    credentials: str
    """What it shows: ``psk``, ``x509``, ``oscore``, ``psk+x509`` or empty; with what is wrong: ``psk (wrong-key)``."""


@dataclass(frozen=True, slots=True)
class RegistrationEnded:
    """A Register, Update or De-register came to its end at the device."""

    table: ClassVar[str] = "registrations"

    t: float
    device: int
    operation: str
    """``register``, ``update`` or ``deregister``."""
    started: float
    outcome: str
    """``ok``, ``fail`` (refused by the server) or ``unknown`` (no answer)."""
    code: str
    """Response code such as ``2.01``; empty without an answer."""
    retransmissions: int
    cause: str
    """Why there was no answer, in words, where the device knows: how a handshake failed, for one."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """State or Update Result of a device took a new value."""

    table: ClassVar[str] = "states"

    t: float
    device: int
    state: int
    result: int
    cause: str
    """The event of the Firmware Update machine that led here, such as ``download_completed``."""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The transfer of one package to one device ended, well or not."""

    table: ClassVar[str] = "transfers"

    t: float
    device: int
    transport: str
    delivery: str
    started: float
    """First request of a pull, first block of a push."""
    size: int
    """Length of the whole package where the peer told it, else -1."""
    received: int
    """Payload bytes that this transfer brought, without repetitions; not those of one that it goes on from."""
    refetched: int
    """Payload bytes that came once more, as an interrupted transfer did not go on where it had stopped."""
    wire_in: int
    """Bytes of datagrams or stream received for this transfer."""
    wire_out: int
    """Bytes of datagrams or stream sent for this transfer."""
    blocks: int
    retransmissions: int
    """Messages that the device sent again."""
    duplicates: int
    """Messages that the device received again."""
    outcome: str
    """``ok``, ``fail`` or ``unknown`` (the run ended first)."""
    result: int
    """Update Result that the end of this transfer led to; 0 when it went well."""
    cause: str
    """Why it failed, in words, where the device knows: how a handshake failed, for one."""
    block_us: list[int]
    """Latency of each block in microseconds: request to response for a pull, response to next block for a push."""
    peer_us: int = NOT_KNOWN
    """How long the peer had the word: from when something had left the shaped link until something came to it again."""
    peer_turns: int = NOT_KNOWN
    """How often it had it, in handshakes too. Both are not known where no network profile shapes the network."""


@dataclass(frozen=True, slots=True)
class FaultApplied:
    """An injected fault struck, with its parameters; what lasts has one more row, ``FAULT_OVER``, when it ends."""

    table: ClassVar[str] = "faults"

    t: float
    device: int
    fault: str
    seam: str
    """What was wrapped: ``datagram``, ``link`` (of the download), ``flash`` ...; ``server``, ``origin``: its own."""
    detail: str


@dataclass(frozen=True, slots=True)
class DeviceEnded:
    """A device was switched off at the end of the run."""

    table: ClassVar[str] = "device_ends"

    t: float
    device: int
    state: int
    result: int
    version: str
    """Firmware Version (/3/0/3) at the end."""
    boots: int
    registered: bool
    messages_in: int
    messages_out: int
    retransmissions: int


@dataclass(frozen=True, slots=True)
class ServerSaw:
    """The server under test told of a registration."""

    table: ClassVar[str] = "server_registrations"

    t: float
    device: int
    kind: str
    """``registered``, ``updated`` or ``deregistered``."""
    cause: str
    """Why it ended, where the server tells: ``deregister``, ``expired``, ``replaced``."""


@dataclass(frozen=True, slots=True)
class ServerReported:
    """The server under test told the value of a resource of a device."""

    table: ClassVar[str] = "server_reports"

    t: float
    device: int
    path: str
    """``/5/0/3``, ``/5/0/5``, ``/3/0/3`` ..."""
    value: str
    source: str
    """``notify``, ``observe`` (the answer to the Observe) or ``read``."""


@dataclass(frozen=True, slots=True)
class OperatorStepEnded:
    """One step of the campaign on one device came to its end."""

    table: ClassVar[str] = "steps"

    t: float
    device: int
    step: str
    """``observe``, ``read``, ``write_uri``, ``write_package``, ``execute``, ``wait_downloaded``, ``wait_result`` ..."""
    started: float
    outcome: str
    """``ok``, ``fail`` or ``unknown``."""
    code: str
    """Response code of the device as the server passed it on; empty without one."""
    detail: str


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """The operator stopped looking at one device's update: the row on which a run is judged."""

    table: ClassVar[str] = "updates"

    t: float
    device: int
    delivery: str
    due: float
    """When the campaign meant to start this update."""
    started: float
    """When the first Write was sent."""
    outcome: str
    """``ok`` (ended as declared), ``fail`` (ended otherwise) or ``unknown`` (the operator could not find out)."""
    state: int
    """State in the server's view at the end."""
    result: int
    """Update Result in the server's view at the end."""
    version: str
    """Firmware Version in the server's view at the end."""
    reason: str
    """Why it is not ok, in words."""


@dataclass(frozen=True, slots=True)
class HealthSampled:
    """How well a process of the run kept up, once a second."""

    table: ClassVar[str] = "health"

    t: float
    process: str
    """``fleet-0``, ``operator``, ``server``, ``origin`` ..."""
    cpu_s: float
    """CPU seconds, user and system, since the process started."""
    rss_bytes: int
    loop_lag_s: float
    """The longest time by which a timer of the event loop was late since the last sample."""
    late_starts: int
    """Starts more than 100 ms after their due time, since the process began."""
    missed_starts: int
    """Starts that were due and never happened, since the process began."""
    dropped_datagrams: int
    """Datagrams that the kernel dropped for want of buffer space, machine-wide, since the process began."""
    devices: int


Event = (
    DeviceStarted
    | RegistrationEnded
    | StateChanged
    | TransferEnded
    | FaultApplied
    | DeviceEnded
    | ServerSaw
    | ServerReported
    | OperatorStepEnded
    | UpdateEnded
    | HealthSampled
)
EVENT_TYPES: Final[tuple[type[Event], ...]] = get_args(Event)


class EventSink(Protocol):
    """Where events go: a recorder, or a list in a test."""

    def emit(self, event: Event) -> None:
        """Take one event. Never blocks and never raises."""


class EventLog:
    """An event sink that keeps everything in memory, for tests and for virtual time."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.emit = self.events.append

    def to_bytes(self) -> bytes:
        """The log as JSON lines; equal histories give equal bytes."""
        return b"".join(map(to_json, self.events))


def to_json(event: Event) -> bytes:
    """One event as a line of JSON, fields in the order of the class."""
    row = {"table": event.table} | {f.name: getattr(event, f.name) for f in fields(event)}
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"
