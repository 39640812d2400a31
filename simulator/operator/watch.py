"""What the operator knows of one device: only what the server under test told it."""

from __future__ import annotations

import asyncio
import re
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.operator.driver import Answer, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STATE: Final = "/5/0/3"
RESULT: Final = "/5/0/5"
VERSION: Final = "/3/0/3"

UNKNOWN: Final = -1

NUMBER: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)
"""What is taken for a State or an Update Result; a longer number is none, and would not fit a column either."""


class Watch:
    """One device in the server's view.

    Notifications may be merged, lost or delivered out of order, so besides the newest value the states seen since the
    last ``mark`` are kept: a stage is over when its state was seen, whatever came after it.
    """

    __slots__ = (
        "_asked",
        "_waiters",
        "device",
        "endpoint",
        "leave_at",
        "observed",
        "registered_at",
        "registrations",
        "result",
        "seen",
        "state",
        "told",
        "version",
    )

    def __init__(self, device: int, endpoint: str) -> None:
        self.device = device
        self.endpoint = endpoint
        self.state = UNKNOWN
        self.result = UNKNOWN
        self.version = ""
        self.registrations = 0
        self.registered_at = 0.0
        self.observed = 0
        """The registration (counted from 1) for which State and Update Result are observed."""
        self.leave_at = inf
        """When the operator stops looking at its update."""
        self.seen: set[tuple[str, int]] = set()
        self.told: dict[str, list[int]] | None = None
        """The values of State and Update Result in the order in which they were told, a value that is told again left
        out; None until somebody wants them kept."""
        self._waiters: list[asyncio.Future[None]] = []
        self._asked: asyncio.Future[Answer] | None = None

    def mark(self) -> None:
        """Begin a new stage: what was seen so far counts no more."""
        self.seen.clear()

    def registered(self, now: float) -> None:
        """The server has a new registration of this device."""
        self.registrations += 1
        self.registered_at = now
        if self._asked is not None:
            self._asked.cancel()
        self.wake()

    def is_observed(self, registration: int) -> None:
        """The observations of this registration stand, or could not be had."""
        self.observed = max(self.observed, registration)
        self.wake()

    async def until_observed(self, timeout_s: float) -> bool:
        """Wait until State and Update Result of the newest registration are observed, or could not be had."""
        return await self.until(lambda watch: watch.observed >= watch.registrations, timeout_s)

    def reported(self, path: str, value: str) -> None:
        """The server told a value; what is no number is no State and no Update Result."""
        if path == VERSION:
            self.version = value
        elif NUMBER.fullmatch(value):
            number = int(value)
            if path == STATE:
                self.state = number
            elif path == RESULT:
                self.result = number
            self.seen.add((path, number))
            if self.told is not None:
                self._keep(path, number)
        self.wake()

    def _keep(self, path: str, number: int) -> None:
        assert self.told is not None
        values = self.told.setdefault(path, [])
        if not values or values[-1] != number:
            values.append(number)

    async def while_registered(self, request: Awaitable[Answer]) -> Answer:
        """The answer to a request that changes nothing, unless the device registers anew meanwhile.

        A request that meets a device while it restarts finds nobody, and its time-out is long.

        Raises:
            NoAnswerError: the device registered anew.
            DriverError: as the request raises it.
        """
        asked = self._asked = asyncio.ensure_future(request)
        try:
            await asyncio.wait({asked})
        finally:
            self._asked = None
            asked.cancel()
        if asked.cancelled():
            raise NoAnswerError("the device registered anew before it had answered")
        return asked.result()

    def wake(self) -> None:
        """Have everybody look who waits for something."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, reached: Callable[[Watch], bool], timeout_s: float) -> bool:
        """Wait until ``reached`` holds, at most ``timeout_s`` seconds; whether it does."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while not reached(self):
            left = end - loop.time()
            if left <= 0:
                return False
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append(waiter)
            timer = loop.call_at(end, self.wake)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiters.remove(waiter)
        return True
