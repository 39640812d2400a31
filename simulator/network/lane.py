"""One direction of a TCP connection on a slow link: bytes go in, and come out later, in order, a segment at a time.

What waits here waits as it does in a sender: no more than a window is under way or waits to be taken, and only a few
segments are with the link at a time, so that the other ports of the device get their turn on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Final

from simulator.network.link import TCP_HEADERS

if TYPE_CHECKING:
    from simulator.network.link import Link
    from simulator.transport.schedule import Schedule

WINDOW: Final = 65_536
"""Receive window in bytes, as large as it can be without scaling (RFC 7323 §2); it opens as soon as bytes are taken."""
SEGMENTS_PER_ACK: Final = 2
"""An acknowledgement is sent at least for every second segment (RFC 9293 §3.8.6.3, RFC 5681 §4.2)."""


class Lane:
    """Carries bytes, and what is to be done after them, from one end to the other.

    Args:
        schedule: carries what is on its way.
        link: the way.
        back: the way of the acknowledgements.
        take: gets the bytes at the other end.
        give_up: called once, when a segment was lost so often that TCP sends it no more.
    """

    __slots__ = (
        "_ahead",
        "_arrived",
        "_back",
        "_deaf",
        "_flow",
        "_flying",
        "_give_up",
        "_leaving",
        "_schedule",
        "_segment",
        "_take",
        "_unacknowledged",
        "_unsent",
        "_waits",
        "held",
        "holding",
        "opposite",
    )

    def __init__(
        self,
        schedule: Schedule,
        link: Link,
        back: Link,
        take: Callable[[bytes], None],
        give_up: Callable[[], None],
    ) -> None:
        self._schedule = schedule
        self._flow = link.flow()
        self._segment = link.segment
        self._ahead = link.ahead
        self._back = back
        self._take = take
        self._give_up = give_up
        self._unsent: deque[Any] = deque()
        """Segments, and functions to call in their turn."""
        self._arrived: deque[Any] = deque()
        self._leaving: deque[float] = deque()
        """When the segments that are with the link will have left."""
        self._flying = 0
        """Bytes that were sent and not taken."""
        self._unacknowledged = 0
        self._waits = self._deaf = False
        self.held = 0
        """Bytes that were put in and not taken."""
        self.holding = False
        """The other end takes nothing for now; ``hand_on`` is due when it does again."""
        self.opposite: Lane | None = None
        """The other direction, whose segments carry the acknowledgements of this one."""

    def knock(self) -> float:
        """Send a segment without data now: when it arrives; infinity for never."""
        return self._flow.plan(0, self._schedule.now())[1]

    def put(self, data: bytes) -> None:
        """Send bytes."""
        self.held += len(data)
        step = self._segment
        self._unsent.extend(data[start : start + step] for start in range(0, len(data), step))
        self._pump(self._schedule.now())

    def end(self, call: Callable[[], None]) -> None:
        """Send a segment without data, such as FIN, and call when it has arrived behind everything before it."""
        self._unsent.append(call)
        self._pump(self._schedule.now())

    def clear(self) -> None:
        """Forget what was not sent."""
        self._unsent.clear()
        self.held = self._flying

    def deafen(self) -> None:
        """Nobody listens to the bytes any more; what was to be called is called."""
        self._deaf = True
        self._unsent = deque(item for item in self._unsent if callable(item))
        self.held = self._flying
        self.holding = False
        if self._arrived:
            self._schedule.at(self._schedule.now(), self.hand_on)

    def hand_on(self) -> None:
        """Hand over what has arrived, as long as the other end takes it."""
        arrived = self._arrived
        while arrived and not self.holding:
            item = arrived.popleft()
            if callable(item):
                item()
                continue
            self._flying -= len(item)
            self.held -= len(item)
            if not self._deaf:
                self._take(item)
        if self._unsent:
            self._pump(self._schedule.now())

    def _pump(self, now: float) -> None:
        """Give the link what it may have."""
        while self._unsent and not self._waits and self._flying < WINDOW:
            if self._link_is_full(now):
                # The loop may ring a little early; its time is what was asked for all the same.
                self._waits = True
                when = self._leaving[len(self._leaving) // 2]
                self._schedule.at(when, self._go_on, when)
                return
            item = self._unsent.popleft()
            size = 0 if callable(item) else len(item)
            left, arrival = self._flow.plan(size, now)
            if arrival == inf:
                self._waits = True  # for ever
                self._give_up()
                return
            self._leaving.append(left)
            self._flying += size
            self._schedule.at(arrival, self._arrive, item)
            if self.opposite is not None:
                self.opposite.acknowledged()

    def _link_is_full(self, now: float) -> bool:
        leaving = self._leaving
        while leaving and leaving[0] <= now:
            leaving.popleft()
        return len(leaving) >= self._ahead

    def _go_on(self, when: float) -> None:
        self._waits = False
        self._pump(max(when, self._schedule.now()))

    def _arrive(self, item: Any) -> None:
        self._unacknowledged += 1
        self._arrived.append(item)
        self.hand_on()
        # What was answered at once is acknowledged by the answer.
        if self._unacknowledged >= SEGMENTS_PER_ACK:
            self._unacknowledged = 0
            # Its loss would change nothing: the next one says the same and more.
            self._back.send(TCP_HEADERS, self._schedule.now())

    def acknowledged(self) -> None:
        """A segment of the opposite direction carries the acknowledgement of all that has arrived."""
        self._unacknowledged = 0
