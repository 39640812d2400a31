"""A request with its whole body, and the whole body of its response: block-wise in both directions (RFC 7959 §3).

The body goes out in Block1 blocks where it is larger than one; a response in Block2 blocks is fetched and joined. With
``observe`` the call stays open, and each notification in order (RFC 7641 §3.4) is one more result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.block import Block, read_block
from simulator.coap.codes import (
    BLOCK1,
    BLOCK2,
    CON,
    CONTINUE,
    GET,
    OBSERVE,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
    is_success,
)
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, Options, encode, uint_bytes
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
        szx: size exponent of the blocks of the body.
        observe: register an observation (True), or end the one with this token (pass the token of its call).
    """

    __slots__ = (
        "_body",
        "_code",
        "_done",
        "_observe",
        "_offset",
        "_options",
        "_parts",
        "_restarts",
        "_seen_at",
        "_sequence",
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
        szx: int = 6,
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
        self._restarts = 0
        self._parts: list[bytes] | None = None
        self._sequence = -1
        self._seen_at = 0.0
        self.blocks = 0
        """Block1 blocks that the peer has taken."""

    def start(self, endpoint: Endpoint, now: float) -> None:
        """Send the request, or its first block."""
        self.token = self._observe if isinstance(self._observe, bytes) else endpoint.next_token()
        endpoint.expect(self)
        self._send_block(endpoint, now)

    def _send_block(self, endpoint: Endpoint, now: float) -> None:
        options = self._options
        payload = self._body
        size = 16 << self._szx
        if self._observe is not False and self._offset == 0:
            options = put_option(options, OBSERVE, b"" if self._observe is True else b"\x01")
        if len(payload) > size:
            more = self._offset + size < len(payload)
            options = put_option(options, BLOCK1, Block(self._offset // size, more, self._szx).to_bytes())
            if self._offset == 0:
                options = put_option(options, SIZE1, uint_bytes(len(payload)))
            payload = payload[self._offset : self._offset + size]
        self._send(endpoint, options, payload, now)

    def _send(self, endpoint: Endpoint, options: Options, payload: bytes, now: float) -> None:
        self.mid = endpoint.next_mid()
        self.datagram = encode(CON, self._code, self.mid, self.token, options, payload)
        endpoint.launch(self, now)

    def on_response(self, endpoint: Endpoint, message: Message, now: float) -> None:
        """Go on with the next block, or collect the response."""
        self.due = 0.0
        if len(self._body) > 16 << self._szx and self._uploading(endpoint, message, now):
            return
        value = message.option(BLOCK2)
        block = read_block(value) if value is not None else None
        if value is not None and block is None:
            self._end(endpoint, Failure.PROTOCOL)
        elif self._sequence >= 0 and message.uint(OBSERVE) >= 0 and self._parts is None:
            self._on_notification(endpoint, message, block, now)
        elif block is not None and (block.more or self._parts is not None):
            self._collect(endpoint, message, block, now)
        else:
            self._deliver(endpoint, message, message.payload, now)

    # -- Block1 ----------------------------------------------------------------------------------------------------

    def _uploading(self, endpoint: Endpoint, message: Message, now: float) -> bool:
        """Whether the upload goes on after this answer."""
        value = message.option(BLOCK1)
        block = read_block(value) if value is not None else None
        size = 16 << self._szx
        if message.code == CONTINUE:
            if block is None or block.num != self._offset // size or self._offset + size >= len(self._body):
                self._end(endpoint, Failure.PROTOCOL)
                return True
            self._offset += size
            self.blocks += 1
            # A smaller size in the answer binds from now on (RFC 7959 §2.3); a larger one is not allowed.
            self._szx = min(self._szx, block.szx)
            self._send_block(endpoint, now)
            return True
        if message.code == REQUEST_ENTITY_TOO_LARGE and block is not None and block.szx < self._szx:
            self._szx = block.szx
            return self._restart(endpoint, now)
        if message.code == REQUEST_ENTITY_INCOMPLETE and self._offset:
            return self._restart(endpoint, now)
        return False

    def _restart(self, endpoint: Endpoint, now: float) -> bool:
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            return False
        self._offset = 0
        self._send_block(endpoint, now)
        return True

    # -- Block2 ----------------------------------------------------------------------------------------------------

    def _collect(self, endpoint: Endpoint, message: Message, block: Block, now: float) -> None:
        parts = self._parts
        if parts is None:
            parts = self._parts = []
        received = sum(map(len, parts))
        if not is_success(message.code):
            self._parts = None
            self._deliver(endpoint, message, message.payload, now)
            return
        full = not block.more or len(message.payload) == block.size
        if block.start != received or not full or received > RESPONSE_MAX:
            self._end(endpoint, Failure.PROTOCOL)
            return
        parts.append(message.payload)
        if block.more:
            value = Block((received + block.size) // block.size, False, block.szx).to_bytes()
            self._send(endpoint, put_option(self._options, BLOCK2, value), b"", now)
            return
        self._parts = None
        self._deliver(endpoint, message, b"".join(parts), now)

    # -- results ---------------------------------------------------------------------------------------------------

    def _on_notification(self, endpoint: Endpoint, message: Message, block: Block | None, now: float) -> None:
        if not is_newer(message.uint(OBSERVE), now, self._sequence, self._seen_at):
            return
        if block is None or not block.more:
            self._deliver(endpoint, message, message.payload, now)
            return
        # The rest of a large notification is fetched by a request of its own (RFC 7959 §2.6).
        self._sequence, self._seen_at = message.uint(OBSERVE), now
        rest = Call(GET, self._options, b"", self._deliver_whole)
        rest.token = endpoint.next_token()
        endpoint.expect(rest)
        rest._collect(endpoint, message, block, now)

    def _deliver_whole(self, result: Result) -> None:
        self._done(result._replace(more=True))

    def _deliver(self, endpoint: Endpoint, message: Message, payload: bytes, now: float) -> None:
        sequence = message.uint(OBSERVE)
        stands = self._observe is True and is_success(message.code) and (sequence >= 0 or self._sequence >= 0)
        if sequence >= 0:
            self._sequence, self._seen_at = sequence, now
        if not stands:
            endpoint.finish(self)
        self._done(Result(message.code, message.options, payload, None, stands))

    def _end(self, endpoint: Endpoint, failure: Failure) -> None:
        endpoint.finish(self)
        self._done(Result(0, [], b"", failure, False))

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:  # noqa: ARG002
        """No answer, or no further notifications."""
        self._done(Result(0, [], b"", failure, False))


__all__ = ["Call", "Result"]
