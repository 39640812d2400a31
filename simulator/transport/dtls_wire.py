"""The bytes of DTLS 1.2 (RFC 6347 §4): numbers, a reader that trusts nothing, records and handshake fragments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from simulator.security.failures import DECODE_ERROR, AlertError

DTLS_1_0: Final = b"\xfe\xff"
DTLS_1_2: Final = b"\xfe\xfd"

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
HELLO_VERIFY_REQUEST: Final = 3
NEW_SESSION_TICKET: Final = 4
CERTIFICATE: Final = 11
SERVER_KEY_EXCHANGE: Final = 12
CERTIFICATE_REQUEST: Final = 13
SERVER_HELLO_DONE: Final = 14
CERTIFICATE_VERIFY: Final = 15
CLIENT_KEY_EXCHANGE: Final = 16
FINISHED: Final = 20

RECORD_HEADER: Final = 13
FRAGMENT_HEADER: Final = 12
PLAINTEXT_MAX: Final = 1 << 14
"""Bytes that a record may carry (RFC 5246 §6.2.1)."""
MESSAGE_MAX: Final = 1 << 14
"""Longest handshake message that is taken: room for a chain of certificates."""


class Record(NamedTuple):
    """One record of a datagram, still protected where its epoch is not 0."""

    content_type: int
    epoch: int
    sequence: int
    raw: bytes
    """Header and body as they came."""


class Fragment(NamedTuple):
    """A part of a handshake message, or all of it."""

    kind: int
    length: int
    """Of the whole message's body."""
    sequence: int
    offset: int
    data: bytes


class Reader:
    """Takes values from bytes, in order.

    Every method raises ``AlertError`` (decode error) where there are not enough bytes.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise AlertError(DECODE_ERROR, "malformed handshake message: it ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """The next ``size`` bytes as an unsigned integer."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Bytes that stand behind their length, itself of ``size`` bytes (RFC 5246 §4.3)."""
        return self.take(self.number(size))

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._at)

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def end(self) -> None:
        """See that nothing is left."""
        if self.more:
            raise AlertError(DECODE_ERROR, "malformed handshake message: it is too long")


def vector(data: bytes, size: int) -> bytes:
    """Bytes behind their length, itself of ``size`` bytes."""
    return len(data).to_bytes(size, "big") + data


def records(datagram: bytes) -> Iterator[Record]:
    """The records of a datagram; what is malformed is left out, with all behind it (RFC 6347 §4.1.2.7)."""
    at, size = 0, len(datagram)
    while at + RECORD_HEADER < size:
        if datagram[at + 1] != 0xFE:
            return
        end = at + RECORD_HEADER + int.from_bytes(datagram[at + 11 : at + 13], "big")
        if end > size:
            return
        epoch = int.from_bytes(datagram[at + 3 : at + 5], "big")
        sequence = int.from_bytes(datagram[at + 5 : at + 11], "big")
        yield Record(datagram[at], epoch, sequence, datagram[at:end])
        at = end


def plain_record(content_type: int, sequence: int, data: bytes, version: bytes = DTLS_1_2) -> bytes:
    """A record of epoch 0."""
    return b"%c%b\0\0%b%b" % (content_type, version, sequence.to_bytes(6, "big"), vector(data, 2))


def fragments(payload: bytes) -> Iterator[Fragment]:
    """The fragments in a handshake record.

    Raises:
        AlertError: they are malformed.
    """
    reader = Reader(payload)
    while reader.more:
        kind, length, sequence = reader.number(1), reader.number(3), reader.number(2)
        offset, data = reader.number(3), reader.vector(3)
        if length > MESSAGE_MAX or offset + len(data) > length or (length and not data):
            raise AlertError(DECODE_ERROR, f"malformed handshake message: a fragment does not fit into {length} bytes")
        yield Fragment(kind, length, sequence, offset, data)


def handshake_message(kind: int, sequence: int, body: bytes) -> bytes:
    """A whole handshake message: as it is hashed, and as it goes out where it fits."""
    length = len(body).to_bytes(3, "big")
    return b"%c%b%b\0\0\0%b%b" % (kind, length, sequence.to_bytes(2, "big"), length, body)


def split_message(message: bytes, room: int) -> Iterator[bytes]:
    """A handshake message as fragments of at most ``room`` bytes each, their headers counted."""
    if len(message) <= room:
        yield message
        return
    head, body = message[:6], message[FRAGMENT_HEADER:]
    step = room - FRAGMENT_HEADER
    for offset in range(0, len(body), step):
        part = body[offset : offset + step]
        yield head + offset.to_bytes(3, "big") + vector(part, 3)
