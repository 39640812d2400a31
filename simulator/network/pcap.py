"""A capture file that Wireshark opens: classic pcap with raw IP packets (LINKTYPE_RAW, 101).

What a device sends and gets are payloads of UDP and bytes of TCP; the headers around them are made up here, each after
its RFC (791, 8200, 768, 9293), so that streams are put together again: a handshake, sequence numbers, and an end.

Source of the format: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import ipaddress
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from simulator.ports import Address

LINKTYPE_RAW: Final = 101
SNAP_LENGTH: Final = 1 << 16
MSS: Final = 1460
"""Bytes in one segment of TCP."""
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
_UDP: Final = 17
_TCP: Final = 6
_WINDOW: Final = 0xFFFF
_HOPS: Final = 64

_FILE_HEADER: Final = Struct("<IHHiIII")
_PACKET_HEADER: Final = Struct("<IIII")
_IPV4: Final = Struct(">BBHHHBBH4s4s")
_IPV6: Final = Struct(">IHBB16s16s")
_UDP_HEADER: Final = Struct(">HHHH")
_TCP_HEADER: Final = Struct(">HHIIBBHHH")


class PcapWriter:
    """Writes packets, each with its time.

    Args:
        out: a binary file, still empty; whoever opened it closes it.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._packets = 0
        out.write(_FILE_HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_RAW))

    def datagram(self, t: float, source: Address, target: Address, payload: bytes) -> None:
        """Write one datagram of UDP; ``t`` is Unix time in seconds."""
        header = _UDP_HEADER.pack(source.port, target.port, _UDP_HEADER.size + len(payload), 0)
        self._write(t, source, target, _UDP, header + payload, checksum_at=6)

    def segment(
        self, t: float, source: Address, target: Address, flags: int, sequence: int, acknowledged: int, payload: bytes
    ) -> None:
        """Write one segment of TCP, of at most ``MSS`` bytes; ``t`` is Unix time in seconds."""
        header = _TCP_HEADER.pack(
            source.port, target.port, sequence, acknowledged, _TCP_HEADER.size << 2, flags, _WINDOW, 0, 0
        )
        self._write(t, source, target, _TCP, header + payload, checksum_at=16)

    def _write(self, t: float, source: Address, target: Address, protocol: int, body: bytes, checksum_at: int) -> None:
        self._packets += 1
        a, b = (ipaddress.ip_address(address.host.partition("%")[0]) for address in (source, target))
        length = len(body)
        pseudo = a.packed + b.packed + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")
        # RFC 768: a sum of 0 is sent as its other spelling, as 0 means that there is none.
        checksum = (checksum_of(pseudo + body) or 0xFFFF).to_bytes(2, "big")
        body = body[:checksum_at] + checksum + body[checksum_at + 2 :]
        if a.version == 4:
            packet = _ipv4(a.packed, b.packed, protocol, length, self._packets & 0xFFFF) + body
        else:
            packet = _IPV6.pack(6 << 28, length, protocol, _HOPS, a.packed, b.packed) + body
        microseconds = round(t * 1_000_000)
        self._out.write(_PACKET_HEADER.pack(*divmod(microseconds, 1_000_000), len(packet), len(packet)) + packet)


def _ipv4(source: bytes, target: bytes, protocol: int, length: int, number: int) -> bytes:
    fields = (0x45, 0, _IPV4.size + length, number, 0, _HOPS, protocol)
    checksum = checksum_of(_IPV4.pack(*fields, 0, source, target))
    return _IPV4.pack(*fields, checksum, source, target)


def checksum_of(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    # The sum of 16-bit words with the carries added back is the remainder by 0xFFFF of the whole as one number.
    total = int.from_bytes(data, "big")
    rest = total % 0xFFFF
    return 0xFFFF - (rest if rest or not total else 0xFFFF)


class TcpConversation:
    """The segments of one connection, as a capture beside the device would have them.

    Args:
        writer: takes the segments.
        near, far: the addresses of the device and of its peer.
    """

    def __init__(self, writer: PcapWriter, near: Address, far: Address) -> None:
        self._writer = writer
        self._near = near
        self._far = far
        self._sent = self._got = 0
        """The next sequence numbers of both sides, modulo 2**32."""
        self._over: set[bool] = set()
        """The sides that have said their last (True for the device)."""

    def handshake(self, t: float) -> None:
        """SYN, SYN-ACK, ACK: all at the time at which the connection stands."""
        self._segment(t, True, SYN)
        self._segment(t, False, SYN | ACK)
        self._segment(t, True, ACK)

    def data(self, t: float, payload: bytes, *, sent: bool) -> None:
        """Bytes of one side; none after its end."""
        if sent in self._over:
            return
        for at in range(0, len(payload), MSS):
            self._segment(t, sent, PSH | ACK, payload[at : at + MSS])

    def end(self, t: float, *, sent: bool, reset: bool = False) -> None:
        """One side ends: in order, or by a reset that ends both. Once."""
        if sent in self._over:
            return
        self._segment(t, sent, RST | ACK if reset else FIN | ACK)
        self._over |= {True, False} if reset else {sent}

    def _segment(self, t: float, sent: bool, flags: int, payload: bytes = b"") -> None:
        source, target = (self._near, self._far) if sent else (self._far, self._near)
        mine, theirs = (self._sent, self._got) if sent else (self._got, self._sent)
        self._writer.segment(t, source, target, flags, mine, theirs if flags & ACK else 0, payload)
        mine = (mine + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFF_FFFF
        if sent:
            self._sent = mine
        else:
            self._got = mine


__all__ = ["ACK", "FIN", "MSS", "PSH", "RST", "SYN", "PcapWriter", "TcpConversation", "checksum_of"]
