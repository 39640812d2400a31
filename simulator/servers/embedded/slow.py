"""Requests of a server that takes its time, and of one that does not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.call import Result
from simulator.coap.exchange import Failure
from simulator.servers.embedded.asked import NO_CONNECTION, UnknownEndpointError, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.servers.embedded.queue_mode import GiveUp


NO_ANSWER: Final = Result(0, [], b"", Failure.TIMEOUT, False)
"""What a server tells that did not wait."""


class Slow:
    """One request, made when ``begin`` is called.

    Args:
        ask: makes it; gives what gives it up.
        done: told where there is nobody to ask any more.
    """

    __slots__ = ("_ask", "_done", "_over", "_stop")

    def __init__(self, ask: Callable[[], GiveUp], done: Callable[[Result], None]) -> None:
        self._ask = ask
        self._done = done
        self._stop: GiveUp = nothing
        self._over = False

    def begin(self) -> None:
        """Make it, unless it was given up."""
        if self._over:
            return
        try:
            self._stop = self._ask()
        except UnknownEndpointError:
            self._done(NO_CONNECTION)

    def give_up(self) -> None:
        """Need no answer."""
        self._over = True
        self._stop()


def impatient(
    ask: Callable[[Callable[[Result], None]], GiveUp],
    done: Callable[[Result], None],
    later: Callable[[Callable[[], None]], object],
    told: Callable[[], None],
) -> GiveUp:
    """Make a request, and give it up when ``later`` says so; returns what gives it up before.

    Args:
        ask: makes it, with what takes its results.
        done: told the result, or that there was no answer.
        later: calls a function when there is no more patience.
        told: called where it is given up.
    """
    over = False

    def once(result: Result) -> None:
        nonlocal over
        if not over:
            over = True
            done(result)

    give_up = ask(once)

    def late() -> None:
        if not over:
            give_up()
            told()
            once(NO_ANSWER)

    later(late)
    return give_up


__all__ = ["Slow", "impatient"]
