"""The campaign: who is updated, how many at once, when Update is executed - and what the server says meanwhile.

The campaign listens to the server's events, observes State and Update Result of each device again after each Register
(observations end with a registration), and runs one Update per device.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.events import ServerReported, ServerSaw
from simulator.operator.driver import Deregistered, Notified, NotifyFailed, Registered, Updated
from simulator.operator.update import Console, Order, Update, observe
from simulator.operator.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from simulator.events import UpdateEnded
    from simulator.operator.driver import ServerEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A device of the campaign."""

    device: int
    endpoint: str
    order: Order | None
    """None for a device that is only watched."""


@dataclass(frozen=True, slots=True)
class Tactics:
    """How the campaign proceeds."""

    start: str
    """``registered``: each device when it has registered; ``all-registered``; or ``after``: ``start_after_s`` after the
    beginning."""
    start_after_s: float
    concurrency: int
    """Updates at once."""
    execute: str
    """``downloaded``: at once; ``all-downloaded``: when no device is downloading any more; ``delay``."""
    execute_delay_s: float
    rate: float
    """Updates begun per second at most; 0 for no limit."""
    registration_timeout_s: float
    """How long a device may take to appear at the server."""


@dataclass(slots=True)
class Progress:
    """Counts for whoever looks on."""

    targets: int = 0
    registered: int = 0
    started: int = 0
    downloaded: int = 0
    ok: int = 0
    fail: int = 0
    unknown: int = 0

    @property
    def ended(self) -> int:
        """Updates that are judged."""
        return self.ok + self.fail + self.unknown


class Campaign:
    """Runs the updates of all targets through one server driver."""

    def __init__(self, console: Console, tactics: Tactics, targets: Sequence[Target]) -> None:
        self.console = console
        self.tactics = tactics
        self.targets = [t for t in targets if t.order is not None]
        self.watches = {t.endpoint: Watch(t.device, t.endpoint) for t in targets}
        self.progress = Progress(targets=len(self.targets))
        self._slots = asyncio.Semaphore(tactics.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._downloading = len(self.targets)
        self._all_downloaded = asyncio.Event()
        self._all_registered = asyncio.Event()
        self._next_start = 0.0
        self._begun = 0.0

    # -- what the server tells -------------------------------------------------------------------------------------

    def on_event(self, event: ServerEvent) -> None:
        """Take one event of the server driver."""
        watch = self.watches.get(event.endpoint)
        if watch is None:
            return
        now, emit = self.console.now(), self.console.sink.emit
        if isinstance(event, Notified):
            emit(ServerReported(now, watch.device, event.path, event.value, "notify"))
            watch.reported(event.path, event.value)
        elif isinstance(event, Registered):
            emit(ServerSaw(now, watch.device, "registered", "replaced" if event.replaces else ""))
            self._on_registered(watch, now)
        elif isinstance(event, Updated):
            emit(ServerSaw(now, watch.device, "updated", ""))
        elif isinstance(event, Deregistered):
            emit(ServerSaw(now, watch.device, "deregistered", event.cause))
        elif isinstance(event, NotifyFailed):
            log.info("observation of %s at %s ended: %s", event.path, event.endpoint, event.detail)

    def _on_registered(self, watch: Watch, now: float) -> None:
        if watch.registrations == 0:
            self.progress.registered += 1
            if self.progress.registered == len(self.watches):
                self._all_registered.set()
        watch.registered(now)
        self._spawn(observe(self.console, watch))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the campaign failed", exc_info=task.exception())

    # -- the updates -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Update every target; returns when each is judged."""
        self._begun = self.console.now()
        try:
            await asyncio.gather(*(self._run_one(target) for target in self.targets))
        finally:
            for task in list(self._tasks):
                task.cancel()

    async def _run_one(self, target: Target) -> None:
        watch, order = self.watches[target.endpoint], target.order
        assert order is not None
        update = Update(self.console, watch, order, self.console.now())
        try:
            update.due = await self._started(watch)
            if watch.registrations:
                await self._run_update(update)
            else:
                update.give_up("the device never appeared at the server")
                self._downloading_ended()
        except asyncio.CancelledError:
            update.give_up("the run was cut short")
            raise
        finally:
            self._count(update.verdict)

    async def _run_update(self, update: Update) -> None:
        async with self._slots:
            await self._keep_rate()
            self.progress.started += 1
            ready = await update.deliver()
            self._downloading_ended()
            if ready:
                self.progress.downloaded += 1
            if ready and self.tactics.execute != "all-downloaded":
                await asyncio.sleep(self.tactics.execute_delay_s)
                await update.execute()
        if ready and self.tactics.execute == "all-downloaded":
            await self._all_downloaded.wait()
            async with self._slots:
                update.end = self.console.now() + self.console.patience.update_s
                await update.execute()

    async def _started(self, watch: Watch) -> float:
        """Wait for the moment at which this update is due, and give it."""
        tactics = self.tactics
        if tactics.start == "after":
            await asyncio.sleep(max(0.0, self._begun + tactics.start_after_s - self.console.now()))
        await watch.until(lambda w: w.registrations > 0, tactics.registration_timeout_s)
        if tactics.start == "all-registered":
            left = max(0.0, self._begun + tactics.registration_timeout_s - self.console.now())
            try:
                await asyncio.wait_for(self._all_registered.wait(), left)
            except TimeoutError:
                log.info("not all devices have registered; the campaign starts without them")
            return self.console.now()
        return max(watch.registered_at, self._begun + tactics.start_after_s)

    async def _keep_rate(self) -> None:
        if self.tactics.rate <= 0:
            return
        now = self.console.now()
        at = max(now, self._next_start)
        self._next_start = at + 1 / self.tactics.rate
        if at > now:
            await asyncio.sleep(at - now)

    def _downloading_ended(self) -> None:
        self._downloading -= 1
        if self._downloading == 0:
            self._all_downloaded.set()

    def _count(self, verdict: UpdateEnded | None) -> None:
        if verdict is not None:
            setattr(self.progress, verdict.outcome, getattr(self.progress, verdict.outcome) + 1)
