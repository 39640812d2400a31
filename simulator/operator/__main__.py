"""The operator process: starts or reaches the server under test, then runs the campaign on command.

    python -m simulator.operator RUN_DIRECTORY T0

Commands on standard input: ``{"do": "campaign"}`` and ``{"do": "stop"}``. It tells ``ready`` with the URI to register
at, ``status`` while it works, the ``updates`` that were judged since the last time (device, outcome, when it was due,
when it ended, State, Update Result, and why it is not ok), and ``done`` when every update is.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.events import HealthSampled, UpdateEnded
from simulator.operator.campaign import Campaign
from simulator.operator.driver import DriverError
from simulator.operator.drivers import driver_for
from simulator.operator.job import Job
from simulator.operator.provision import provision, secrets_of
from simulator.operator.requests import Console
from simulator.recorder.pipes import EXIT_ENVIRONMENT
from simulator.recorder.process import RunProcess
from simulator.transport.loop import run

if TYPE_CHECKING:
    from simulator.events import Event
    from simulator.operator.driver import Driver, ServerAddress

JOB: Final = "operator.json"
SERVER_SAMPLE_S: Final = 1.0
TELL_EVERY_S: Final = 0.5
"""How often the updates that were judged meanwhile are told."""


async def operate(directory: Path, t0: float) -> int:
    """Run the operator; the exit code of its process."""
    process = RunProcess(directory, "operator", t0)
    await process.start()
    job = Job.read(directory / JOB)
    driver = driver_for(job.server, lambda text: process.tell(progress=text))
    judged = Judged(process)
    console = Console(driver, judged, process.now, asyncio.Semaphore(driver.max_in_flight), job.patience)
    campaign = Campaign(console, job.tactics, job.targets)
    try:
        address = await _start(process, driver, campaign, job)
        if address is None:
            return EXIT_ENVIRONMENT
        process.status = lambda: asdict(campaign.progress)
        process.watch(watch_server(process, driver))
        process.watch(judged.tell_on())
        process.tell(ready=True, coap=address.coap, server=address.server, uris=dict(address.uris))
        await _follow_commands(process, campaign, driver)
    finally:
        await campaign.close()
        judged.tell()
        process.tell(server_usage=await _usage(driver))
        await driver.stop()
        await process.close()
    return 0


async def _start(process: RunProcess, driver: Driver, campaign: Campaign, job: Job) -> ServerAddress | None:
    """Start the server under test, and let it know the devices; None where that fails, or is no longer wanted."""
    starting = asyncio.ensure_future(_started(process, driver, campaign, job))
    stopped = asyncio.ensure_future(process.stopping.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return None
    try:
        return starting.result()
    except DriverError as error:
        process.tell(failed=str(error))
        return None


async def _started(process: RunProcess, driver: Driver, campaign: Campaign, job: Job) -> ServerAddress:
    secrets = secrets_of(job)
    address = await driver.start(campaign.on_event)
    await provision(driver, secrets, lambda text: process.tell(progress=text))
    return address


async def _follow_commands(process: RunProcess, campaign: Campaign, driver: Driver) -> None:
    work: asyncio.Task[None] | None = None
    gone = asyncio.ensure_future(driver.closed())
    gone.add_done_callback(lambda _: _server_gone(process, gone))
    try:
        while (command := await process.command()) is not None:
            if command.get("do") == "campaign" and work is None:
                work = asyncio.ensure_future(campaign.run(command.get("at")))
                work.add_done_callback(lambda task: _campaign_over(process, task))
    finally:
        tasks = [task for task in (gone, work) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _server_gone(process: RunProcess, gone: asyncio.Future[str]) -> None:
    if not gone.cancelled():
        reason = gone.exception() or gone.result()
        process.tell(failed=f"the server under test is gone: {reason}")
        process.stopping.set()


def _campaign_over(process: RunProcess, task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is None:
        process.tell(done=True)
    else:
        logging.getLogger(__name__).error("the campaign failed", exc_info=error)
        process.tell(failed=f"the campaign failed: {type(error).__name__}: {error}")


class Judged:
    """An event sink in front of that of a process, which also tells of the updates that were judged."""

    def __init__(self, process: RunProcess) -> None:
        self._process = process
        self._new: list[list[object]] = []

    def emit(self, event: Event) -> None:
        """Record an event."""
        self._process.emit(event)
        if isinstance(event, UpdateEnded):
            due = event.due if event.due >= 0 else event.t
            self._new.append([event.device, event.outcome, due, event.t, event.state, event.result, event.reason])

    def tell(self) -> None:
        """Tell what is new."""
        if self._new:
            self._process.tell(updates=self._new)
            self._new = []

    async def tell_on(self) -> None:
        """Tell what is new, again and again."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()


async def watch_server(process: RunProcess, driver: Driver) -> None:
    """Record once a second what the server under test uses, where it can tell."""
    while True:
        await asyncio.sleep(SERVER_SAMPLE_S)
        used = await _usage(driver)
        if used["cpu_s"] < 0:
            continue
        rss = int(used["rss_bytes"])
        # Its event loop is not ours to measure: the columns of a generator stay 0.
        process.emit(HealthSampled(process.now(), "server", used["cpu_s"], rss, 0.0, 0, 0, 0, 0))


async def _usage(driver: Driver) -> dict[str, float]:
    try:
        used = await driver.usage()
    except DriverError:
        return {"cpu_s": -1.0, "rss_bytes": -1}
    return {"cpu_s": used.cpu_s, "rss_bytes": used.rss_bytes}


def main(arguments: list[str]) -> int:
    """Entry point of ``python -m simulator.operator``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return run(operate(Path(arguments[0]), float(arguments[1])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
