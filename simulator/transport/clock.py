"""Time of a run, over real time and over virtual time alike."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class TimedLoop(Protocol):
    """An event loop, as far as its clock goes."""

    def time(self) -> float:
        """Seconds since some moment."""


class MonotonicClock:
    """``simulator.ports.Clock`` over the machine's monotonic clock, which all processes share.

    Args:
        t0: what that clock said at time 0 of the run.
    """

    __slots__ = ("_t0",)

    def __init__(self, t0: float) -> None:
        self._t0 = t0

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._t0

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        await asyncio.sleep(seconds)


class LoopClock:
    """``simulator.ports.Clock`` over the time of an event loop, which may be virtual.

    Args:
        loop: its ``time`` counts.
        origin: what it said at time 0 of the run.
    """

    __slots__ = ("_loop", "_origin")

    def __init__(self, loop: TimedLoop, origin: float = 0.0) -> None:
        self._loop = loop
        self._origin = origin

    def now(self) -> float:
        """Seconds since the start of the run."""
        return self._loop.time() - self._origin

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        await asyncio.sleep(seconds)
