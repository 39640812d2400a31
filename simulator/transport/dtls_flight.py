"""Flights of handshake messages: how they go out in datagrams, and how messages come together again (RFC 6347 §4.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from simulator.transport.dtls_suites import EXPLICIT_SIZE, RecordKeys
from simulator.transport.dtls_wire import (
    DTLS_1_2,
    HANDSHAKE,
    MESSAGE_MAX,
    RECORD_HEADER,
    Fragment,
    plain_record,
    split_message,
)

MTU_MIN: Final = 256
AHEAD_MAX: Final = 8
"""Messages beyond the next one that are kept while it is missing."""
_PROTECTION_MAX: Final = EXPLICIT_SIZE + 16
HEADS: Final = tuple(bytes([content_type]) + DTLS_1_2 for content_type in range(256))
"""Content type and version of a record, by content type."""


class Item(NamedTuple):
    """One part of a flight, sent again in fresh records."""

    epoch: int
    content_type: int
    data: bytes
    """A whole handshake message, or what another record holds."""


class Sender:
    """Makes records, of epoch 0 and of epoch 1, and sends them.

    Args:
        transmit: takes each datagram.
        mtu: payload of the longest datagram in which a flight goes out, in bytes; at least 256.
        sequence: of the first record of epoch 0.

    Raises:
        ValueError: the MTU is less than 256 bytes.
    """

    __slots__ = ("_mtu", "_sequence", "keys", "transmit")

    def __init__(self, transmit: Callable[[bytes], None], mtu: int, sequence: int = 0) -> None:
        if mtu < MTU_MIN:
            msg = f"an MTU of {mtu} bytes is too little for DTLS; at least {MTU_MIN}"
            raise ValueError(msg)
        self.transmit = transmit
        self._mtu = mtu
        self._sequence = sequence
        self.keys: RecordKeys | None = None
        """Of epoch 1, from the moment on that they are agreed."""

    def send(self, content_type: int, data: bytes, epoch: int) -> None:
        """One record in a datagram of its own."""
        self.transmit(self._record(content_type, data, epoch))

    def flight(self, items: Sequence[Item]) -> None:
        """A flight, in as few datagrams as it fits into."""
        datagram = b""
        for item in items:
            room = self._mtu - RECORD_HEADER - (_PROTECTION_MAX if item.epoch else 0)
            for piece in split_message(item.data, room) if item.content_type == HANDSHAKE else (item.data,):
                record = self._record(item.content_type, piece, item.epoch)
                if datagram and len(datagram) + len(record) > self._mtu:
                    self.transmit(datagram)
                    datagram = b""
                datagram += record
        if datagram:
            self.transmit(datagram)

    def _record(self, content_type: int, data: bytes, epoch: int) -> bytes:
        if epoch:
            assert self.keys is not None
            return self.keys.seal(HEADS[content_type], data)
        sequence = self._sequence
        self._sequence += 1
        return plain_record(content_type, sequence, data)


class Message(NamedTuple):
    """A handshake message that has come in whole."""

    kind: int
    sequence: int
    body: bytes
    epoch: int


class _Partial:
    """A message of which fragments are missing."""

    __slots__ = ("_body", "_have", "epoch", "kind", "length")

    def __init__(self, fragment: Fragment, epoch: int) -> None:
        self.kind = fragment.kind
        self.length = fragment.length
        self.epoch = epoch
        self._body = bytearray(fragment.length)
        self._have = bytearray(fragment.length)

    def add(self, fragment: Fragment) -> None:
        end = fragment.offset + len(fragment.data)
        self._body[fragment.offset : end] = fragment.data
        self._have[fragment.offset : end] = b"\x01" * len(fragment.data)

    @property
    def body(self) -> bytes | None:
        """The whole of it, or None while something is missing."""
        return None if 0 in self._have else bytes(self._body)


class Reassembly:
    """Puts fragments together and messages in order; what it keeps is bounded by 32 KiB of announced messages.

    Args:
        next_sequence: of the message that is expected first.
    """

    __slots__ = ("_partial", "next")

    def __init__(self, next_sequence: int = 0) -> None:
        self.next = next_sequence
        self._partial: dict[int, _Partial] = {}

    def add(self, fragment: Fragment, epoch: int) -> bool:
        """Take a fragment; True where it ends the last message that came in whole: the peer sends its flight again."""
        ahead = fragment.sequence - self.next
        if ahead < 0:
            return ahead == -1 and fragment.offset + len(fragment.data) == fragment.length
        partial = self._partial.get(fragment.sequence)
        if partial is None or (partial.kind, partial.length, partial.epoch) != (fragment.kind, fragment.length, epoch):
            # Anyone can send a fragment of epoch 0; one that does not fit must not stand in the way of the peer's own.
            self._partial.pop(fragment.sequence, None)
            announced = sum(other.length for other in self._partial.values())
            if ahead > AHEAD_MAX or announced + fragment.length > 2 * MESSAGE_MAX:
                return False
            partial = self._partial[fragment.sequence] = _Partial(fragment, epoch)
        partial.add(fragment)
        return False

    def pop(self) -> Message | None:
        """The next message, where it is there."""
        partial = self._partial.get(self.next)
        body = None if partial is None else partial.body
        if partial is None or body is None:
            return None
        del self._partial[self.next]
        self.next += 1
        return Message(partial.kind, self.next - 1, body, partial.epoch)
