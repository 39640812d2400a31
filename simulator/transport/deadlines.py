"""One timer for a whole fleet.

An object that has a deadline is armed once; when that time comes it is called, does what is due, and is filed anew at
the deadline that it then has. So a transfer that makes progress costs one heap operation per ACK_TIMEOUT and nothing
per exchange, and the event loop has one timer however many devices there are.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from math import inf
from typing import Final, Protocol

log = logging.getLogger(__name__)

EARLY_S: Final = 1e-3
"""Loops round their timers to milliseconds; what is due within one is done at once rather than asked for again."""
STALE_MIN: Final = 64
"""Entries of the heap that may be out of date before it is looked at whether it is worth to be cleared of them."""


class Timed(Protocol):
    """Something that has to be called at a time."""

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next, in seconds of the clock; infinity for never."""

    def expire(self, now: float) -> None:
        """Do what is due, which may be nothing: a deadline can have moved on since it was armed."""


class Deadlines:
    """Calls ``expire`` of objects when their deadlines come, in the order of the deadlines and then of the arming.

    Args:
        loop: carries the one timer.
        now: the clock that deadlines are in.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._heap: list[tuple[float, int, int]] = []
        self._objects: dict[int, tuple[Timed, float, int]] = {}
        """By identity: the object, the earliest time at which it is filed, and the number of that entry."""
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def __len__(self) -> int:
        return len(self._objects)

    def arm(self, timed: Timed, when: float) -> None:
        """See to it that ``timed`` is called no later than ``when``.

        Needed only when a deadline comes earlier than what was armed, or than the deadline after the last ``expire``.
        """
        key = id(timed)
        filed = self._objects.get(key)
        if filed is not None and filed[1] <= when:
            return
        self._count = number = self._count + 1
        self._objects[key] = (timed, when, number)
        heapq.heappush(self._heap, (when, number, key))
        if when < self._timer_at:
            self._set_timer(when)
        elif len(self._heap) > 2 * len(self._objects) + STALE_MIN:
            self._clear_stale()

    def disarm(self, timed: object) -> None:
        """Forget an object; it is not kept alive from here on."""
        self._objects.pop(id(timed), None)

    def close(self) -> None:
        """Forget all objects and stop the timer."""
        self._heap.clear()
        self._objects.clear()
        self._stop_timer()

    def _clear_stale(self) -> None:
        self._heap = [entry for entry in self._heap if self._is_filed(entry)]
        heapq.heapify(self._heap)

    def _is_filed(self, entry: tuple[float, int, int]) -> bool:
        filed = self._objects.get(entry[2])
        return filed is not None and filed[2] == entry[1]

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, inf

    def _set_timer(self, when: float) -> None:
        self._stop_timer()
        self._timer_at = when
        self._timer = self._loop.call_later(max(0.0, when - self._now()), self._ring)

    def _ring(self) -> None:
        # Until all are called, no arming may touch the timer.
        self._timer, self._timer_at = None, -inf
        try:
            self._call_due(self._now())
        finally:
            self._timer_at = inf
            if self._heap:
                self._set_timer(self._heap[0][0])

    def _call_due(self, now: float) -> None:
        due = []
        while self._heap and self._heap[0][0] <= now + EARLY_S:
            entry = heapq.heappop(self._heap)
            if self._is_filed(entry):
                due.append(entry)
        for entry in due:
            # Each is called once in a turn of the loop, unless another one disarmed it or brought its deadline forward.
            if self._is_filed(entry):
                timed = self._objects.pop(entry[2])[0]
                self._call(timed, max(now, entry[0]))

    def _call(self, timed: Timed, now: float) -> None:
        try:
            timed.expire(now)
            deadline = timed.deadline
        except Exception:
            log.exception("%r failed when its deadline came", timed)
            return
        if deadline < inf:
            # A deadline that stays in the past must not make the loop spin.
            self.arm(timed, deadline if deadline > now else now + EARLY_S)
