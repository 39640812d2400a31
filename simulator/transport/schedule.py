"""What is to happen at what time, in order, on one timer of the event loop.

Packets in memory are many and short-lived. A heap of tuples compares in C, and keeps what is due at one time in the
order in which it was put there; the event loop's own timers do neither.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)


class Schedule:
    """Calls functions at their times, in seconds of the loop's clock; those of one time in the order of ``at``."""

    __slots__ = ("_count", "_heap", "_loop", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def __len__(self) -> int:
        return len(self._heap)

    def now(self) -> float:
        """The time of the loop."""
        return self._loop.time()

    def at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Call ``call(*args)`` at ``when``, in a later turn of the loop; what it raises is logged."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, call, args))
        if when < self._timer_at:
            self._set_timer(when)

    async def wait(self, when: float) -> None:
        """Wait until ``when``, in its turn among what was put in with ``at``."""
        reached: asyncio.Future[None] = self._loop.create_future()
        self.at(when, _set, reached)
        await reached

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._ring, when)

    def _ring(self, when: float) -> None:
        heap = self._heap
        # A loop may call a little early; what the timer was set for is due in any case.
        now = max(self._loop.time(), when)
        # Calls add calls that are due at once; those wait for the next turn, so that nobody else starves.
        self._timer, self._timer_at = None, -inf
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
            self._timer_at = inf
            if heap:
                self._set_timer(heap[0][0])


def _set(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)
