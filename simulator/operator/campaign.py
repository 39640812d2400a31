"""The campaign: who is updated, how many at once, when Update is executed - and what the server says meanwhile.

The campaign listens to the server's events, observes State and Update Result of each device again after each Register
(observations end with a registration), and runs one Update per device.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.events import CUT_SHORT, FaultApplied, ServerReported, ServerSaw
from simulator.operator.driver import Deregistered, Misbehaved, Notified, NotifyFailed, Registered, Updated
from simulator.operator.requests import observe
from simulator.operator.update import Order, Update
from simulator.operator.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.operator.driver import ServerEvent
    from simulator.operator.requests import Console

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A device of the campaign."""

    device: int
    endpoint: str
    order: Order | None
    """None for a device that is only watched."""
    security: str = ""
    """How it shows who it is: ``psk``, ``x509``, or not at all."""
    psk_file: str = ""
    """File with its pre-shared key; by default the key comes from the seed of the run."""


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
    """``downloaded``: at once; ``all-downloaded``: when no device is downloading any more; ``delay``; ``never``."""
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
    """Runs the updates of all targets through one server driver.

    Args:
        console: what the updates work with.
        tactics: how to proceed.
        targets: all devices, in the order in which they are updated; those without an order are watched.
    """

    def __init__(self, console: Console, tactics: Tactics, targets: Sequence[Target]) -> None:
        self.console = console
        self.tactics = tactics
        self.watches = {target.endpoint: Watch(target.device, target.endpoint) for target in targets}
        self.updates = [
            Update(console, self.watches[target.endpoint], target.order, self._judged)
            for target in targets
            if target.order is not None
        ]
        self.progress = Progress(targets=len(self.updates))
        self._slots = asyncio.Semaphore(tactics.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._downloading = set(self.updates)
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
        elif isinstance(event, Misbehaved):
            emit(FaultApplied(now, watch.device, event.act, "server", event.detail))
        elif isinstance(event, NotifyFailed):
            log.info("observation of %s at %s ended: %s", event.path, event.endpoint, event.detail)

    def _on_registered(self, watch: Watch, now: float) -> None:
        if watch.registrations == 0:
            self.progress.registered += 1
            if self.progress.registered == len(self.watches):
                self._all_registered.set()
        watch.registered(now)
        task = asyncio.get_running_loop().create_task(observe(self.console, watch))
        self._tasks.add(task)
        task.add_done_callback(self._observed)

    def _observed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a device could not be observed", exc_info=task.exception())

    # -- the updates -----------------------------------------------------------------------------------------------

    async def run(self, begin: float | None = None) -> None:
        """Update every target; returns when each is judged.

        Args:
            begin: when the campaign began, in seconds since the start of the run; now by default.
        """
        self._begun = self.console.now() if begin is None else begin
        async with asyncio.TaskGroup() as group:
            for update in self.updates:
                group.create_task(self._run_one(update))

    async def close(self) -> None:
        """Judge what is still open as unknown, and observe no more."""
        for update in self.updates:
            update.give_up(CUT_SHORT)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_one(self, update: Update) -> None:
        try:
            update.due = await self._started(update.watch)
            if update.watch.registrations:
                await self._run_update(update)
            else:
                update.give_up("the device never appeared at the server")
        except Exception as error:
            # One update that fails in a way that none should must not take the others with it.
            log.exception("the update of %s failed", update.watch.endpoint)
            update.give_up(f"the operator failed: {type(error).__name__}: {error}")
        finally:
            update.give_up(CUT_SHORT)
            self._download_over(update)

    async def _run_update(self, update: Update) -> None:
        together = self.tactics.execute == "all-downloaded"
        async with self._slots:
            await self._keep_rate()
            self.progress.started += 1
            if not await update.deliver():
                return
            self.progress.downloaded += 1
            if self.tactics.execute == "never":
                await update.leave()
                return
            if not together:
                update.watch.leave_at += self.tactics.execute_delay_s
                await asyncio.sleep(self.tactics.execute_delay_s)
                await update.execute()
                return
        # The slot is free while this one waits, or the others could never download.
        self._download_over(update)
        await self._all_downloaded.wait()
        async with self._slots:
            update.watch.leave_at = self.console.now() + self.console.patience.update_s
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
                missing = len(self.watches) - self.progress.registered
                log.info("%s starts, though %d devices have not registered", watch.endpoint, missing)
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

    def _download_over(self, update: Update) -> None:
        self._downloading.discard(update)
        if not self._downloading:
            self._all_downloaded.set()

    def _judged(self, outcome: str) -> None:
        setattr(self.progress, outcome, getattr(self.progress, outcome) + 1)
