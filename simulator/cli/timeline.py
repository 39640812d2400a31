"""What happened to one device, line by line: its messages, its states, the faults, and what the server told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simulator import events
from simulator.cli.messages import CoapStream, HttpStream, datagram_line
from simulator.lwm2m.firmware_table import State, UpdateResult
from simulator.network.tap import TCP, UDP, Flow, Seen

if TYPE_CHECKING:
    from simulator.events import Event

Show = Callable[[str], None]

PEERS: Final = {"management": "server", "download": "origin"}
_LABEL_WIDTH: Final = 9
_HAPPENED: Final = {
    Seen.FAILED: "no connection: ",
    Seen.TOLD: "port: ",
    Seen.ENDED: "the peer ended the connection",
    Seen.LOST: "connection lost: ",
    Seen.CLOSED: "connection closed",
    Seen.ABORTED: "connection aborted",
}


class Timeline:
    """Takes events and messages, and shows a line for each.

    Args:
        now: seconds since the start of the run.
        show: takes each line.

    Attributes:
        log: the events, as they came.
        traffic: when something went through a port, of which peer, and whether it was sent.
    """

    def __init__(self, now: Callable[[], float], show: Show) -> None:
        self._now = now
        self._show = show
        self._streams: dict[tuple[Flow, Seen], CoapStream | HttpStream] = {}
        self.log = events.EventLog()
        self.traffic: list[tuple[float, str, bool]] = []

    def emit(self, event: Event) -> None:
        """Take one event (``simulator.events.EventSink``)."""
        self.log.emit(event)
        label, text = _LINES.get(type(event), _any)(event)
        self._line(event.t, label, text)

    def watch(self, scheme: str, purpose: str) -> Callable[[Flow, Seen, bytes], None]:
        """What watches the messages of a device that go to URIs of this scheme, above security."""
        peer = PEERS[purpose]

        def seen(flow: Flow, what: Seen, data: bytes) -> None:
            arrow = "<-" if what in (Seen.GOT, Seen.ENDED) else "->"
            if what in (Seen.GOT, Seen.SENT):
                self.traffic.append((self._now(), peer, what is Seen.SENT))
            for text in self._texts(flow, scheme, what, data):
                self._line(self._now(), f"{arrow} {peer}", text)

        return seen

    def _texts(self, flow: Flow, scheme: str, what: Seen, data: bytes) -> list[str]:
        if what not in (Seen.SENT, Seen.GOT):
            if what is Seen.OPENED:
                return [f"{scheme} connection stands"] if flow.protocol == TCP else []
            return [] if what is Seen.CLOSED and flow.protocol == UDP else [_HAPPENED[what] + data.decode()]
        if flow.protocol == UDP:
            return [datagram_line(data)]
        stream = self._streams.get((flow, what))
        if stream is None:
            stream = self._streams[flow, what] = HttpStream() if scheme.startswith("http") else CoapStream()
        return list(stream.lines(data))

    def _line(self, t: float, label: str, text: str) -> None:
        self._show(f"{t:12.6f}  {label:<{_LABEL_WIDTH}}  {text}")


Line = tuple[str, str]


def _any(event: Event) -> Line:
    values = (f"{name}={getattr(event, name)}" for name in type(event).__slots__ if name not in ("t", "device"))
    return "event", f"{event.table}: {' '.join(values)}"


def _words(*words: str) -> str:
    return ", ".join(word for word in words if word)


def state_text(state: int, result: int) -> str:
    """State and Update Result with their names."""
    known = state in State.__members__.values() and result in UpdateResult.__members__.values()
    names = f" ({State(state).name}, {UpdateResult(result).name})" if known else ""
    return f"State {state}, Result {result}{names}"


def _started(event: events.DeviceStarted) -> Line:
    fault = f"faults {event.fault}" if event.fault else "no fault"
    declared = f"declared to end in {event.expected_state}/{event.expected_result}"
    network = f"network {event.network}" if event.network else ""
    return "device", _words(f"starts: group {event.group}", fault, network, declared)


def _registration(event: events.RegistrationEnded) -> Line:
    again = f"{event.retransmissions} sent again" if event.retransmissions else ""
    return "device", _words(f"{event.operation}: {event.outcome} {event.code}".rstrip(), again, event.cause)


def _state(event: events.StateChanged) -> Line:
    return "STATE", f"{state_text(event.state, event.result)}: {event.cause}"


def _transfer(event: events.TransferEnded) -> Line:
    amount = f"{event.received} of {event.size} B" if event.size >= 0 else f"{event.received} B"
    again = f"{event.retransmissions} sent again" if event.retransmissions else ""
    twice = f"{event.duplicates} received twice" if event.duplicates else ""
    what = f"{event.delivery} over {event.transport}: {event.outcome}"
    result = f"Result {event.result}" if event.result else ""
    return "transfer", _words(what, amount, f"{event.blocks} blocks", again, twice, result, event.cause)


def _fault(event: events.FaultApplied) -> Line:
    if event.detail.startswith(events.FAULT_OVER):
        return "FAULT", _words(f"{event.fault} is over", event.detail.removeprefix(events.FAULT_OVER).strip())
    return "FAULT", _words(f"{event.fault} strikes at {event.seam}", event.detail)


def _ended(event: events.DeviceEnded) -> Line:
    where = state_text(event.state, event.result)
    traffic = f"{event.messages_in} messages in, {event.messages_out} out, {event.retransmissions} sent again"
    return "device", _words(f"switched off: {where}", f"version {event.version}", f"{event.boots} boots", traffic)


def _saw(event: events.ServerSaw) -> Line:
    return "server", _words(f"saw it {event.kind}", event.cause)


def _reported(event: events.ServerReported) -> Line:
    return "server", f"reports {event.path} = {event.value} ({event.source})"


def _step(event: events.OperatorStepEnded) -> Line:
    return "operator", _words(f"{event.step}: {event.outcome} {event.code}".rstrip(), event.detail)


def _verdict(event: events.UpdateEnded) -> Line:
    where = f"server has {state_text(event.state, event.result)}"
    return "VERDICT", _words(
        f"{event.outcome}: {where}", f"version {event.version}" * bool(event.version), event.reason
    )


_LINES: Final[dict[type[Event], Callable[..., Line]]] = {
    events.DeviceStarted: _started,
    events.RegistrationEnded: _registration,
    events.StateChanged: _state,
    events.TransferEnded: _transfer,
    events.FaultApplied: _fault,
    events.DeviceEnded: _ended,
    events.ServerSaw: _saw,
    events.ServerReported: _reported,
    events.OperatorStepEnded: _step,
    events.UpdateEnded: _verdict,
}
