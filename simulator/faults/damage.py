"""One bit of a package, flipped on its way past the checksums of UDP and TCP (RFC 768, RFC 9293 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.faults.filters import OUT
from simulator.faults.payload import APPLICATION_DATA, TLS_TYPES, finder_for
from simulator.faults.streams import Connect, StreamBetween

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.faults.payload import Finder
    from simulator.faults.triggers import AfterBytes
    from simulator.ports import StreamPort, StreamReceiver

BLOCK_MIN: Final = 16
"""No CoAP message with a block is as short as this; what is shorter is an empty message (RFC 7252 §4.1)."""


def has_block(datagram: bytes) -> bool:
    """Whether a datagram may carry a block: in plain, or as a record of DTLS that is none of its handshake."""
    return len(datagram) > BLOCK_MIN and (datagram[0] not in TLS_TYPES or datagram[0] == APPLICATION_DATA)


class OneBit:
    """Flips one bit that comes in: once, on whichever port that is. Of a datagram, the last one."""

    __slots__ = ("_struck", "_trigger", "done")

    def __init__(self, trigger: AfterBytes, struck: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._struck = struck
        self.done = False

    def passes(self, data: bytes, way: str) -> list[tuple[float, bytes]]:
        """Everything, but for one bit."""
        if self.done or way == OUT or not self._trigger.strikes(len(data)) or not has_block(data):
            return [(0.0, data)]
        return [(0.0, self._flipped(data, len(data) - 1, "a datagram"))]

    def within(self, data: bytes, finder: Finder) -> bytes:
        """The next bytes of a stream, with the bit flipped where it is among them."""
        room = self._trigger.left
        self._trigger.strikes(len(data))
        at = finder.find(data, room)
        return data if at < 0 else self._flipped(data, at, "a piece of a stream")

    def _flipped(self, data: bytes, at: int, what: str) -> bytes:
        self.done = True
        self._struck(f"last bit of byte {at} of {what} of {len(data)} bytes flipped")
        return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]

    async def open(self, connect: Connect, receiver: StreamReceiver) -> StreamPort:
        """A connection that may damage what it carries.

        Raises:
            OSError: what ``connect`` raises.
        """
        stream = DamagedStream(receiver, self)
        stream.attach(await connect(stream))
        return stream


class DamagedStream(StreamBetween):
    """A connection on which one bit is flipped."""

    __slots__ = ("_damage", "_finder")

    def __init__(self, receiver: StreamReceiver, damage: OneBit) -> None:
        super().__init__(receiver)
        self._damage = damage
        self._finder: Finder | None = None

    def on_data(self, data: bytes) -> None:
        """Hand on the next bytes."""
        if not self._damage.done:
            if self._finder is None:
                self._finder = finder_for(data)
            data = self._damage.within(data, self._finder)
        self._receiver.on_data(data)


__all__ = ["DamagedStream", "OneBit", "has_block"]
