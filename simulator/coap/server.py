"""The server half of an endpoint: requests to the handler, answers to the wire.

A handler sees whole requests and gives whole responses; bodies are joined in ``uploads`` and cut in ``representation``
(RFC 7959). Answers are remembered for repeated requests (RFC 7252 §4.5), except those to a GET: it changes nothing, is
answered anew, and its answers are what is large.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from simulator.coap.block import SZX_BERT, Block
from simulator.coap.codes import (
    BLOCK1,
    CONTINUE,
    FETCH,
    GET,
    NOT_FOUND,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
)
from simulator.coap.exchange import Response
from simulator.coap.message import Message
from simulator.coap.representation import Rest, request_key, shape
from simulator.coap.request_check import check_request
from simulator.coap.requests import put_option
from simulator.coap.uploads import BODY_MAX, Assembly, Uploads, too_large

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint
    from simulator.coap.exchange import Handler

SEPARATE_MAX: Final = 64
"""Exchanges that may be queued to a peer before a further separate response to it is dropped."""


class RequestServer:
    """Answers the requests of one peer through a handler."""

    __slots__ = ("_uploads", "handler", "rest")

    def __init__(self, handler: Handler | None) -> None:
        self.handler = handler
        self._uploads: Uploads | None = None
        self.rest: Rest | None = None
        """The last large response to a request other than GET, whose further blocks are still to be fetched."""

    # -- requests --------------------------------------------------------------------------------------------------

    def serve(self, endpoint: Endpoint, request: Message, now: float) -> None:
        """Answer one request, now or later."""
        block1, block2, refusal = check_request(request, endpoint.SZX_LARGEST)
        response: Response | None
        if refusal:
            response = Response(refusal)
            block1 = None
        elif block1 is not None:
            response = self._serve_block1(endpoint, request, block1, now)
        elif block2 is not None and block2.num and request.code != GET:
            response = self._serve_rest(endpoint, request, now)
        else:
            response = self._handle(endpoint, request, now)
        if response is None:
            endpoint.defer(request, now)
        else:
            code, options, payload = shape(endpoint, request, response, block2, now)
            if block1 is not None:
                options = put_option(options, BLOCK1, _block1_answer(endpoint, block1, code))
            endpoint.answer(request, (code, options, payload), now)

    def _handle(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        if self.handler is None:
            return Response(NOT_FOUND)
        return self.handler.on_request(endpoint, request, now)

    def _serve_rest(self, endpoint: Endpoint, request: Message, now: float) -> Response | None:
        """A further block of a response. Only a FETCH may be done again for it: it changes nothing."""
        rest = self.rest
        if rest is not None and rest.key == request_key(request):
            return rest.response
        if request.code == FETCH:
            return self._handle(endpoint, request, now)
        return Response(REQUEST_ENTITY_INCOMPLETE)

    # -- Block1 ----------------------------------------------------------------------------------------------------

    def _serve_block1(self, endpoint: Endpoint, request: Message, block: Block, now: float) -> Response | None:
        if self.handler is None:
            return Response(NOT_FOUND)
        if self._uploads is None:
            self._uploads = Uploads()
        due = now + endpoint.params.EXCHANGE_LIFETIME
        key = request_key(request)
        if block.num == 0:
            if self._uploads.is_late_first(request, key, now):
                return Response(CONTINUE)
            refusal = self._begin(endpoint, request, key, due, now)
            if refusal is not None:
                return refusal
        current = self._uploads.current
        if current is None or current.key != key:
            return Response(REQUEST_ENTITY_INCOMPLETE)
        response = self._uploads.take(request, block, due, now)
        endpoint.wake_by(due)
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
        self._uploads.begin(request, key, sink, due, now)
        return None

    def observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:
        """Tell the handler that an observation is over."""
        if self.handler is not None:
            self.handler.on_observation_ended(endpoint, key, now)

    # -- time ------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When an unfinished upload or an unfetched rest of a response is dropped."""
        due = self._uploads.due if self._uploads is not None else 0.0
        return min(due or inf, self.rest.due if self.rest is not None else inf)

    def expire(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        """Drop what nobody came back for."""
        if self._uploads is not None and 0.0 < self._uploads.due <= now:
            self._uploads.drop(now)
        if self.rest is not None and self.rest.due <= now:
            self.rest = None

    def close(self, now: float) -> None:
        """The endpoint is closed."""
        self.rest = None
        if self._uploads is not None:
            self._uploads.drop(now)


def _block1_answer(endpoint: Endpoint, block: Block, code: int) -> bytes:
    # The more flag of an answer says whether the response is to this block only (RFC 7959 §2.3).
    # BERT is answered with BERT: all that it carried is taken, and libcoap 4.3.1 and aiocoap 0.4.17 lose count when the
    # size is lowered after it.
    szx = block.szx
    if block.num == 0 and szx != SZX_BERT and code in (CONTINUE, REQUEST_ENTITY_TOO_LARGE):
        szx = min(szx, endpoint.szx)
    return Block(block.num, block.more and code == CONTINUE, szx).to_bytes()


def respond(endpoint: Endpoint, request: Message, response: Response, now: float) -> None:
    """Answer a request that the handler had put off (RFC 7252 §5.2.2).

    To a peer that leaves SEPARATE_MAX exchanges waiting, the response is dropped, as if it were lost.
    """
    if endpoint.queue is not None and len(endpoint.queue) >= SEPARATE_MAX:
        return
    block1, block2, _ = check_request(request, endpoint.SZX_LARGEST)
    code, options, payload = shape(endpoint, request, response, block2, now)
    if block1 is not None:
        options = put_option(options, BLOCK1, _block1_answer(endpoint, block1, code))
    endpoint.answer_later(request, (code, options, payload), now)


__all__ = ["RequestServer", "request_key", "respond"]
