"""Pull of a large resource, block after block (RFC 7959 §2.4), into a sink that keeps nothing by itself.

One Download is one exchange that is sent again for each block with a fresh token. The request is encoded once; for
each block only the header and the Block2 option are put in front of and behind what stays the same. Over TCP the first
request has no Block2, so that the server may answer with the whole or with BERT blocks (RFC 8323 §6).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, Protocol

from simulator.coap.block import NUM_MAX, SZX_BERT, SZX_MAX, unit_shift
from simulator.coap.codes import BLOCK2, CONTENT, ETAG, GET, SIZE2
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, Options, encode_options

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint

RESTARTS_MAX: Final = 3
"""How often a download begins anew because the resource changed under it."""


WHOLE: Final = 4
"""Index of the options with which the whole resource is asked for: no Block2, and Size2 = 0 (RFC 7959 §4)."""

LATENCY_MAX_US: Final = 0xFFFFFFFF
"""Longest latency that ``block_us`` can hold, in microseconds (71 minutes); a longer one is recorded as this."""


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
        szx: block size to ask for, as an exponent; 7 for the largest that the transport has: 1024 bytes over UDP, BERT
            or the whole resource over TCP.
        offset: where to go on after an interruption; a multiple of the block size.
        etag: what the resource's ETag was before the interruption; another one, or none, restarts the download.

    Raises:
        ValueError: szx is not 0 to 7, the offset is not the start of one of 2^20 blocks, or an option is not below 23.
    """

    __slots__ = (
        "_heads",
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
        shift = unit_shift(szx)
        if not 0 <= szx <= SZX_BERT or offset % (1 << shift) or not 0 <= offset >> shift <= NUM_MAX:
            msg = f"szx {szx} is not 0 to 7, or offset {offset} is no multiple of its block size up to 2^20 blocks"
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
        self._heads = _heads_before_block2(options)
        self._sent = 0.0
        self._started_in = self._started_out = self._started_repeats = 0

    def start(self, endpoint: Endpoint, now: float) -> None:
        """Send the request for the first block."""
        self._started_in, self._started_out = endpoint.bytes_in, endpoint.bytes_out
        self._started_repeats = endpoint.retransmissions
        if endpoint.ready(self, now):
            szx = self.szx
            if self.received and not self.etag:
                # To a request for the middle libcoap 4.3.1 gives no ETag, and its BERT ends too early.
                szx = min(szx, SZX_MAX)
            self.szx = endpoint.szx_to_ask(szx, self.received)
            self._ask(endpoint, now)

    def _ask(self, endpoint: Endpoint, now: float) -> None:
        szx = self.szx
        received = self.received
        self._sent = now
        shift = 10 if szx == SZX_BERT else szx + 4
        number = (received >> shift << 4) | szx
        length = 1 if number < 0x100 else 2 if number < 0x10000 else 3
        if not number:
            length = 0
        options = self._heads[length] + number.to_bytes(length, "big")
        if received == 0:
            if szx == SZX_BERT:
                options = self._heads[WHOLE]
            elif self.size < 0:
                # Size2 = 0 asks for the size of the whole (RFC 7959 §4); 28 is 5 after Block2.
                options += b"\x50"
        endpoint.ask_next(self, GET, options, now)

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
        if etag != self.etag and (etag or self.blocks == 0) and self._changed(endpoint, etag, now):
            return
        payload = message.payload
        if self._is_wrong(number, len(payload)):
            self._violation(endpoint, now)
            return
        if number < 0:
            number = self.szx
        more = number & 8
        self.szx = number & 7
        self.block_us.append(min(int((now - self._sent) * 1e6), LATENCY_MAX_US))
        begins = self.blocks == 0
        offset = self.received
        self.blocks += 1
        self.received = offset + len(payload)
        if (begins and not self.sink.begin(self.size, etag, offset, now)) or not self.sink.write(payload, now):
            self.stop(endpoint, now)
        elif self.done:
            return  # the sink itself stopped the download, or closed the endpoint
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
        if szx == SZX_BERT:
            return self._is_wrong_bert(number, length)
        size = 16 << szx
        num = number >> 4
        if szx > self.szx or num << (szx + 4) != self.received:
            return True
        return length != size or num == NUM_MAX if number & 8 else length > size

    def _is_wrong_bert(self, number: int, length: int) -> bool:
        """The same for several blocks in one message (RFC 8323 §6)."""
        if self.szx != SZX_BERT or number >> 4 << 10 != self.received:
            return True
        longest = (NUM_MAX << 10) - self.received
        return number & 8 > 0 and (length % 1024 > 0 or not 0 < length <= longest)

    def _changed(self, endpoint: Endpoint, etag: bytes, now: float) -> bool:
        """Whether another ETag than before makes the download begin anew (RFC 7959 §2.4).

        So does none at all in the first answer after an interruption: nobody knows whether it is still the same.
        """
        known, self.etag = self.etag, etag
        if not known or not self.received:
            return False
        self.restarts += 1
        if self.restarts > RESTARTS_MAX:
            self._violation(endpoint, now)
            return True
        self.received = self.blocks = 0
        self.size = -1
        del self.block_us[:]
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
            endpoint.pump(now)

    def _end(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        self.done = True
        endpoint.finish(self)
        self.wire_in = endpoint.bytes_in - self._started_in
        self.wire_out = endpoint.bytes_out - self._started_out
        self.retransmissions = endpoint.retransmissions - self._started_repeats


def _heads_before_block2(options: Options) -> tuple[bytes, ...]:
    """What stands between token and Block2 value, for each length of the value: options and the option's header.

    The last one has Size2 in place of Block2.
    """
    last = options[-1][0] if options else 0
    if last >= BLOCK2:
        msg = f"option {last} is not below Block2 ({BLOCK2})"
        raise ValueError(msg)
    head = bytearray()
    encode_options(options, head)
    heads = []
    for length in range(4):
        out = bytearray(head)
        encode_options([(BLOCK2 - last, bytes(length))], out)
        heads.append(bytes(out[: len(out) - length]))
    encode_options([(SIZE2 - last, b"")], head)
    heads.append(bytes(head))
    return tuple(heads)


__all__ = ["Download", "DownloadSink"]
