"""The CoAP ping (RFC 7252 §4.3): does the peer live?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.exchange import Exchange, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.endpoint import Endpoint


class Ping(Exchange):
    """An Empty confirmable message; the Reset that answers it shows that the peer lives."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[bool], None]) -> None:
        super().__init__()
        self.done = done

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
