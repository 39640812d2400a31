"""The CoAP ping (RFC 7252 §4.3, RFC 8323 §5.4): does the peer live?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.exchange import Exchange, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.endpoint import Endpoint


class Ping(Exchange):
    """An Empty confirmable message, which a Reset answers; over TCP a Ping, which a Pong answers (RFC 8323 §5.4).

    Args:
        done: told whether the peer lives.
        custody: over TCP, ask for the answer only when all requests before it are done (RFC 8323 §5.4.1).
    """

    __slots__ = ("custody", "done", "in_custody")

    def __init__(self, done: Callable[[bool], None], *, custody: bool = False) -> None:
        super().__init__()
        self.done = done
        self.custody = custody
        self.in_custody = False
        """Whether the peer stated, in its Pong, that all before it is done."""

    def on_acknowledged(self, endpoint: Endpoint, now: float) -> None:  # noqa: ARG002
        """Some peers acknowledge a ping instead of rejecting it; they live all the same."""
        self.done(True)

    def on_failure(self, endpoint: Endpoint, failure: Failure, now: float) -> None:  # noqa: ARG002
        """A Reset is the answer that a ping waits for."""
        self.done(failure is Failure.RESET)


def ping(endpoint: Endpoint, done: Callable[[bool], None], now: float) -> None:
    """Ask whether the peer lives; ``done`` is called with the answer."""
    endpoint.probe(Ping(done), now)


__all__ = ["Ping", "ping"]
