"""A request with its whole body, and the whole body of its response: block-wise in both directions (RFC 7959 §3).

The body goes out in Block1 blocks where one message cannot hold it; a response in Block2 blocks is fetched and joined.
With ``observe`` the call stays open, and each notification in order (RFC 7641 §3.4) is one more result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.block import SZX_BERT, Block, block_at, read_block
from simulator.coap.codes import (
    BLOCK1,
    BLOCK2,
    CONTINUE,
    ETAG,
    FETCH,
    GET,
    OBSERVE,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
    is_success,
)
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, Options, uint_bytes
from simulator.coap.observe import is_newer
from simulator.coap.requests import put_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.endpoint import Endpoint

RESTARTS_MAX: Final = 2
"""How often an upload begins anew after 4.08 or 4.13 with a smaller block."""

RESPONSE_MAX: Final = 1 << 20
"""Longest response body that is joined, in bytes."""


class Result(NamedTuple):
    """What came of a call."""

    code: int
    """Response code, or 0 without a response."""
    options: Options
    payload: bytes
    """The whole body."""
    failure: Failure | None
    more: bool
    """Whether further results will come (an observation stands)."""


class Call(Exchange):
    """One request, sent whole and answered whole.

    Args:
        code: method.
        options: ascending, without Block1, Block2, Size1 and Observe.
        body: payload of any length; kept by reference, never copied as a whole.
        done: gets the result; with ``observe`` once for the answer and once for each newer notification.
        szx: size exponent of the blocks of the body; 7 for the largest that the transport has, and over TCP for no
            blocks at all where the peer takes the whole body in one message.
        observe: register an observation (True), or end the one with this token (pass the token of its call).
    """

    __slots__ = (
        "_body",
        "_code",
        "_done",
        "_etag",
        "_in_blocks",
        "_num",
        "_observe",
        "_offset",
        "_options",
        "_parts",
        "_rest",
        "_restarts",
        "_seen_at",
        "_sequence",
        "_size",
        "_szx",
        "blocks",
    )

    def __init__(
        self,
        code: int,
        options: Options,
        body: bytes,
        done: Callable[[Result], None],
        *,
        szx: int = SZX_BERT,
        observe: bool | bytes = False,
    ) -> None:
        super().__init__()
        self._code = code
        self._options = options
        self._body = body
        self._done = done
        self._szx = szx
        self._observe = observe
        self._offset = 0
        self._size = 0
        """Payload bytes of the block under way."""
        self._num = 0
        self._in_blocks = False
        """The peer asked for blocks though the body would fit into one message."""
        self._restarts = 0
        self._parts: bytearray | None = None
        self._etag = b""
        self._rest: Call | None = None
        """Fetches the further blocks of the newest notification."""
        self._sequence = -1
        self._seen_at = 0.0
        self.blocks = 0
        """Block1 blocks that the peer has taken."""

    def start(self, endpoint: Endpoint, now: float) -> None:
        """Send the request, or its first block."""
        if not endpoint.ready(self, now):
            return
        self._szx = min(self._szx, endpoint.SZX_LARGEST)
        if self._observe is not False:
            self.token = self._observe if isinstance(self._observe, bytes) else endpoint.next_token()
            endpoint.expect(self)
        self._send_block(endpoint, now)

    def _send_block(self, endpoint: Endpoint, now: float) -> None:
        options = self._options
        payload = self._body
        szx, size, whole = endpoint.fit(self._szx, options)
        if self._observe is not False and self._offset == 0:
            options = put_option(options, OBSERVE, b"" if self._observe is True else b"\x01")
        self._size = len(payload)
        if self._offset or self._in_blocks or len(payload) > whole:
            block = block_at(self._offset, self._offset + size < len(payload), szx)
            self._num, self._size = block.num, size
            options = put_option(options, BLOCK1, block.to_bytes())
            if self._offset == 0:
                options = put_option(options, SIZE1, uint_bytes(len(payload)))
            payload = payload[self._offset : self._offset + size]
        self._send(endpoint, options, payload, now)

    def _send(self, endpoint: Endpoint, options: Options, payload: bytes, now: float) -> None:
        # An observation is known by its token.
        endpoint.ask(self, (self._code, options, payload), now, renew=self._observe is False)

    def on_response(self, endpoint: Endpoint, message: Message, now: float) -> None:
        """Go on with the next block, or collect the response."""
        self.due = 0.0
        if self._body and self._uploading(endpoint, message, now):
            return
        value = message.option(BLOCK2)
        block = read_block(value, endpoint.SZX_LARGEST) if value is not None else None
        sequence = message.uint(OBSERVE)
        if value is not None and block is None:
            self._end(endpoint, Failure.PROTOCOL)
        elif self._observe is True and sequence >= 0 and is_success(message.code):
            self._on_notification(endpoint, message, sequence, block, now)
        elif is_success(message.code) and block is not None and (block.more or self._parts is not None):
            self._collect(endpoint, message, block, now)
        else:
            self._deliver(endpoint, message, message.payload)

    # -- Block1 ----------------------------------------------------------------------------------------------------

    def _uploading(self, endpoint: Endpoint, message: Message, now: float) -> bool:
        """Whether the upload goes on after this answer."""
        value = message.option(BLOCK1)
        block = read_block(value, endpoint.SZX_LARGEST) if value is not None else None
        last = self._offset + self._size >= len(self._body)
        # A server that takes each block by itself answers all of them with the final code (RFC 7959 §3.2).
        if message.code == CONTINUE or (is_success(message.code) and block is not None and not last):
            if block is None or block.num != self._num or last:
                self._end(endpoint, Failure.PROTOCOL)
                return True
            self._offset += self._size
            self.blocks += 1
            # A smaller size in the answer binds from now on (RFC 7959 §2.3); a larger one is not allowed.
            self._szx = min(self._szx, block.szx)
            self._send_block(endpoint, now)
            return True
        if message.code == REQUEST_ENTITY_TOO_LARGE and block is not None and self._is_hint(block):
            # A hint at a block size that would do, even where the body went out whole (RFC 7959 §2.9.3).
            self._szx = block.szx
            self._in_blocks = True
            return self._restart(endpoint, now)
        if message.code == REQUEST_ENTITY_INCOMPLETE and self._offset:
            return self._restart(endpoint, now)
        if is_success(message.code) and block is not None:
            self.blocks += 1
        return False

    def _is_hint(self, block: Block) -> bool:
        whole_went_out = self._size == len(self._body) and not self._in_blocks
        return block.szx < self._szx or (block.szx == SZX_BERT and whole_went_out)

    def _restart(self, endpoint: Endpoint, now: float) -> bool:
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            return False
        self._offset = 0
        self._parts = None
        self._send_block(endpoint, now)
        return True

    # -- Block2 ----------------------------------------------------------------------------------------------------

    def _collect(self, endpoint: Endpoint, message: Message, block: Block, now: float) -> None:
        etag = message.option(ETAG)
        parts = self._parts
        if parts is None:
            parts = self._parts = bytearray()
            self._etag = etag or b""
        received = len(parts)
        changed = bool(etag and self._etag and etag != self._etag)
        if changed and self._code in (GET, FETCH) and self._restart(endpoint, now):
            return  # the resource changed under way: these blocks would not make one body (RFC 7959 §2.4)
        if block.start != received or not block.fits(len(message.payload)) or changed or received > RESPONSE_MAX:
            self._end(endpoint, Failure.PROTOCOL)
            return
        parts += message.payload
        if block.more:
            value = block_at(len(parts), False, block.szx).to_bytes()
            self._send(endpoint, put_option(self._options, BLOCK2, value), b"", now)
            return
        self._parts = None
        self._deliver(endpoint, message, bytes(parts))

    # -- results ---------------------------------------------------------------------------------------------------

    def _on_notification(
        self, endpoint: Endpoint, message: Message, sequence: int, block: Block | None, now: float
    ) -> None:
        """The answer that begins an observation, or a later notification."""
        # A stream keeps the order by itself, and its values say nothing (RFC 8323 §7.1).
        ordered = endpoint.ORDERED or self._sequence < 0
        if not ordered and not is_newer(sequence, now, self._sequence, self._seen_at):
            return
        self._sequence, self._seen_at = sequence, now
        if self._rest is not None:
            endpoint.finish(self._rest)
            self._rest = None
        if block is None or not block.more:
            self._done(Result(message.code, message.options, message.payload, None, True))
            return
        # The rest of a large notification is fetched by a request of its own (RFC 7959 §2.6).
        self._rest = rest = Call(
            self._code, self._options, self._body, lambda whole: self._deliver_rest(endpoint, whole)
        )
        rest._collect(endpoint, message, block, now)

    def _deliver_rest(self, endpoint: Endpoint, result: Result) -> None:
        self._rest = None
        if endpoint.exchanges.get(self.token) is self:
            self._done(result._replace(more=True))

    def _deliver(self, endpoint: Endpoint, message: Message, payload: bytes) -> None:
        self._close(endpoint)
        self._done(Result(message.code, message.options, payload, None, False))

    def _close(self, endpoint: Endpoint) -> None:
        endpoint.finish(self)
        if self._rest is not None:
            endpoint.finish(self._rest)

    def _end(self, endpoint: Endpoint, failure: Failure) -> None:
        self._close(endpoint)
        self._done(Result(0, [], b"", failure, False))

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:  # noqa: ARG002
        """No answer, or no further notifications."""
        self._close(endpoint)
        self._done(Result(0, [], b"", failure, False))


__all__ = ["Call", "Result"]
