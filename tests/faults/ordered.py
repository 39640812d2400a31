"""One device with injected faults in virtual time, updated by the operator itself: what it orders, sees and judges."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from simulator.cli.packages import Packages
from simulator.cli.targets import order_of
from simulator.events import EventLog, FaultApplied, UpdateEnded
from simulator.faults.registry import FAULTS
from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.operator.campaign import Campaign, Tactics, Target
from simulator.operator.local import LocalDriver
from simulator.operator.requests import Console, Patience
from simulator.scenario.ends import declared_end as scenario_end
from simulator.scenario.faults import Carrier
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import ENDPOINT, ORIGINS, PACKAGE, PACKAGES, _Run

CELL = NetworkProfile("cell", delay_s=0.05, rate_bps=200_000)
"""A package takes about a second, so that what happens in the middle comes in the middle."""
TACTICS = Tactics("registered", 0.0, 1, "downloaded", 0.0, 0.0, 60.0)
PATIENCE = Patience(update_s=3600.0, request_s=600.0, poll_s=60.0)


class Files(Packages):
    """The packages under the names that the origins of the rig have for them."""

    def file(self, order: str) -> Path:
        return Path(order if order in PACKAGES else "good")


FILES = Files(Path(), len(PACKAGE), "2.0")
CONTENTS = {Path(name): body for name, body in PACKAGES.items()} | {FILES.nul(): b"\0"}


@dataclass
class Judged:
    """How an update ended in the eyes of the operator."""

    verdict: UpdateEnded
    struck: list[FaultApplied]
    """What struck and what was over, in order."""
    log: EventLog
    ended_at: float
    device: object


def declared_end(kind, settings, parameters):
    """State and Update Result that a scenario would declare."""
    return scenario_end(kind, Carrier.of(settings), kind.complete(parameters)) or (0, 1)


class OrderedRun(_Run):
    """A run that the operator drives."""

    async def judged(self, order) -> Judged:
        await self.serve()
        driver = LocalDriver(self.server, CONTENTS)
        self.server._on_event = driver.happened
        console = Console(driver, self.log, self.clock.now, asyncio.Semaphore(100), PATIENCE)
        campaign = Campaign(console, TACTICS, [Target(0, ENDPOINT, order)])
        await driver.start(campaign.on_event)
        await self.device.power_on(0.0)
        await campaign.run()
        await campaign.close()
        ended_at = self.clock.now()
        self.device.cut_off()
        self.transports.close()
        for listener in self.listeners:
            listener.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(1)
        assert self.broken == []
        [verdict] = [event for event in self.log.events if isinstance(event, UpdateEnded)]
        struck = [event for event in self.log.events if isinstance(event, FaultApplied)]
        return Judged(verdict, struck, self.log, ended_at, self.device)


def judged(
    delivery: str, name: str = "", *, profile: NetworkProfile = IDEAL, seed: int = 1, settings=None, **parameters
) -> Judged:
    """Update one device with one fault, as a campaign does.

    Args:
        delivery: ``pull`` or ``push``.
        name: of the kind of fault; empty for none.
        profile: the access network.
        seed: of all chance.
        settings: of the device.
        parameters: of the fault.
    """
    given = {"delivery": delivery, **(settings or {})}
    faults = [SimpleNamespace(kind=name, parameters=FAULTS[name].complete(parameters))] if name else []

    async def work():
        run = OrderedRun(faults, seed, profile, given, None)
        plan = run.device.plan
        plan.faults = faults
        plan.expected_state, plan.expected_result = declared_end(FAULTS[name], given, parameters) if name else (0, 1)
        origins = {scheme: f"{scheme}://{place}" for scheme, place in ORIGINS.items()}
        return await run.judged(order_of(plan, FILES, origins))

    return run_virtual(work())
