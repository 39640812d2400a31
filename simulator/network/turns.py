"""How long the peers behind a link took to answer, apart from the link."""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.events import NOT_KNOWN


class Waited(NamedTuple):
    """The turns of a while; -1 in both where nobody has timed them."""

    microseconds: int
    """How long the peers had the word, in all."""
    turns: int
    """How often they had it."""


class Turns:
    """A clock at the far end of a link.

    A turn of the peer begins when something of the device has left the link, anew with each further thing, and ends
    when something of the peer comes to the link. What comes unasked ends no turn, and what gets no answer is none.
    """

    __slots__ = ("_asked_at", "_count", "_seconds")

    def __init__(self) -> None:
        self._asked_at = -1.0
        self._seconds = 0.0
        self._count = 0

    def asked(self, now: float) -> None:
        """Something of the device has left the link."""
        self._asked_at = now

    def answered(self, now: float) -> None:
        """Something of the peer has come to the link."""
        if self._asked_at >= 0.0:
            self._seconds += now - self._asked_at
            self._count += 1
            self._asked_at = -1.0

    def so_far(self) -> Waited:
        """All turns that have ended."""
        return Waited(round(self._seconds * 1e6), self._count)

    def since(self, before: Waited) -> Waited:
        """Those that have ended after ``before`` was taken."""
        now = self.so_far()
        return Waited(now.microseconds - before.microseconds, now.turns - before.turns)


class Untimed(Turns):
    """Where no link is between the device and its peers: its own latencies are those of the peers."""

    __slots__ = ()

    def so_far(self) -> Waited:
        """Nothing is known."""
        return Waited(NOT_KNOWN, NOT_KNOWN)

    def since(self, before: Waited) -> Waited:
        """Nothing is known, of any while."""
        return before


UNTIMED: Final = Untimed()
