"""What happens to an exchange without an answer: it is sent again, and in the end given up (RFC 7252 §4.2).

Functions over an endpoint, apart from it because a transfer that goes well never comes here.

The random part of ACK_TIMEOUT is drawn when ACK_TIMEOUT itself has passed: an answered message needs no draw, and the
distribution is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.exchange import Exchange, Failure

if TYPE_CHECKING:
    from simulator.coap.endpoint import Endpoint


def next_deadline(endpoint: Endpoint) -> float:
    """When ``expire`` has to be called next; 0 where a queued exchange could be sent at once, or infinity."""
    pending = endpoint.pending
    if endpoint.queue and len(pending) < endpoint.params.NSTART:
        return 0.0
    deadline = endpoint.server.deadline
    for exchange in pending.values():
        deadline = min(deadline, exchange.due)
    for exchange in endpoint.exchanges.values():
        if exchange.due and pending.get(exchange.mid) is not exchange:
            deadline = min(deadline, exchange.due)
    return deadline


def expire_exchanges(endpoint: Endpoint, now: float) -> None:
    """Send again or give up whatever is due. What a callback ends meanwhile is left alone."""
    pending = endpoint.pending
    for exchange in [e for e in pending.values() if e.due <= now]:
        if pending.get(exchange.mid) is exchange and exchange.due <= now:
            _retransmit(endpoint, exchange, now)
    exchanges = endpoint.exchanges
    for exchange in [e for e in exchanges.values() if 0 < e.due <= now]:
        waits = exchanges.get(exchange.token) is exchange and pending.get(exchange.mid) is not exchange
        if waits and 0 < exchange.due <= now:
            _give_up(endpoint, exchange, now)


def send_again(endpoint: Endpoint, now: float) -> None:
    """Send once more whatever waits for an acknowledgement: the peer has just shown that it listens again.

    It is no repetition by time-out: neither the number of those that are left nor their times change. It has the
    Message ID of the first one, so that a peer that has had that does nothing twice (RFC 7252 §4.5).
    """
    for exchange in list(endpoint.pending.values()):
        if exchange.due > now:
            endpoint.retransmissions += 1
            endpoint.transmit(exchange.datagram)


def _retransmit(endpoint: Endpoint, exchange: Exchange, now: float) -> None:
    params = endpoint.params
    if not exchange.timeout:
        # ACK_TIMEOUT has passed; now draw by how much this message's own time-out is longer.
        extra = params.ACK_TIMEOUT * (params.ACK_RANDOM_FACTOR - 1) * endpoint.chance.random()
        exchange.timeout = params.ACK_TIMEOUT + extra
        exchange.due += extra
        if exchange.due > now:
            return
    if exchange.attempt >= params.MAX_RETRANSMIT:
        _give_up(endpoint, exchange, now)
        return
    exchange.attempt += 1
    exchange.timeout *= 2
    exchange.due = now + exchange.timeout
    endpoint.retransmissions += 1
    endpoint.transmit(exchange.datagram)


def _give_up(endpoint: Endpoint, exchange: Exchange, now: float) -> None:
    endpoint.finish(exchange)
    exchange.on_failure(endpoint, Failure.TIMEOUT, now)


def forget(endpoint: Endpoint, exchange: Exchange) -> bool:
    """Take an exchange out of all that waits; whether it was there."""
    known = False
    if endpoint.exchanges.get(exchange.token) is exchange:
        del endpoint.exchanges[exchange.token]
        known = True
    if endpoint.pending.get(exchange.mid) is exchange:
        del endpoint.pending[exchange.mid]
        known = True
    if endpoint.queue and exchange in endpoint.queue:
        endpoint.queue.remove(exchange)
        known = True
    return known


def fail_all(endpoint: Endpoint, failure: Failure, now: float) -> None:
    """Fail everything that waits for the peer, each exchange once."""
    waiting = {id(e): e for e in (*endpoint.pending.values(), *endpoint.exchanges.values(), *(endpoint.queue or ()))}
    endpoint.pending.clear()
    endpoint.exchanges.clear()
    endpoint.queue = None
    for exchange in waiting.values():
        exchange.on_failure(endpoint, failure, now)


__all__ = ["expire_exchanges", "fail_all", "forget", "next_deadline", "send_again"]
