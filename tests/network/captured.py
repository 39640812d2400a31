"""Reads a capture with code of its own: packets with addresses and payloads, every length and checksum checked."""

from __future__ import annotations

import ipaddress
import struct
from collections import defaultdict
from typing import NamedTuple


class Packet(NamedTuple):
    t: float
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes
    sequence: int = 0
    acknowledged: int = 0
    flags: int = 0


def packets(data):
    """All packets of a capture."""
    magic, major, minor, _, _, _, linktype = struct.unpack("<IHHiIII", data[:24])
    assert (magic, major, minor, linktype) == (0xA1B2C3D4, 2, 4, 101)
    found, at = [], 24
    while at < len(data):
        seconds, micros, kept, length = struct.unpack("<IIII", data[at : at + 16])
        assert kept == length
        assert micros < 1_000_000
        found.append(packet(seconds + micros / 1e6, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return found


def packet(t, raw):
    if raw[0] >> 4 == 4:
        assert raw[0] == 0x45
        assert int.from_bytes(raw[2:4], "big") == len(raw)
        assert summed(raw[:20]) == 0xFFFF
        source, target, protocol, body = raw[12:16], raw[16:20], raw[9], raw[20:]
        pseudo = source + target + bytes([0, protocol]) + len(body).to_bytes(2, "big")
    else:
        assert raw[0] >> 4 == 6
        source, target, protocol, body = raw[8:24], raw[24:40], raw[6], raw[40:]
        assert int.from_bytes(raw[4:6], "big") == len(body)
        pseudo = source + target + len(body).to_bytes(4, "big") + bytes([0, 0, 0, protocol])
    assert summed(pseudo + body) == 0xFFFF
    a, b = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target))
    ports = struct.unpack(">HH", body[:4])
    if protocol == 17:
        assert int.from_bytes(body[4:6], "big") == len(body)
        return Packet(t, 17, (a, ports[0]), (b, ports[1]), body[8:])
    assert protocol == 6
    sequence, acknowledged, offset, flags = struct.unpack(">IIBB", body[4:14])
    assert offset == 5 << 4
    return Packet(t, 6, (a, ports[0]), (b, ports[1]), body[20:], sequence, acknowledged, flags)


def summed(data):
    """The sum of RFC 1071, word by word."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def streams(found):
    """The bytes of each direction of TCP, put together by sequence numbers as a receiver does."""
    expected, data = {}, defaultdict(bytes)
    for one in found:
        if one.protocol != 6:
            continue
        way, back = (one.source, one.target), (one.target, one.source)
        if one.flags & 0x02:
            expected[way] = one.sequence
        assert one.sequence == expected[way], "a gap or an overlap"
        if one.flags & 0x10:
            assert one.acknowledged == expected[back], "what has not come is acknowledged"
        expected[way] = (one.sequence + len(one.payload) + bool(one.flags & 0x03)) % 2**32
        data[way] += one.payload
    return data
