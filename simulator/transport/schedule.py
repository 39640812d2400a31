"""What is to happen at what time, in order, on one timer of the event loop.

Packets in memory are many and short-lived. A heap of tuples compares in C, and keeps what is due at one time in the
order in which it was put there; the event loop's own timers do neither.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from simulator.transport.fine_timer import alarm_of

log = logging.getLogger(__name__)


class Schedule:
    """Calls functions at their times, in seconds of ``now``; those of one time in the order of ``at``."""

    __slots__ = ("_alarm", "_alarm_at", "_count", "_heap", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0
        self._alarm = alarm_of(loop)
        self._alarm_at = inf
        self.now = self._alarm.now
        """The time: that of a virtual loop, else of the monotonic clock."""

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Call ``call(*args)`` at ``when``, in a later turn of the loop; what it raises is logged."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, call, args))
        if when < self._alarm_at:
            self._set_alarm(when)

    async def wait(self, when: float) -> None:
        """Wait until ``when``, in its turn among what was put in with ``at``."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(when, _set, reached)
        await reached

    def _set_alarm(self, when: float) -> None:
        self._alarm_at = when
        self._alarm.set(when, self._ring)

    def _ring(self) -> None:
        heap = self._heap
        # A loop may call a little early; what the alarm was set for is due in any case.
        now = max(self.now(), self._alarm_at)
        # Calls add calls that are due at once; those wait for the next turn, so that nobody else starves.
        self._alarm_at = -inf
        due = []
        while heap and heap[0][0] <= now:
            due.append(heapq.heappop(heap))
        try:
            for _, _, call, args in due:
                try:
                    call(*args)
                except Exception:
                    log.exception("%r failed", call)
        finally:
            self._alarm_at = inf
            if heap:
                self._set_alarm(heap[0][0])


_schedules: WeakKeyDictionary[asyncio.AbstractEventLoop, Schedule] = WeakKeyDictionary()


def schedule_of(loop: asyncio.AbstractEventLoop) -> Schedule:
    """The schedule that all links of a loop share: one timer, however many devices there are."""
    known = _schedules.get(loop)
    if known is None:
        known = _schedules[loop] = Schedule(loop)
    return known


def _set(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)
