"""What happened to one device, as spans and points in time: what its timeline is drawn from.

It is put together from recorded events, whether they come out of a run directory or out of a replay, which has the
messages, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any, Final, NamedTuple

from reports.pattern import RESULT_PATH, STATE_PATH
from reports.read import Run
from simulator import events
from simulator.events import FAULT_OVER, Event

SINGLE: Final = ("devices", "states", "registrations", "faults", "device_ends", "updates")
TABLES: Final = (*SINGLE, "transfers", "server_registrations", "server_reports", "steps")
"""What a timeline is made of."""


class Span(NamedTuple):
    """Something that lasts."""

    begin: float
    end: float
    text: str
    """A name; of a fault, its kind."""
    ok: bool = True


class Held(NamedTuple):
    """A State and Update Result, from a time on."""

    t: float
    state: int
    result: int


class Message(NamedTuple):
    """Something went through a port of the device."""

    t: float
    peer: str
    """``server`` or ``origin``."""
    sent: bool


class Fetched(NamedTuple):
    """A transfer, with how far it had come at which time."""

    span: Span
    times: list[float]
    shares: list[float]
    """Of the whole package, from 0 to 1."""


@dataclass(slots=True)
class Timeline:
    """One device."""

    endpoint: str
    told: str
    """What it is, in a line."""
    begin: float
    end: float = 0.0
    """The end of what is to be seen: its switching off at the end of a run is not."""
    held: list[Held] = field(default_factory=list)
    reported: list[Held] = field(default_factory=list)
    """What the server told of State and Update Result; -1 for what it had not told yet."""
    registrations: list[Span] = field(default_factory=list)
    transfers: list[Fetched] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    steps: list[Span] = field(default_factory=list)
    """Of the operator."""
    messages: list[Message] = field(default_factory=list)
    verdict: str = ""


def timeline(log: Iterable[Event], device: int, messages: Iterable[Message] = ()) -> Timeline | None:
    """The timeline of a device out of its events; None where it never started."""
    own = sorted((e for e in log if getattr(e, "device", None) == device), key=lambda event: event.t)
    started = next((event for event in own if isinstance(event, events.DeviceStarted)), None)
    if started is None:
        return None
    made = Timeline(started.endpoint, _told(started), started.t)
    made.messages = list(messages)
    for event in own:
        take = _TAKES.get(type(event))
        if take is not None:
            take(made, event)
    made.end = _end(made, own)
    made.faults = list(_faults(own, made.end))
    return made


def of_run(run: Run, device: int) -> Timeline | None:
    """The timeline of a device of a run; None where the run has not recorded that it started."""
    return timeline(_events(run, device), device)


def _events(run: Run, device: int) -> Iterator[Event]:
    for kind in events.EVENT_TYPES:
        if kind.table not in TABLES:
            continue
        rows = run.tables[kind.table]
        rows = rows[rows["device"] == device]
        names = [f.name for f in fields(kind) if f.name in rows]
        for number, values in enumerate(rows[names].itertuples(index=False, name=None)):
            more: dict[str, Any] = {}
            if kind is events.TransferEnded:
                more = {"block_us": run.blocks_of(rows.iloc[number : number + 1]).tolist()}
            yield kind(**dict(zip(names, values, strict=True)), **more)


def _told(event: events.DeviceStarted) -> str:
    way = f"{event.delivery} over {event.transport}" if event.delivery else "no update"
    management = f", managed over {event.management}" if event.management != event.transport else ""
    network = f", network {event.network}" if event.network else ""
    return (
        f"group {event.group}: {way}{management}{network}{told_of(event.fault)}"
        f"declared to end in {event.expected_state}/{event.expected_result}"
    )


def told_of(fault: str) -> str:
    """How a line on a device tells of its fault."""
    return f"; fault: {fault.replace('+', ' + ') or 'none'}; "


# -- events, one kind after the other ----------------------------------------------------------------------------------


def _state(made: Timeline, event: events.StateChanged) -> None:
    made.held.append(Held(event.t, event.state, event.result))


def _registration(made: Timeline, event: events.RegistrationEnded) -> None:
    made.registrations.append(Span(event.started, event.t, event.operation, event.outcome == "ok"))


def _transfer(made: Timeline, event: events.TransferEnded) -> None:
    size = max(event.size, event.received, 1)
    times, shares = [event.started], [0.0]
    t = event.started
    # All blocks but the last are of one size; of a transfer that failed nobody knows more than their mean.
    for number, latency in enumerate(event.block_us, 1):
        t = min(t + latency / 1e6, event.t)
        times.append(t)
        shares.append(event.received * number / len(event.block_us) / size)
    times.append(event.t)
    shares.append(event.received / size)
    made.transfers.append(Fetched(Span(event.started, event.t, event.outcome, event.outcome == "ok"), times, shares))


def _report(made: Timeline, event: events.ServerReported) -> None:
    if event.path not in (STATE_PATH, RESULT_PATH) or not event.value.isdecimal():
        return
    last = made.reported[-1] if made.reported else Held(event.t, -1, -1)
    value = int(event.value)
    state, result = (value, last.result) if event.path == STATE_PATH else (last.state, value)
    made.reported.append(Held(event.t, state, result))


def _step(made: Timeline, event: events.OperatorStepEnded) -> None:
    made.steps.append(Span(event.started, event.t, event.step, event.outcome == "ok"))


def _verdict(made: Timeline, event: events.UpdateEnded) -> None:
    made.verdict = f"{event.outcome}: {event.reason}" if event.reason else event.outcome


def _faults(own: list[Event], end: float) -> Iterator[Span]:
    """Each strike, until the record says that it is over, or as long as its parameters say."""
    begun: dict[tuple[str, str], Span] = {}
    for event in own:
        if not isinstance(event, events.FaultApplied):
            continue
        key = (event.fault, event.seam)
        before = begun.pop(key, None)
        if event.detail.startswith(FAULT_OVER):
            yield Span(before.begin if before is not None else event.t, event.t, event.fault)
            continue
        if before is not None:
            yield before
        begun[key] = Span(event.t, min(event.t + _lasts_s(event.detail), end), event.fault)
    yield from begun.values()


def _lasts_s(detail: str) -> float:
    """How long a strike lasts where nothing tells of its end, in seconds."""
    told = _LASTS.search(detail)
    if told is not None:
        return float(told[1])
    return inf if any(word in detail for word in _FOR_GOOD) else 0.0


_LASTS: Final = re.compile(r"\b(?:lasts|heals after) ([0-9.]+) s\b")
_FOR_GOOD: Final = ("repeated", "how silent")
_TAKES: Final[dict[type, Any]] = {
    events.StateChanged: _state,
    events.RegistrationEnded: _registration,
    events.TransferEnded: _transfer,
    events.ServerReported: _report,
    events.OperatorStepEnded: _step,
    events.UpdateEnded: _verdict,
}


def _end(made: Timeline, own: list[Event]) -> float:
    """The last thing that belongs to the update: what ends a run comes later, maybe by much."""
    last = {
        events.StateChanged,
        events.TransferEnded,
        events.FaultApplied,
        events.ServerReported,
        events.OperatorStepEnded,
        events.UpdateEnded,
    }
    times = [event.t for event in own if type(event) in last]
    times += [span.end for span in made.registrations if span.text != "deregister"]
    return max(times, default=made.begin)
