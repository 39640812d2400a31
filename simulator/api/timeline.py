"""What happens to one device, in the order in which it happens: for people to read, and for programs.

An entry has a time, a kind, a line for people and the same as data. Most entries are events of the recorded vocabulary
(``simulator.events``); the others are what a server asks, what it is notified of, and how far a transfer has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from simulator.events import (
    FAULT_OVER,
    DeviceEnded,
    Event,
    FaultApplied,
    RegistrationEnded,
    StateChanged,
    TransferEnded,
)
from simulator.lwm2m.firmware_table import State, UpdateResult

STEP_SHARE: Final = 0.05
"""Share of a package after which its progress is told."""
STEP_BYTES: Final = 65_536
"""The same in bytes, where nobody knows how long the package is."""
KEPT: Final = 100_000
"""Entries that are kept at most; older ones go first, so that a device may run for months."""

KINDS: Final[Mapping[str, str]] = {
    "power": "the device boots, loses power, or is off",
    "registration": "a Register, Update or De-register ended, or will be tried again",
    "request": "the server asked for something, and was answered with a code",
    "notify": "the server was notified of a value that it observes",
    "state": "State (/5/0/3) or Update Result (/5/0/5) has a new value, and by which event",
    "progress": "so much of a package is stored",
    "transfer": "the transfer of a package ended",
    "fault": "an injected fault was added, or strikes",
    "link": "coverage is lost or back, or a connection is gone",
    "error": "something failed outside the device, such as a disk that is full",
}
"""What entries are about."""

_LEFT_OUT: Final = frozenset({"t", "device", "block_us"})
_STATES: Final = {State.IDLE: "Idle", State.DOWNLOADING: "Downloading", State.DOWNLOADED: "Downloaded"}
_ENDED: Final = {"register": "registered", "update": "registration updated", "deregister": "de-registered"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    t: float
    """Seconds since the device was made."""
    what: str
    """One of ``KINDS``."""
    text: str
    """A line for people."""
    data: Mapping[str, Any]
    """The same for programs; of names and values that JSON knows."""


class Timeline:
    """Keeps what happens and tells whoever listens; an event sink (``simulator.events.EventSink``)."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = lambda: 0.0
        """The time of the device; it stands still until there is one."""
        self._listeners: list[Callable[[Entry], None]] = []
        self.entries: list[Entry] = []

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Tell this one of every entry from now on."""
        self._listeners.append(listener)

    def add(self, what: str, text: str, **data: Any) -> None:
        """Something happened now."""
        entry = Entry(self.now(), what, text, data)
        if len(self.entries) >= KEPT:
            del self.entries[: KEPT // 10]
        self.entries.append(entry)
        for listener in self._listeners:
            listener(entry)

    def emit(self, event: Event) -> None:
        """Take an event of the device; those that say nothing more here leave no entry."""
        told = _TOLD.get(type(event))
        if told is None:
            return
        what, text = told
        data = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in _LEFT_OUT}
        self.add(what, text(event), **data)


def state_text(state: int, result: int) -> str:
    """State and Update Result in numbers and in words."""
    names = UpdateResult(result).name.replace("_", " ").lower()
    return f"{state} {_STATES.get(State(state), 'Updating')}, result {result} ({names})"


def _state(event: StateChanged) -> str:
    return f"{state_text(event.state, event.result)}, by {event.cause.replace('_', ' ')}"


def _registration(event: RegistrationEnded) -> str:
    again = f", sent again {event.retransmissions} times" if event.retransmissions > 1 else ""
    again = ", sent again once" if event.retransmissions == 1 else again
    if event.outcome == "ok":
        return f"{_ENDED[event.operation]} ({event.code}){again}"
    name = {"register": "Register", "update": "Update", "deregister": "De-register"}[event.operation]
    if event.outcome == "fail":
        return f"{name} refused ({event.code}){again}"
    return f"{name} failed: {event.cause}{again}" if event.cause else f"{name}: no answer{again}"


def _transfer(event: TransferEnded) -> str:
    took = max(event.t - event.started, 1e-6)
    words = {"ok": "complete", "fail": "failed", "unknown": "stopped"}
    text = f"{event.delivery} over {event.transport} {words[event.outcome]}: {event.received:,} bytes in {took:.3f} s"
    if event.outcome == "ok" and event.delivery == "pull":
        text += f" ({event.received / took / 1000:,.0f} kB/s)"
    details = [f"{event.blocks} blocks"] if event.blocks > 1 else []
    details += [f"{event.retransmissions} sent again"] if event.retransmissions else []
    details += [f"{event.refetched:,} bytes fetched once more"] if event.refetched else []
    details += [event.cause] if event.cause else []
    return ", ".join([text, *details])


def _fault(event: FaultApplied) -> str:
    if event.detail.startswith(FAULT_OVER):
        return f"{event.fault} is over: {event.detail.removeprefix(FAULT_OVER).strip()}"
    return f"{event.fault} strikes: {event.detail}"


def _off(event: DeviceEnded) -> str:
    return f"off, with firmware {event.version}, after {event.messages_in} messages in and {event.messages_out} out"


_TOLD: Final[Mapping[type, tuple[str, Callable[[Any], str]]]] = {
    StateChanged: ("state", _state),
    RegistrationEnded: ("registration", _registration),
    TransferEnded: ("transfer", _transfer),
    FaultApplied: ("fault", _fault),
    DeviceEnded: ("power", _off),
}
