"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

A week of a sleepy network passes in the time that its callbacks take to run, and nothing outside the program has a say
in the order of things: the same program and the same seed give the same history.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import base_events
from collections.abc import Callable, Coroutine
from math import ulp
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

TASKS_NAMED: Final = 5
"""How many waiting tasks the text of a ``DeadlockError`` names."""


class DeadlockError(RuntimeError):
    """Nothing is ready and no timer is set, so that nothing would ever happen again."""


class _Selector:
    """Where the standard loop would wait for sockets, time passes at once."""

    __slots__ = ("_loop",)

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[NoReturn]:
        """Let the time pass until the next timer; no socket is ever ready."""
        if timeout is None:
            raise DeadlockError(self._loop.waiting())
        if timeout > 0:
            self._loop.jump()
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """An asyncio event loop whose ``time`` starts at 0 and passes only where nothing is left to do.

    It has no sockets, threads, processes or signals. Callbacks run in the order of their times; those of one time run
    in an order that is the same in every run, but not always the one in which they were scheduled.

    Raises:
        DeadlockError: (out of ``run_forever`` and ``run_until_complete``) nothing is ready, and no timer is set.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        self._selector = _Selector(self)
        self._clock_resolution = ulp(0.0)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def jump(self) -> None:
        """Go to the time of the next timer."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        self._now = timers[0].when()
        # The loop runs what is due before time + resolution. A fixed resolution would be lost in the rounding of
        # large times, and the loop would turn for ever; this one is always the next number.
        self._clock_resolution = ulp(self._now)

    def waiting(self) -> str:
        """What a deadlock is told with: the time, and the tasks that wait for ever."""
        tasks = sorted((t for t in asyncio.all_tasks(self) if not t.done()), key=asyncio.Task.get_name)
        named = [f"{t.get_name()} ({getattr(t.get_coro(), '__qualname__', '?')})" for t in tasks[:TASKS_NAMED]]
        more = [f"{len(tasks) - TASKS_NAMED} more"] if len(tasks) > TASKS_NAMED else []
        who = ", ".join(named + more) or "no task"
        return f"nothing is left to happen at {self._now:g} s, but this waits: {who}"

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """There are no threads in virtual time.

        Raises:
            NotImplementedError: always.
        """
        msg = f"no threads in virtual time: {getattr(func, '__qualname__', func)!s} would take real time"
        raise NotImplementedError(msg)

    async def getaddrinfo(self, host: Any, port: Any, **hints: int) -> list[Any]:
        """Addresses are understood, names are not: nobody is asked.

        Raises:
            socket.gaierror: ``host`` is no address.
        """
        flags = hints.pop("flags", 0) | socket.AI_NUMERICHOST
        return socket.getaddrinfo(host, port, flags=flags, **hints)

    def _process_events(self, event_list: list[NoReturn]) -> None:
        """Called with what ``select`` gave."""

    def _write_to_self(self) -> None:
        """Called to wake a loop that waits; this one never does."""


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a ``VirtualLoop`` of its own, as ``asyncio.run`` does.

    Raises:
        DeadlockError: it waits for something that nothing will bring about.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
