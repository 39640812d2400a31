"""The server half of an endpoint: block-wise in both directions, ETag, Observe, and the message layer of an answer.

A handler sees whole requests and gives whole responses; this module cuts and joins them (RFC 7959), registers
observations (RFC 7641) and remembers answers for repeated requests (RFC 7252 §4.5). A GET is not remembered but
answered anew: it changes nothing, and its answers are what is large.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from simulator.coap.block import Block, read_block
from simulator.coap.codes import (
    ACK,
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CON,
    CONTENT,
    CONTINUE,
    ETAG,
    FETCH,
    GET,
    IF_MATCH,
    NON,
    NOT_FOUND,
    OBSERVE,
    PRECONDITION_FAILED,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
    SIZE2,
    URI_PATH,
    URI_QUERY,
    VALID,
    is_success,
)
from simulator.coap.exchange import Exchange, Response
from simulator.coap.message import Message, Options, empty, encode, uint_bytes
from simulator.coap.observe import OBSERVATIONS_MAX, Observation
from simulator.coap.requests import put_option
from simulator.coap.uploads import BODY_MAX, Assembly, Uploads, too_large

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.exchange import Handler


def request_key(request: Message) -> tuple[object, ...]:
    """What makes two blocks parts of one body: method, path and query (RFC 7959 §2.5, cache-key without blocks)."""
    return (request.code, *(o for o in request.options if o[0] in (URI_PATH, URI_QUERY)))


class RequestServer:
    """Answers the requests of one peer through a handler."""

    __slots__ = ("_rest", "_rest_due", "_uploads", "handler")

    def __init__(self, handler: Handler | None) -> None:
        self.handler = handler
        self._uploads: Uploads | None = None
        self._rest: tuple[tuple[object, ...], Response] | None = None
        """The last large response to a request other than GET, whose further blocks are still to be fetched."""
        self._rest_due = inf

    # -- requests --------------------------------------------------------------------------------------------------

    def serve(self, endpoint: Endpoint, request: Message, now: float) -> None:
        """Answer one request, now or later."""
        block1 = block2 = None
        for number, value in request.options:
            if number == BLOCK1:
                block1 = read_block(value)
            elif number == BLOCK2:
                block2 = read_block(value)
            else:
                continue
            if (block1 if number == BLOCK1 else block2) is None:
                self.answer(endpoint, request, Response(BAD_OPTION), None, now)
                return
        if block1 is not None:
            response = self._serve_block1(endpoint, request, block1, now)
        elif self._rest is not None and block2 is not None and block2.num and request.code != GET:
            response = self._serve_rest(request)
        else:
            response = self._handle(endpoint, request, now)
        if response is None:
            self._defer(endpoint, request, now)
        else:
            self.answer(endpoint, request, response, block1, now)

    def _handle(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        if self.handler is None:
            return Response(NOT_FOUND)
        if len(request.payload) > BODY_MAX:
            return too_large(BODY_MAX)
        return self.handler.on_request(endpoint, request, now)

    def _defer(self, endpoint: Endpoint, request: Message, now: float) -> None:
        """Acknowledge now, respond later (RFC 7252 §5.2.2)."""
        acknowledgement = empty(ACK, request.mid) if request.type == CON else b""
        endpoint.seen.add(request.mid, acknowledgement, now)
        if acknowledgement:
            endpoint.transmit(acknowledgement)

    # -- Block1 ----------------------------------------------------------------------------------------------------

    def _serve_block1(self, endpoint: Endpoint, request: Message, block: Block, now: float) -> Response | None:
        if self.handler is None:
            return Response(NOT_FOUND)
        if self._uploads is None:
            self._uploads = Uploads()
        due = now + endpoint.params.EXCHANGE_LIFETIME
        key = request_key(request)
        if block.num == 0:
            refusal = self._begin(endpoint, request, key, due, now)
            if refusal is not None:
                return refusal
        current = self._uploads.current
        if current is None or current.key != key:
            return Response(REQUEST_ENTITY_INCOMPLETE)
        response = self._uploads.take(request, block, due, now)
        if due < endpoint.armed:
            endpoint.armed = due
            endpoint.alarm(endpoint, due)
        return response

    def _begin(
        self, endpoint: Endpoint, request: Message, key: tuple[object, ...], due: float, now: float
    ) -> Response | None:
        assert self.handler is not None
        assert self._uploads is not None
        # What was on its way must be known to be over before the handler looks at its own state.
        self._uploads.drop(now)
        sink = self.handler.open_upload(endpoint, request, now)
        if isinstance(sink, Response):
            return sink
        if sink is None:
            if request.uint(SIZE1) > BODY_MAX:
                return too_large(BODY_MAX)
            handler = self.handler
            sink = Assembly(lambda whole, at: handler.on_request(endpoint, whole, at))
        self._uploads.begin(key, sink, due, now)
        return None

    # -- answers ---------------------------------------------------------------------------------------------------

    def answer(
        self, endpoint: Endpoint, request: Message, response: Response, block1: Block | None, now: float
    ) -> None:
        """Send a response, piggy-backed on the acknowledgement of a CON (RFC 7252 §5.2.1), else as NON."""
        code, options, payload = self._shape(endpoint, request, response, now)
        if block1 is not None:
            options = put_option(options, BLOCK1, self._block1_answer(endpoint, block1, code))
        if request.type == CON:
            datagram = encode(ACK, code, request.mid, request.token, options, payload)
        else:
            datagram = encode(NON, code, endpoint.next_mid(), request.token, options, payload)
        if request.code != GET:
            endpoint.seen.add(request.mid, datagram, now)
        endpoint.transmit(datagram)

    @staticmethod
    def _block1_answer(endpoint: Endpoint, block: Block, code: int) -> bytes:
        # The more flag of an answer says whether the response is to this block only (RFC 7959 §2.3).
        szx = block.szx
        if block.num == 0 and code in (CONTINUE, REQUEST_ENTITY_TOO_LARGE):
            szx = min(szx, endpoint.szx)
        return Block(block.num, block.more and code == CONTINUE, szx).to_bytes()

    def _shape(
        self, endpoint: Endpoint, request: Message, response: Response, now: float
    ) -> tuple[int, Options, bytes]:
        """Apply ETag, Observe and Block2 to a response: its code, options and the payload of one block."""
        code, options, payload = response.code, response.options, response.payload
        if code == CONTENT:
            if response.etag:
                code = self._conditional(request, response.etag)
                if code != CONTENT:
                    return code, [(ETAG, response.etag)] if code == VALID else [], b""
                options = put_option(options, ETAG, response.etag)
            if response.observe_key is not None:
                options = self._observe(endpoint, request, response.observe_key, options, now)
        wanted = request.option(BLOCK2)
        block2 = read_block(wanted) if wanted is not None else None
        szx = endpoint.szx if block2 is None else min(block2.szx, endpoint.szx)
        if block2 is None and len(payload) <= 16 << szx:
            return code, options, payload
        return self._cut(endpoint, request, Response(code, payload, options), block2, szx, now)

    @staticmethod
    def _conditional(request: Message, etag: bytes) -> int:
        wanted = request.values(IF_MATCH)
        if wanted and etag not in wanted and b"" not in wanted:
            return PRECONDITION_FAILED
        return VALID if etag in request.values(ETAG) else CONTENT

    def _cut(
        self, endpoint: Endpoint, request: Message, whole: Response, block2: Block | None, szx: int, now: float
    ) -> tuple[int, Options, bytes]:
        start = 0 if block2 is None else block2.start
        size = 16 << szx
        total = len(whole.payload)
        if start >= total and start > 0:
            return BAD_REQUEST, [], b"no such block"
        more = start + size < total
        options = put_option(whole.options, BLOCK2, Block(start // size, more, szx).to_bytes())
        if start == 0:
            options = put_option(options, SIZE2, uint_bytes(total))
            if request.code != GET and more and is_success(whole.code):
                self._rest = (request_key(request), whole)
                self._rest_due = now + endpoint.params.EXCHANGE_LIFETIME
        return whole.code, options, whole.payload[start : start + size]

    def _serve_rest(self, request: Message) -> Response:
        assert self._rest is not None
        key, whole = self._rest
        if key != request_key(request):
            return Response(REQUEST_ENTITY_INCOMPLETE)
        return whole

    # -- observations ----------------------------------------------------------------------------------------------

    def _observe(self, endpoint: Endpoint, request: Message, key: object, options: Options, now: float) -> Options:
        """Register or deregister as the request's Observe option says (RFC 7641 §4.1)."""
        wish = request.uint(OBSERVE)
        if wish < 0 or request.code not in (GET, FETCH):
            return options
        for known in endpoint.observations:
            if known.token == request.token:
                if wish == 1:
                    endpoint.end_observation(known, now)
                    return options
                known.key = key
                return put_option(options, OBSERVE, uint_bytes(known.next_sequence()))
        if wish != 0 or len(endpoint.observations) >= OBSERVATIONS_MAX:
            return options
        wanted = request.option(BLOCK2)
        block2 = read_block(wanted) if wanted is not None else None
        observation = Observation(request.token, key, min(endpoint.szx, block2.szx if block2 else endpoint.szx))
        endpoint.observations.append(observation)
        return put_option(options, OBSERVE, uint_bytes(observation.sequence))

    def observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Tell the handler that an observation is over."""
        if self.handler is not None:
            self.handler.on_observation_ended(endpoint, key, now)

    # -- time ------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When an unfinished upload or an unfetched rest of a response is dropped."""
        due = self._uploads.due if self._uploads is not None else 0.0
        return min(due or inf, self._rest_due)

    def expire(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        """Drop what nobody came back for."""
        if self._uploads is not None and 0.0 < self._uploads.due <= now:
            self._uploads.drop(now)
        if self._rest_due <= now:
            self._rest, self._rest_due = None, inf

    def close(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        """The endpoint is closed."""
        if self._uploads is not None:
            self._uploads.drop(now)


class SeparateResponse(Exchange):
    """A response that goes out later in a confirmable message of its own."""

    __slots__ = ()


def respond(endpoint: Endpoint, request: Message, response: Response, now: float) -> None:
    """Answer a request that the handler had put off (RFC 7252 §5.2.2)."""
    code, options, payload = endpoint.server._shape(endpoint, request, response, now)  # noqa: SLF001
    value = request.option(BLOCK1)
    block1 = read_block(value) if value is not None else None
    if block1 is not None:
        options = put_option(options, BLOCK1, Block(block1.num, False, block1.szx).to_bytes())
    exchange = SeparateResponse()
    exchange.mid = endpoint.next_mid()
    if request.type == CON:
        exchange.datagram = encode(CON, code, exchange.mid, request.token, options, payload)
        endpoint.launch(exchange, now)
    else:
        endpoint.transmit(encode(NON, code, exchange.mid, request.token, options, payload))


__all__ = ["RequestServer", "SeparateResponse", "request_key", "respond"]
