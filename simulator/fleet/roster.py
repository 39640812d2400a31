"""A slice of a fleet that is given device by device: who starts, who leaves, and who has left."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from simulator.fleet.runner import FleetRunner

log = logging.getLogger(__name__)


class Roster:
    """Which devices of a plan run in this process, as somebody else decides while the run goes on.

    Args:
        runner: runs them.
        now: seconds since the start of the run.
        left: told of each device that has left, once for each that was asked to.
    """

    def __init__(self, runner: FleetRunner, now: Callable[[], float], left: Callable[[int], None]) -> None:
        self._runner = runner
        self._now = now
        self._left = left
        self._starting: dict[int, tuple[asyncio.Task[None], float]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def missed_starts(self) -> int:
        """Devices that were due by now and have not been started."""
        now = self._now()
        return sum(1 for _, due in self._starting.values() if due <= now)

    def start(self, devices: Iterable[tuple[int, float]]) -> None:
        """Have devices started, each at its time in seconds since the start of the run."""
        for k, due in devices:
            if k in self._starting:
                continue
            task = asyncio.get_running_loop().create_task(self._start(k, due))
            self._starting[k] = task, due

    async def _start(self, k: int, due: float) -> None:
        try:
            await self._runner.start(k, due)
        except (IndexError, ValueError) as error:
            log.error("a device was not started: %s", error)
        finally:
            self._starting.pop(k, None)

    def leave(self, devices: Iterable[int], within_s: float) -> None:
        """Have devices De-register and switched off; an update that is under way has ``within_s`` to end."""
        for k in devices:
            starting = self._starting.get(k)
            if starting is not None:
                starting[0].cancel()
            task = asyncio.get_running_loop().create_task(self._leave(k, within_s))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _leave(self, k: int, within_s: float) -> None:
        await self._runner.leave(k, within_s)
        self._left(k)

    async def close(self) -> None:
        """Start nobody any more, and wait for nobody who is leaving."""
        tasks = [*self._leaving, *(task for task, _ in self._starting.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
