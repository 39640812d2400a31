"""One timer for a whole fleet.

An object that has a deadline is armed once; when that time comes it is asked again, and if its deadline has moved on
meanwhile it is only filed anew. So a transfer that makes progress costs one heap operation per ACK_TIMEOUT and nothing
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


class Timed(Protocol):
    """Something that has to be called at a time."""

    @property
    def deadline(self) -> float:
        """When ``expire`` has to be called next, in seconds of the clock; infinity for never."""

    def expire(self, now: float) -> None:
        """Do what is due."""


class Deadlines:
    """Calls ``expire`` of objects when their deadlines come.

    Args:
        loop: carries the one timer.
        now: the clock that deadlines are in.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._heap: list[tuple[float, int, int]] = []
        self._objects: dict[int, tuple[Timed, float]] = {}
        """By identity: the object, and the earliest time at which it is filed."""
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def __len__(self) -> int:
        return len(self._objects)

    def arm(self, timed: Timed, when: float) -> None:
        """See to it that ``timed`` is looked at no later than ``when``.

        Needed only when a deadline comes earlier than what was armed: at the armed time the object is asked again.
        """
        key = id(timed)
        filed = self._objects.get(key)
        if filed is not None and filed[1] <= when:
            return
        self._objects[key] = (timed, when)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, key))
        if when < self._timer_at:
            self._set_timer(when)

    def disarm(self, timed: object) -> None:
        """Forget an object; it is not kept alive from here on."""
        self._objects.pop(id(timed), None)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_later(max(0.0, when - self._now()), self._ring)

    def _ring(self) -> None:
        self._timer, self._timer_at = None, inf
        now = self._now()
        heap = self._heap
        while heap and heap[0][0] <= now + EARLY_S:
            when, _, key = heapq.heappop(heap)
            filed = self._objects.get(key)
            if filed is None or filed[1] != when:
                continue
            del self._objects[key]
            self._look_at(filed[0], max(now, when))
        if heap:
            self._set_timer(heap[0][0])

    def _look_at(self, timed: Timed, now: float) -> None:
        try:
            if timed.deadline <= now:
                timed.expire(now)
            deadline = timed.deadline
        except Exception:
            log.exception("%r failed when its deadline came", timed)
            return
        if deadline < inf:
            # A deadline that stays in the past would be looked at for ever within one turn.
            self.arm(timed, max(deadline, now + EARLY_S))
