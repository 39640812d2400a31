"""Where in a stream the bytes of a package are, whatever carries them: CoAP over TCP, HTTP, or either under TLS.

A bit that a device is to find by its SHA-256 has to be one of the package, not one of a header. The stream itself says
what it is: HTTP begins with its name, TLS with the type of a record, and all else is CoAP (RFC 8323).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from simulator.coap.codes import CONTENT
from simulator.firmware import HEADER_SIZE

TLS_TYPES: Final = range(20, 24)
"""Types of a record (RFC 5246 §6.2.1)."""
APPLICATION_DATA: Final = 23
_HEAD_END: Final = b"\r\n\r\n"
_EXTENDED: Final = {13: (1, 13), 14: (2, 269), 15: (4, 65_805)}
"""RFC 8323 §3.2, by the Len nibble: bytes of the extended length, and the length that they count from."""

Measure = Callable[[bytes], "tuple[int, bool] | None"]
"""Of the first bytes of a unit: how many bytes follow them, and whether the last one is payload; None for too few."""


class Finder(Protocol):
    """Follows one connection."""

    def find(self, data: bytes, at: int) -> int:
        """Index in the next bytes of one that is payload, at ``at`` or behind it; -1 where there is none."""


class Units:
    """A stream of units with a length in front: the last byte of one is payload."""

    __slots__ = ("_counts", "_head", "_left", "_measure")

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._head = bytearray()
        self._left = 0
        self._counts = False

    def find(self, data: bytes, at: int) -> int:
        """The end of the first unit that ends at ``at`` or behind it."""
        here = 0
        while here < len(data):
            if self._left:
                step = min(self._left, len(data) - here)
                here += step
                self._left -= step
                if not self._left and self._counts and here > at:
                    return here - 1
                continue
            self._head.append(data[here])
            here += 1
            measured = self._measure(bytes(self._head))
            if measured is not None:
                self._left, self._counts = measured
                self._head.clear()
        return -1


def tls_record(head: bytes) -> tuple[int, bool] | None:
    """A record of TLS, in whose last byte is what protects it."""
    if len(head) < 5:
        return None
    return int.from_bytes(head[3:5], "big"), head[0] == APPLICATION_DATA


def coap_frame(head: bytes) -> tuple[int, bool] | None:
    """A message of CoAP over TCP; the last byte of a 2.05 is one of its payload."""
    length = head[0] >> 4
    extra, base = _EXTENDED.get(length, (0, length))
    if len(head) < 2 + extra:
        return None
    if extra:
        length = base + int.from_bytes(head[1 : 1 + extra], "big")
    return (head[0] & 15) + length, head[1 + extra] == CONTENT


class HttpBody:
    """A response of HTTP/1.1: all is payload that comes behind its head and the header of the package."""

    __slots__ = ("_begun", "_skip", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._begun = False
        self._skip = 0

    def find(self, data: bytes, at: int) -> int:
        """The first byte of the body at ``at`` or behind it."""
        if not self._begun:
            known = self._tail + data
            end = known.find(_HEAD_END)
            if end < 0:
                self._tail = known[-len(_HEAD_END) + 1 :]
                return -1
            self._begun = True
            self._skip = end + len(_HEAD_END) - len(self._tail) + HEADER_SIZE
        here = max(at, self._skip)
        self._skip = max(0, self._skip - len(data))
        return here if here < len(data) else -1


def finder_for(first: bytes) -> Finder:
    """What follows a connection that begins with these bytes."""
    if first[0] in TLS_TYPES:
        return Units(tls_record)
    return HttpBody() if first[:1] == b"H" else Units(coap_frame)


__all__ = ["Finder", "HttpBody", "Units", "coap_frame", "finder_for", "tls_record"]
