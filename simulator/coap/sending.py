"""How an endpoint puts what it answers and tells into datagrams (RFC 7252 §4.2, §5.2; RFC 7641 §4.5).

Functions over an endpoint, called by its methods alone; a stream has its own (RFC 8323), which override those methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.codes import ACK, CON, GET, NON
from simulator.coap.exchange import Exchange, Parts
from simulator.coap.message import Message, MessageFormatError, empty, encode, reset_for
from simulator.coap.observe import Notification, Observation

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint


class SeparateResponse(Exchange):
    """A response that goes out later in a confirmable message of its own."""

    __slots__ = ()


def answer(endpoint: Endpoint, request: Message, parts: Parts, now: float) -> None:
    """Send a response, piggy-backed on the acknowledgement of a CON (RFC 7252 §5.2.1), else as NON."""
    code, options, payload = parts
    if request.type == CON:
        datagram = encode(ACK, code, request.mid, request.token, options, payload)
        if request.code != GET:
            endpoint.seen.add(request.mid, datagram, now)
    else:
        # A repeated NON is ignored (RFC 7252 §4.3): its sender does not wait for an answer to each.
        datagram = encode(NON, code, endpoint.next_mid(), request.token, options, payload)
        endpoint.seen.add(request.mid, b"", now)
    endpoint.transmit(datagram)


def defer(endpoint: Endpoint, request: Message, now: float) -> None:
    """Acknowledge now, respond later (RFC 7252 §5.2.2)."""
    acknowledgement = empty(ACK, request.mid) if request.type == CON else b""
    endpoint.seen.add(request.mid, acknowledgement, now)
    if acknowledgement:
        endpoint.transmit(acknowledgement)


def answer_later(endpoint: Endpoint, request: Message, parts: Parts, now: float) -> None:
    """Send a separate response (RFC 7252 §5.2.2): confirmable where the request was."""
    code, options, payload = parts
    exchange = SeparateResponse()
    exchange.mid = endpoint.next_mid()
    if request.type == CON:
        exchange.datagram = encode(CON, code, exchange.mid, request.token, options, payload)
        endpoint.launch(exchange, now)
    else:
        endpoint.transmit(encode(NON, code, exchange.mid, request.token, options, payload))


def tell(endpoint: Endpoint, observation: Observation, parts: Parts, now: float, *, confirmable: bool) -> None:
    """Send a notification, or put it in the place of one that still waits for its turn (RFC 7641 §4.5.2)."""
    code, options, payload = parts
    waiting = observation.notification
    if waiting is not None and endpoint.is_queued(waiting):
        waiting.datagram = encode(CON, code, waiting.mid, observation.token, options, payload)
    elif confirmable:
        notification = Notification(observation)
        notification.mid = endpoint.next_mid()
        notification.datagram = encode(CON, code, notification.mid, observation.token, options, payload)
        observation.notification = notification
        endpoint.launch(notification, now)
    else:
        observation.last_mid = mid = endpoint.next_mid()
        endpoint.transmit(encode(NON, code, mid, observation.token, options, payload))


def probe(endpoint: Endpoint, exchange: Exchange, now: float) -> None:
    """Send an Empty confirmable message, which is to be answered with a Reset (RFC 7252 §4.3)."""
    exchange.mid = endpoint.next_mid()
    exchange.datagram = empty(CON, exchange.mid)
    endpoint.launch(exchange, now)


def reject(endpoint: Endpoint, error: MessageFormatError) -> None:
    """Answer what is no message with a Reset where it deserves one (RFC 7252 §4.2)."""
    reset = reset_for(error)
    if reset is not None:
        endpoint.transmit(reset)


__all__ = ["SeparateResponse", "answer", "answer_later", "defer", "probe", "reject", "tell"]
