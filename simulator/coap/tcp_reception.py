"""What a message of a stream means to an endpoint: signalling, requests and responses (RFC 8323 §3.4, §5).

Functions over a ``TcpEndpoint``, called by it alone.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.coap.codes import BAD_OPTION, EMPTY, SERVICE_UNAVAILABLE, code_text, is_request, is_response
from simulator.coap.exchange import Failure
from simulator.coap.option_check import bad_option
from simulator.coap.tcp_signalling import (
    ABORT,
    CSM,
    CUSTODY,
    PING,
    PONG,
    SignallingError,
    check_options,
    ping_or_pong,
    read_release,
    take_csm,
)

if TYPE_CHECKING:
    from simulator.coap.message import Message
    from simulator.coap.tcp_endpoint import TcpEndpoint

OPEN_REQUESTS_MAX: Final = 64
"""Requests that a handler may have put off for one peer; further ones get 5.03."""
CUSTODY_MAX: Final = 8
"""Pings that may wait for their Pong; further ones are answered at once, without custody."""


class Custody(NamedTuple):
    """A Ping whose Pong waits until the requests that came before it are answered."""

    token: bytes
    requests: list[bytes]
    """Their tokens."""


def take(endpoint: TcpEndpoint, message: Message, now: float) -> None:
    """Take one message of the peer."""
    code = message.code
    if code == EMPTY:
        return  # only keeps the connection alive (RFC 8323 §3.4)
    if code >> 5 == 7:
        try:
            _take_signal(endpoint, message, now)
        except SignallingError as error:
            endpoint.abort(str(error), now, error.bad_csm_option)
    elif endpoint.peer is None:
        endpoint.abort("the first message is no CSM", now)
    elif is_request(code):
        _take_request(endpoint, message, now)
    elif is_response(code):
        _take_response(endpoint, message, now)
    else:
        endpoint.abort(f"{code_text(code)} is of a reserved class", now)
    if endpoint.released is not None:
        settle(endpoint, None, now)


def _take_request(endpoint: TcpEndpoint, request: Message, now: float) -> None:
    refused = bad_option(request)
    if refused >= 0:
        endpoint.answer(request, (BAD_OPTION, [], f"option {refused}".encode()), now)
    elif len(endpoint.open_requests) >= OPEN_REQUESTS_MAX:
        endpoint.answer(request, (SERVICE_UNAVAILABLE, [], b""), now)
    else:
        endpoint.server.serve(endpoint, request, now)


def _take_response(endpoint: TcpEndpoint, response: Message, now: float) -> None:
    exchange = endpoint.exchanges.get(response.token)
    if exchange is None:
        return  # of a request that was given up
    if bad_option(response) < 0:
        exchange.on_response(endpoint, response, now)
    else:
        endpoint.finish(exchange)
        exchange.on_failure(endpoint, Failure.PROTOCOL, now)


def _take_signal(endpoint: TcpEndpoint, message: Message, now: float) -> None:
    code = message.code
    if code == ABORT:
        endpoint.unreachable(now)
        return
    if code != CSM and endpoint.peer is None:
        raise SignallingError("the first message is no CSM")
    check_options(message)
    if code == CSM:
        _take_csm(endpoint, message, now)
    elif code == PING:
        _take_ping(endpoint, message)
    elif code == PONG:
        _take_pong(endpoint, message, now)
    else:
        # The peer wants this side to close the connection when all is answered (RFC 8323 §5.5).
        endpoint.released = read_release(message)


def _take_csm(endpoint: TcpEndpoint, message: Message, now: float) -> None:
    endpoint.peer = take_csm(message, endpoint.peer)
    endpoint.csm_due = inf
    waiting, endpoint.unready = endpoint.unready, []
    for exchange in waiting:
        if endpoint.exchanges.get(exchange.token) is exchange:
            del endpoint.exchanges[exchange.token]
            exchange.start(endpoint, now)


def _take_ping(endpoint: TcpEndpoint, message: Message) -> None:
    custody = message.option(CUSTODY) is not None
    if custody and endpoint.open_requests:
        if len(endpoint.custody) < CUSTODY_MAX:
            endpoint.custody.append(Custody(message.token, list(endpoint.open_requests)))
            return
        custody = False
    endpoint.transmit(ping_or_pong(PONG, message.token, custody=custody))


def _take_pong(endpoint: TcpEndpoint, message: Message, now: float) -> None:
    """A Pong has the token of its Ping (RFC 8323 §5.4), or of the oldest: libcoap 4.3.1 leaves the token out."""
    for ping in endpoint.pings:
        if ping.token == message.token or not message.token:
            endpoint.pings.remove(ping)
            if endpoint.exchanges.get(ping.token) is ping:
                endpoint.finish(ping)
                ping.in_custody = message.option(CUSTODY) is not None
                ping.on_acknowledged(endpoint, now)
                return
            if message.token:
                return


def settle(endpoint: TcpEndpoint, answered: bytes | None, now: float) -> None:
    """A request that was put off is answered (or None): send the Pongs that waited for it, end what was released."""
    if answered is not None and answered in endpoint.open_requests:
        endpoint.open_requests.remove(answered)
        for held in endpoint.custody:
            if answered in held.requests:
                held.requests.remove(answered)
        for held in [held for held in endpoint.custody if not held.requests]:
            endpoint.transmit(ping_or_pong(PONG, held.token, custody=True))
        endpoint.custody = [held for held in endpoint.custody if held.requests]
    # A response that is still to come may come; an observation, which has no time-out, would wait for ever.
    waits = endpoint.open_requests or any(exchange.due for exchange in endpoint.exchanges.values())
    if endpoint.released is not None and not waits:
        endpoint.unreachable(now)


__all__ = ["Custody", "settle", "take"]
