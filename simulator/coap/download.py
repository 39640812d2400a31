"""Pull of a large resource, block after block (RFC 7959 §2.4), into a sink that keeps nothing by itself.

One Download is one exchange that is sent again for each block with a fresh Message ID. The request is encoded once; for
each block only the header and the Block2 option are put in front of and behind what stays the same.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, Protocol

from simulator.coap.block import NUM_MAX
from simulator.coap.codes import BLOCK2, CONTENT, ETAG, GET, SIZE2
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, Options, encode_options

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint

RESTARTS_MAX: Final = 3
"""How often a download begins anew because the resource changed under it."""


class DownloadSink(Protocol):
    """Takes the bytes of a download in order."""

    def begin(self, size: int, etag: bytes, offset: int, now: float) -> bool:
        """The first bytes are about to come; ``size`` is -1 where the server does not tell. False stops the download.

        Called again with ``offset`` 0, and everything written so far void, when the resource changed under way.
        """

    def write(self, data: bytes, now: float) -> bool:
        """Take the next bytes; False stops the download."""

    def complete(self, now: float) -> None:
        """All bytes were written."""

    def failed(self, failure: Failure | None, code: int, now: float) -> None:
        """The download ended early: ``failure``, or the server's error ``code``."""


class Download(Exchange):
    """A block-wise GET.

    Args:
        options: of the request, in ascending order, all below Block2 (23): path, query, Accept.
        sink: takes the bytes.
        szx: block size to ask for, as an exponent.
        offset: where to go on after an interruption; a multiple of the block size.
        etag: what the resource's ETag was before the interruption; another one restarts the download.

    Raises:
        ValueError: the offset is not a multiple of the block size.
    """

    __slots__ = (
        "_head",
        "_option",
        "_sent",
        "_started_in",
        "_started_out",
        "_started_repeats",
        "block_us",
        "blocks",
        "done",
        "etag",
        "received",
        "restarts",
        "retransmissions",
        "sink",
        "size",
        "szx",
        "wire_in",
        "wire_out",
    )

    def __init__(self, options: Options, sink: DownloadSink, szx: int, *, offset: int = 0, etag: bytes = b"") -> None:
        super().__init__()
        if offset % (16 << szx):
            msg = f"offset {offset} is not a multiple of the block size {16 << szx}"
            raise ValueError(msg)
        self.sink = sink
        self.szx = szx
        self.received = offset
        self.etag = etag
        self.size = -1
        self.blocks = self.restarts = self.retransmissions = self.wire_in = self.wire_out = 0
        self.block_us = array("I")
        """Latency of each block in microseconds, from request to response."""
        self.done = False
        head = bytearray()
        encode_options(options, head)
        self._head = bytes(head)
        # Block2 is 23, the options before it are below; a delta below 13 fits the nibble, a larger one needs a byte.
        delta = BLOCK2 - (options[-1][0] if options else 0)
        self._option = bytes((delta << 4,)) if delta < 13 else bytes((13 << 4, delta - 13))
        self._sent = 0.0
        self._started_in = self._started_out = self._started_repeats = 0

    def start(self, endpoint: Endpoint, now: float) -> None:
        """Send the request for the first block."""
        self.token = endpoint.next_token()
        self._started_in, self._started_out = endpoint.bytes_in, endpoint.bytes_out
        self._started_repeats = endpoint.retransmissions
        endpoint.expect(self)
        self._ask(endpoint, now)

    def _ask(self, endpoint: Endpoint, now: float) -> None:
        szx = self.szx
        number = (self.received >> (szx + 4) << 4) | szx
        first = self.received == 0 and self.size < 0
        if number < 0x100:
            value = bytes((number,)) if number else b""
        else:
            value = number.to_bytes(2 if number < 0x10000 else 3, "big")
        option = self._option
        mid = endpoint.next_mid()
        self.mid = mid
        # Version 1, CON, token length; then GET and the Message ID (RFC 7252 §3).
        self.datagram = (
            bytes((0x40 | len(self.token), GET, mid >> 8, mid & 0xFF))
            + self.token
            + self._head
            + bytes((option[0] | len(value),))
            + option[1:]
            + value
            # Size2 = 0 asks for the size of the whole (RFC 7959 §4); 28 is 5 after Block2.
            + (b"\x50" if first else b"")
        )
        self._sent = now
        endpoint.launch(self, now)

    def on_response(self, endpoint: Endpoint, message: Message, now: float) -> None:
        """Take one block and ask for the next."""
        if message.code != CONTENT:
            self._end(endpoint, now)
            self.sink.failed(None, message.code, now)
            return
        number = -1
        etag = b""
        for option, value in message.options:
            if option == BLOCK2:
                number = int.from_bytes(value, "big")
            elif option == ETAG:
                etag = value
            elif option == SIZE2 and self.size < 0:
                self.size = int.from_bytes(value, "big")
        if etag != self.etag and etag and self._changed(endpoint, etag, now):
            return
        payload = message.payload
        if self._is_wrong(number, len(payload)):
            self._violation(endpoint, now)
            return
        if number < 0:
            number = self.szx
        more = number & 8
        self.szx = number & 7
        self.block_us.append(int((now - self._sent) * 1e6))
        begins = self.blocks == 0
        offset = self.received
        self.blocks += 1
        self.received = offset + len(payload)
        if (begins and not self.sink.begin(self.size, etag, offset, now)) or not self.sink.write(payload, now):
            self._end(endpoint, now)
        elif more:
            self._ask(endpoint, now)
        else:
            self._end(endpoint, now)
            self.sink.complete(now)

    def _is_wrong(self, number: int, length: int) -> bool:
        """Whether a block is not the one that was asked for, or not full (RFC 7959 §2.2, §2.4)."""
        if number < 0:
            # Without Block2 the answer is the whole resource, which can only be the first one.
            return self.received > 0
        szx = number & 7
        num = number >> 4
        return (
            szx > self.szx
            or num << (szx + 4) != self.received
            or bool(number & 8 and length != 16 << szx)
            or num >= NUM_MAX
        )

    def _changed(self, endpoint: Endpoint, etag: bytes, now: float) -> bool:
        """Whether another ETag than before makes the download begin anew (RFC 7959 §2.4)."""
        known, self.etag = self.etag, etag
        if not known or not self.received:
            return False
        self.restarts += 1
        if self.restarts > RESTARTS_MAX:
            self._violation(endpoint, now)
            return True
        self.received = self.blocks = 0
        self.size = -1
        self._ask(endpoint, now)
        return True

    def _violation(self, endpoint: Endpoint, now: float) -> None:
        self._end(endpoint, now)
        self.sink.failed(Failure.PROTOCOL, 0, now)

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:
        """The peer is gone."""
        if not self.done:
            self._end(endpoint, now)
            self.sink.failed(failure, 0, now)

    def stop(self, endpoint: Endpoint, now: float) -> None:
        """Stop without telling the sink."""
        if not self.done:
            self._end(endpoint, now)

    def _end(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        self.done = True
        endpoint.finish(self)
        self.wire_in = endpoint.bytes_in - self._started_in
        self.wire_out = endpoint.bytes_out - self._started_out
        self.retransmissions = endpoint.retransmissions - self._started_repeats


__all__ = ["Download", "DownloadSink"]
