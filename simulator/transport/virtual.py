"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

A week of a sleepy network passes in the time that its callbacks take to run, and nothing outside the program has a say
in the order of things: the same program and the same seed give the same history.
"""

from __future__ import annotations

import asyncio
import heapq
import socket
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TASKS_NAMED: Final = 5
"""How many waiting tasks the text of a ``DeadlockError`` names."""
CANCELLED_MIN: Final = 64
"""Cancelled timers that stay in the heap before it is looked at whether it is worth to be cleared of them."""


class Due(Protocol):
    """What a loop calls at its time: a timer, or something that rings again and again (``VirtualLoop.ring``)."""

    def cancelled(self) -> bool:
        """Whether it is not to be called any more."""

    def _run(self) -> None:
        """Call it."""


class DeadlockError(RuntimeError):
    """Nothing is ready and no timer is set, so that nothing would ever happen again."""


class VirtualLoop(base_events.BaseEventLoop):
    """An asyncio event loop whose ``time`` starts at 0 and passes only where nothing is left to do.

    It has no sockets, threads, processes or signals. Callbacks run in the order of their times, those of one time in
    the order in which they were scheduled.

    Raises:
        DeadlockError: (out of ``run_forever`` and ``run_until_complete``) nothing is ready, and no timer is set.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        self._timers: list[tuple[float, int, Due]] = []
        """A heap of tuples, which are compared in C; the standard loop compares its handles in Python."""
        self._count = self._cancelled = 0

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call ``callback(*args)`` at ``when``, in a later turn.

        Raises:
            RuntimeError: the loop is closed.
        """
        self._check_closed()  # type: ignore[attr-defined]  # of the standard library's base class
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self.ring(when, timer)
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001  or nobody is told that it was cancelled
        return timer

    def ring(self, when: float, due: Due) -> None:
        """Have something called at ``when``, that may be there more than once: without a timer for each time."""
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, due))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:  # noqa: ARG002
        """Called by a timer: what is cancelled is cleared away when it is the greater part."""
        self._cancelled += 1
        if self._cancelled > CANCELLED_MIN and 2 * self._cancelled > len(self._timers):
            self._cancelled = 0
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        """Those that are set, in the order of their times."""
        found = [due for _, _, due in sorted(self._timers) if isinstance(due, asyncio.TimerHandle)]
        return [timer for timer in found if not timer.cancelled()]

    def _run_once(self) -> None:
        """One turn: what is ready, or what is next to come; what that makes ready waits for the next turn."""
        ready: deque[Due] = self._ready  # type: ignore[attr-defined]  # of the base class, too
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            self._jump()
        timers = self._timers
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001  as the standard loop does

    def _jump(self) -> None:
        """Let the time pass until the next timer."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled = max(0, self._cancelled - 1)
        if not timers:
            raise DeadlockError(self.waiting())
        self._now = max(self._now, timers[0][0])

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

    def _write_to_self(self) -> None:
        """Called to wake a loop that waits; this one never does."""


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a ``VirtualLoop`` of its own, as ``asyncio.run`` does.

    Raises:
        DeadlockError: it waits for something that nothing will bring about.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
