"""A Package that the server writes block by block (Block1) to /5/0/0."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from simulator.coap.codes import BAD_REQUEST, REQUEST_ENTITY_INCOMPLETE, is_success
from simulator.coap.download import LATENCY_MAX_US
from simulator.coap.exchange import Response
from simulator.device.unwrap import UnwrapError, Unwrapper
from simulator.events import NOT_KNOWN, TransferEnded
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import Event, Row

if TYPE_CHECKING:
    from simulator.coap.message import Message
    from simulator.device.device import Device
    from simulator.device.stacks import CoapEndpoint


def record_whole(device: Device, size: int, event: Event) -> None:
    """Tell of a Package that came in one message, as ``event`` is about to end its transfer."""
    firmware, now = device.firmware, device.world.now()
    row = device.profile.table[firmware.machine.state, event]
    result = row.result if isinstance(row, Row) else None
    ok = event is Event.DOWNLOAD_COMPLETED
    device.world.sink.emit(
        TransferEnded(
            now,
            device.plan.index,
            device.plan.transport,
            "push",
            now,
            size,
            size,
            0,
            NOT_KNOWN,
            NOT_KNOWN,
            1,
            0,
            0,
            "ok" if ok else "fail",
            int(firmware.machine.result if result is None else result),
            "",
            [],
        )
    )


class IgnoredPush:
    """A push that the device takes and drops, as if all were well; an ``Upload`` to the CoAP engine."""

    __slots__ = ("_code",)

    def __init__(self, code: int) -> None:
        self._code = code

    def write(self, data: bytes, now: float) -> int:  # noqa: ARG002
        """Drop a block."""
        return 0

    def finish(self, request: Message, now: float) -> Response:  # noqa: ARG002
        """Answer the last block."""
        return Response(self._code)

    def abandon(self, now: float) -> None:
        """Nothing to undo."""


class Push:
    """One push on its way into a device; an ``Upload`` to the CoAP engine.

    Errors of the process are told by Update Result; where the profile answers them with 2.04 (OMA E.6.1), what is left
    of the push is taken and dropped, and the last block gets that answer.
    """

    __slots__ = (
        "_blocks",
        "_device",
        "_duplicates",
        "_endpoint",
        "_latencies",
        "_previous",
        "_received",
        "_refused",
        "_resent",
        "_started",
        "_unwrap",
        "_verdict",
        "_waited_before",
        "_wire_in",
        "_wire_out",
        "size",
    )

    def __init__(
        self,
        device: Device,
        endpoint: CoapEndpoint,
        unwrap: Unwrapper,
        size: int,
        now: float,
        refused: Event | None = None,
    ) -> None:
        self._device = device
        self._endpoint = endpoint
        self._unwrap = unwrap
        self.size = size
        """Bytes of the whole body; -1 where the server did not tell (Size1)."""
        self._refused = refused
        """Why the device takes nothing of it, where the size is enough to know."""
        self._started = self._previous = now
        self._wire_in, self._wire_out = endpoint.bytes_in, endpoint.bytes_out
        self._waited_before = device.management_turns.so_far()
        self._resent, self._duplicates = endpoint.retransmissions, endpoint.duplicates
        self._received = 0
        self._blocks = 0
        self._latencies = array("I")
        self._verdict: tuple[Event, int] | None = None
        """How the transfer ended already, and the answer that the last block gets."""

    @property
    def under_way(self) -> int:
        """Bytes of the package that are there while it goes on; 0 once its end is recorded."""
        return self._received if self._verdict is None else 0

    def write(self, data: bytes, now: float) -> int:
        """Take one block; 0 to go on, or the code that ends the push."""
        self._blocks += 1
        if self._blocks > 1:
            self._latencies.append(min(int((now - self._previous) * 1e6), LATENCY_MAX_US))
        self._previous = now
        if self._verdict is None and self._device.firmware.transfer is not Transfer.PUSH:
            self.stop(now)
        if self._verdict is not None:
            return REQUEST_ENTITY_INCOMPLETE if self._verdict[0] is Event.CANCEL_EXECUTED else 0
        try:
            content = self._unwrap.feed(data)
        except UnwrapError:
            return self._ended(Event.INTEGRITY_FAILED, now, BAD_REQUEST)
        self._received += len(content)
        event = self._refused or self._device.receiver.write(content)
        return 0 if event is None else self._ended(event, now)

    def _ended(self, event: Event, now: float, code: int = 0) -> int:
        """End the transfer; the code to answer with at once, or 0 to take and drop the rest."""
        answer = self._device.transfer_ended(event, now)
        self._verdict = (event, code or answer)
        self.record(event, now)
        self._device.act_soon()
        return code or (0 if is_success(answer) else answer)

    def finish(self, request: Message, now: float) -> Response:  # noqa: ARG002
        """The last block was taken: judge the package, or give the answer that is due."""
        if self._verdict is None:
            try:
                rest = self._unwrap.end()
                event = self._device.receiver.write(rest) if rest else None
                self._ended(event or self._device.receiver.finish(), now)
            except UnwrapError:
                self._ended(Event.INTEGRITY_FAILED, now, BAD_REQUEST)
        assert self._verdict is not None
        return Response(self._verdict[1])

    def abandon(self, now: float) -> None:  # noqa: ARG002
        """No further blocks came, or another push took this one's place."""
        if self._verdict is None:
            self._verdict = (Event.PACKAGE_ABANDONED, 0)
            self._device.push_abandoned(self)

    def stop(self, now: float) -> None:
        """The server cancelled, or the device goes down; a block that still comes gets 4.08 (RFC 7959 §2.9.2)."""
        if self._verdict is None:
            self._verdict = (Event.CANCEL_EXECUTED, REQUEST_ENTITY_INCOMPLETE)
            self.record(Event.CANCEL_EXECUTED, now)

    def record(self, event: Event, now: float) -> None:
        """Tell how the transfer ended, after the firmware object has been told."""
        device, endpoint = self._device, self._endpoint
        stopped = event is Event.CANCEL_EXECUTED
        outcome = "ok" if event is Event.DOWNLOAD_COMPLETED else "unknown" if stopped else "fail"
        device.world.sink.emit(
            TransferEnded(
                now,
                device.plan.index,
                device.plan.transport,
                "push",
                self._started,
                self.size,
                self._received,
                0,
                endpoint.bytes_in - self._wire_in,
                endpoint.bytes_out - self._wire_out,
                self._blocks,
                endpoint.retransmissions - self._resent,
                endpoint.duplicates - self._duplicates,
                outcome,
                0 if stopped else int(device.firmware.machine.result),
                "",
                self._latencies.tolist(),
                *device.management_turns.since(self._waited_before),
            )
        )
