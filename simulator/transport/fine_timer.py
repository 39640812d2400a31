"""A timer finer than a millisecond.

Event loops round their time-outs to whole milliseconds, because epoll's are (uvloop's clock, too). A link of a local
network delays by a quarter of one. A timer of the kernel (timerfd_create(2)) is a file that becomes readable on time.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
import weakref
from collections.abc import Callable
from math import inf
from typing import Final, Protocol

from simulator.transport.virtual import VirtualLoop

CLOCK_MONOTONIC: Final = 1
NONBLOCK_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
ABSOLUTE: Final = 1
"""TFD_TIMER_ABSTIME."""
_NANOSECONDS: Final = 1_000_000_000


class Alarm(Protocol):
    """Calls something once, at a time; another time takes the place of the one before."""

    @property
    def real(self) -> bool:
        """Whether its time is that of the world, in which each call costs something."""

    def now(self) -> float:
        """The clock, in seconds."""

    def set(self, when: float, call: Callable[[], None]) -> None:
        """Have ``call`` called at ``when``."""


class LoopAlarm:
    """The timer of an event loop. It does not keep the loop alive."""

    real = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: asyncio.AbstractEventLoop = weakref.proxy(loop)
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The time of the loop."""
        return self._loop.time()

    def set(self, when: float, call: Callable[[], None]) -> None:
        """Have ``call`` called at ``when``."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._ring, call)

    def _ring(self, call: Callable[[], None]) -> None:
        self._timer = None
        call()


class VirtualAlarm:
    """The alarm of a loop in virtual time: exact, and without a timer of its own for each time that it is set.

    It is in the loop's heap at some times, the earliest of which is no later than the one that it is set for. Where it
    rings too early, it is set anew.
    """

    __slots__ = ("_call", "_loop", "_times", "_when")
    real = False

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop: VirtualLoop = weakref.proxy(loop)
        self._times: list[float] = []
        """When it will ring, the earliest last."""
        self._when = inf
        self._call: Callable[[], None] = _nothing

    def now(self) -> float:
        """The time of the loop."""
        return self._loop.time()

    def set(self, when: float, call: Callable[[], None]) -> None:
        """Have ``call`` called at ``when``."""
        self._when, self._call = when, call
        times = self._times
        if not times or when < times[-1]:
            times.append(when)
            self._loop.ring(when, self)

    def cancelled(self) -> bool:
        """It never is, for the loop."""
        return False

    def _run(self) -> None:
        """One of its times has come."""
        self._times.pop()
        when, call = self._when, self._call
        if when > self._loop.time():
            if when < inf:
                self.set(when, call)
            return
        self._when, self._call = inf, _nothing
        call()


class _Spec(ctypes.Structure):
    """struct itimerspec: interval, then first expiry, each in seconds and nanoseconds."""

    _fields_ = [
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    ]


class FileAlarm:
    """A timer of the kernel in an event loop, by the monotonic clock.

    Raises:
        OSError: the kernel has none to give.
    """

    real = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._spec = _Spec(0, 0, 0, 0)
        self._reference = ctypes.byref(self._spec)
        self._file = libc.timerfd_create(CLOCK_MONOTONIC, NONBLOCK_CLOEXEC)
        if self._file < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._call: Callable[[], None] = _nothing
        loop.add_reader(self._file, self._ring)
        weakref.finalize(loop, os.close, self._file)

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()

    def set(self, when: float, call: Callable[[], None]) -> None:
        """Have ``call`` called at ``when``."""
        self._call = call
        # A time of 0 would stop the timer.
        nanoseconds = max(1, int(when * _NANOSECONDS))
        spec = self._spec
        spec.value_s, spec.value_ns = divmod(nanoseconds, _NANOSECONDS)
        self._settime(self._file, ABSOLUTE, self._reference, None)

    def _ring(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:
            return  # it was set anew since it rang
        call, self._call = self._call, _nothing
        call()


def alarm_of(loop: asyncio.AbstractEventLoop) -> Alarm:
    """The finest timer that a loop can have: its own in virtual time, and where the kernel has none."""
    if isinstance(loop, VirtualLoop):
        return VirtualAlarm(loop)
    try:
        return FileAlarm(loop)
    except (OSError, AttributeError):
        return LoopAlarm(loop)


def _nothing() -> None:
    """Nobody waits."""
