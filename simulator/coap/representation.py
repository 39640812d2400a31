"""A whole response made into the one message that answers a request: ETag, Observe and one block (RFC 7959 §2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.coap.block import Block, block_at
from simulator.coap.codes import (
    BAD_REQUEST,
    BLOCK2,
    CONTENT,
    ETAG,
    GET,
    IF_MATCH,
    OBSERVE,
    PRECONDITION_FAILED,
    SIZE2,
    URI_PATH,
    URI_QUERY,
    VALID,
    is_success,
)
from simulator.coap.exchange import Response
from simulator.coap.message import Message, Options, uint_bytes
from simulator.coap.observe import register
from simulator.coap.requests import put_option

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint


class Rest(NamedTuple):
    """A large response whose further blocks are still to be fetched."""

    key: tuple[object, ...]
    response: Response
    due: float
    """When it is dropped."""


def request_key(request: Message) -> tuple[object, ...]:
    """What makes two blocks parts of one body: method, path and query (RFC 7959 §2.5, cache-key without blocks)."""
    return (request.code, *(o for o in request.options if o[0] in (URI_PATH, URI_QUERY)))


def shape(
    endpoint: Endpoint, request: Message, response: Response, block2: Block | None, now: float
) -> tuple[int, Options, bytes]:
    """Code, options and payload of the message that answers a request with this response.

    ``block2`` is the Block2 option of the request.
    """
    code, options, payload = response.code, response.options, response.payload
    if code == CONTENT:
        etag = response.etag
        if request.options and request.options[0][0] <= ETAG:
            code = _conditional(request, etag)
            if code == PRECONDITION_FAILED:
                return code, [], b""
        if etag:
            options = [(ETAG, etag)] if code == VALID else put_option(options, ETAG, etag)
        if response.observe_key is not None:
            sequence = register(endpoint, request, response.observe_key, now)
            if sequence >= 0:
                options = put_option(options, OBSERVE, uint_bytes(sequence))
        if code == VALID:
            return code, options, b""
    return _cut(endpoint, request, Response(code, payload, options), block2, now)


def _conditional(request: Message, etag: bytes) -> int:
    """What If-Match and ETag make of a 2.05 (RFC 7252 §5.10.6.2, §5.10.8.1)."""
    wanted = request.values(IF_MATCH)
    if wanted and b"" not in wanted and (not etag or etag not in wanted):
        return PRECONDITION_FAILED
    return VALID if etag and etag in request.values(ETAG) else CONTENT


def _cut(
    endpoint: Endpoint, request: Message, whole: Response, block2: Block | None, now: float
) -> tuple[int, Options, bytes]:
    code, options, payload = whole.code, whole.options, whole.payload
    wanted = endpoint.szx if block2 is None else min(block2.szx, endpoint.szx)
    szx, size, longest = endpoint.fit(wanted, options)
    if not is_success(code):
        # What an error says is for people; a block of it is enough, and it must not look like a missing block.
        return code, options, payload[:size]
    total = len(payload)
    start = 0 if block2 is None else block2.start
    if start >= total and start > 0:
        return BAD_REQUEST, [], b"no such block"
    if block2 is None and total <= longest:
        return code, options, payload
    more = start + size < total
    if start == 0 and more and request.code != GET:
        due = now + endpoint.params.EXCHANGE_LIFETIME
        # Observe belongs to the first block alone (RFC 7959 §2.6).
        kept = Response(code, payload, [o for o in options if o[0] != OBSERVE])
        endpoint.server.rest = Rest(request_key(request), kept, due)
        endpoint.wake_by(due)
    options = put_option(options, BLOCK2, block_at(start, more, szx).to_bytes())
    if start == 0:
        options = put_option(options, SIZE2, uint_bytes(total))
    return code, options, payload[start : start + size]


__all__ = ["Rest", "request_key", "shape"]
