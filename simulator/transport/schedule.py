"""What is to happen at what time, in order, on one timer of the event loop.

Packets in memory are many and short-lived. What is due at one time is in one list, in the order in which it was put
there, and a heap has the times alone: numbers compare in C, and are few where times are rounded. The event loop's own
timers do neither.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import weakref
from collections.abc import Callable
from math import ceil, inf
from typing import Any
from weakref import WeakKeyDictionary

from simulator.transport.fine_timer import alarm_of

log = logging.getLogger(__name__)


class Schedule:
    """Calls functions at their times, in seconds of ``now``; those of one time in the order of ``at``."""

    __slots__ = ("_alarm", "_alarm_at", "_calls", "_grain_s", "_loop", "_soon", "_times", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._times: list[float] = []
        self._calls: dict[float, list[tuple[Callable[..., object], tuple[Any, ...]]]] = {}
        self._grain_s = inf
        self._soon: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._loop: asyncio.AbstractEventLoop = weakref.proxy(loop)
        self._alarm = alarm_of(loop)
        self._alarm_at = inf
        self.now = self._alarm.now
        """The time: that of a virtual loop, else of the monotonic clock."""

    def __len__(self) -> int:
        return sum(map(len, self._calls.values())) + len(self._soon)

    def bear(self, late_s: float) -> None:
        """What is put in may be called so much late: times are rounded up, so that many are the same.

        The least of all that are told counts. In virtual time nothing is rounded.
        """
        self._grain_s = min(self._grain_s, late_s if self._alarm.real else 0.0)

    def at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Call ``call(*args)`` at ``when``, in a later turn of the loop; what it raises is logged."""
        grain = self._grain_s
        if 0.0 < grain < inf:
            when = ceil(when / grain) * grain
        calls = self._calls.get(when)
        if calls is None:
            self._calls[when] = [(call, args)]
            heapq.heappush(self._times, when)
            if when < self._alarm_at:
                self._set_alarm(when)
        else:
            calls.append((call, args))

    def soon(self, call: Callable[..., object], *args: Any) -> None:
        """Call ``call(*args)`` in the next turn of the loop, after what was put in so before; as ``at`` has it."""
        self._soon.append((call, args))
        if len(self._soon) == 1:
            self._loop.call_soon(self._call_soon)

    def _call_soon(self) -> None:
        due, self._soon = self._soon, []
        _call_all(due)

    async def wait(self, when: float) -> None:
        """Wait until ``when``, in its turn among what was put in with ``at``."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(when, _set, reached)
        await reached

    def _set_alarm(self, when: float) -> None:
        self._alarm_at = when
        self._alarm.set(when, self._ring)

    def _ring(self) -> None:
        times = self._times
        # A loop may call a little early; what the alarm was set for is due in any case.
        now = max(self.now(), self._alarm_at)
        # Calls add calls that are due at once; those wait for the next turn, so that nobody else starves.
        self._alarm_at = -inf
        due: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        while times and times[0] <= now:
            due += self._calls.pop(heapq.heappop(times))
        try:
            _call_all(due)
        finally:
            self._alarm_at = inf
            if times:
                self._set_alarm(times[0])


def _call_all(due: list[tuple[Callable[..., object], tuple[Any, ...]]]) -> None:
    """Call one after the other, whatever one of them raises."""
    for call, args in due:
        try:
            call(*args)
        except Exception:
            log.exception("%r failed", call)


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
