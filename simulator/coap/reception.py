"""What a decoded message means to an endpoint: matching of replies, responses and requests (RFC 7252 §4.2, §5.3.2).

Functions over an endpoint, called by ``Endpoint.receive`` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.codes import ACK, BAD_OPTION, CON, EMPTY, RST, is_response
from simulator.coap.exchange import Exchange, Failure
from simulator.coap.message import Message, empty, encode
from simulator.coap.option_check import bad_option

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint


def take_reply(endpoint: Endpoint, message: Message, now: float) -> None:
    """Take an acknowledgement, with or without a response, or a Reset."""
    mid = message.mid
    exchange = endpoint.pending.get(mid)
    if message.type == RST:
        if message.code == EMPTY:
            _take_reset(endpoint, exchange, mid, now)
    elif exchange is None:
        return
    elif message.code == EMPTY:
        _take_acknowledgement(endpoint, exchange, now)
    elif message.token == exchange.token and exchange.token in endpoint.exchanges and is_response(message.code):
        # A piggy-backed response must match by Message ID and token (RFC 7252 §5.3.2).
        del endpoint.pending[mid]
        if bad_option(message) < 0:
            exchange.on_response(endpoint, message, now)
        else:
            _fail_unusable(endpoint, exchange, now)


def _take_acknowledgement(endpoint: Endpoint, exchange: Exchange, now: float) -> None:
    del endpoint.pending[exchange.mid]
    if endpoint.exchanges.get(exchange.token) is exchange:
        # The response comes separately (RFC 7252 §5.2.2), or never.
        exchange.due = now + endpoint.params.EXCHANGE_LIFETIME
        endpoint.wake_by(exchange.due)
    exchange.on_acknowledged(endpoint, now)


def _take_reset(endpoint: Endpoint, exchange: Exchange | None, mid: int, now: float) -> None:
    if exchange is not None:
        endpoint.finish(exchange)
        exchange.on_failure(endpoint, Failure.RESET, now)
        return
    for observation in endpoint.observations:
        if observation.last_mid == mid:
            endpoint.end_observation(observation, now)
            return


def _fail_unusable(endpoint: Endpoint, exchange: Exchange, now: float) -> None:
    """An unknown critical option makes a response unusable (RFC 7252 §5.4.1)."""
    endpoint.finish(exchange)
    exchange.on_failure(endpoint, Failure.PROTOCOL, now)


def take_separate_response(endpoint: Endpoint, message: Message, now: float) -> None:
    """Take a response in a message of its own, or reject it where nobody waits for its token."""
    if _is_repeated(endpoint, message, now):
        return
    exchange = endpoint.exchanges.get(message.token)
    if exchange is not None and endpoint.is_queued(exchange):
        # Nothing was asked yet: whoever sends this guessed the token.
        exchange = None
    usable = exchange is not None and bad_option(message) < 0
    answer = b""
    if not usable:
        answer = empty(RST, message.mid)
    elif message.type == CON:
        answer = empty(ACK, message.mid)
    endpoint.seen.add(message.mid, answer, now)
    if answer:
        endpoint.transmit(answer)
    if exchange is None:
        return
    if endpoint.pending.get(exchange.mid) is exchange:
        # The acknowledgement was lost; the response stands for it (RFC 7252 §5.2.2).
        del endpoint.pending[exchange.mid]
    if usable:
        exchange.on_response(endpoint, message, now)
    else:
        _fail_unusable(endpoint, exchange, now)


def take_request(endpoint: Endpoint, message: Message, now: float) -> None:
    """Serve a request, once."""
    if _is_repeated(endpoint, message, now):
        return
    refused = bad_option(message)
    if refused < 0:
        endpoint.server.serve(endpoint, message, now)
    elif message.type == CON:
        text = f"option {refused}".encode()
        endpoint.transmit(encode(ACK, BAD_OPTION, message.mid, message.token, [], text))


def _is_repeated(endpoint: Endpoint, message: Message, now: float) -> bool:
    """Whether a message came before; it then gets the same answer (RFC 7252 §4.5)."""
    answer = endpoint.seen.get(message.mid, now)
    if answer is None:
        return False
    endpoint.duplicates += 1
    if answer:
        endpoint.transmit(answer)
    return True


__all__ = ["take_reply", "take_request", "take_separate_response"]
