"""A whole run in virtual time: devices, server, package origin and operator in one process, packets in memory."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from simulator.cli.targets import version_of
from simulator.events import EventLog
from simulator.faults.registry import FAULTS
from simulator.firmware import generate
from simulator.fleet.population import Population
from simulator.fleet.runner import FleetRunner
from simulator.network.profiles import NetworkProfile
from simulator.operator.campaign import Campaign, Tactics, Target
from simulator.operator.local import LocalDriver
from simulator.operator.requests import Console, Patience
from simulator.operator.update import Order
from simulator.ports import Address
from simulator.scenario import Scenario, chaos_of
from simulator.servers.embedded.chaos import server_with
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import VirtualLoop

SERVER = Address("192.0.2.1", 5683)
ORIGIN = Address("192.0.2.2", 5683)
PACKAGE = Path("good.bin")


@dataclass
class Outcome:
    log: EventLog
    devices: list
    waiting: int
    """Exchanges that still wait for an answer after everything was switched off."""
    deadlines: int
    ended_at: float
    counts: object
    reboots: int
    errors: list[str] = field(default_factory=list)


def simulate(
    scenario: Scenario, seed: int, profile: NetworkProfile, *, reboots: int = 0, chance: int | None = None
) -> Outcome:
    """Run a scenario to its end; ``reboots`` devices lose power at a random moment.

    With another ``chance`` the same devices have other luck: on the network, and in what their peers draw.
    """
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(_run(loop, scenario, seed, profile, reboots, seed if chance is None else chance))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _run(loop, scenario, seed, profile, reboots, luck):
    log, clock = EventLog(), LoopClock(loop)
    chance = random.Random(luck)
    backbone = MemoryNetwork(loop, random.Random(chance.random()))
    deadlines = Deadlines(loop, clock.now)
    population = Population(scenario, seed)
    package = generate(int(scenario.firmware.size), scenario.firmware.model, scenario.firmware.version, seed)

    driver: LocalDriver
    server = server_with(
        chaos_of(scenario.server, seed),
        clock.now,
        lambda happened: driver.happened(happened),
        lambda act: driver.misbehaved(act),
        loop.call_later,
    )
    driver = LocalDriver(server, {PACKAGE: package})
    server.peers = PeerTable(clock.now, random.Random(chance.random()), server, deadlines.arm)
    receiver, behind = server.wire(server.peers)
    server.peers.attach(behind(await backbone.bind_datagram(SERVER, receiver)))
    origin = PeerTable(clock.now, random.Random(chance.random()), PackageOrigin({"good.bin": package}), deadlines.arm)
    origin.attach(await backbone.bind_datagram(ORIGIN, origin))

    wanted = scenario.campaign
    patience = Patience(wanted.timeout, wanted.request_timeout, poll_s=20.0, retries=wanted.retries)
    console = Console(driver, log, clock.now, asyncio.Semaphore(driver.max_in_flight), patience)
    plans = [population.device(k) for k in range(len(population))]
    campaign = Campaign(
        console,
        _tactics(scenario),
        [_target(plan, scenario.groups[plan.group].push_format, scenario.firmware.version) for plan in plans],
    )
    await driver.start(campaign.on_event)

    runner = FleetRunner(
        population,
        (0, 1),
        network=backbone.behind(profile),
        servers={"coap": SERVER},
        clock=clock,
        deadlines=deadlines,
        sink=log,
        unix_start=1_700_000_000,
        package_size=len(package),
    )
    starting = loop.create_task(runner.run(0.0))
    cuts = loop.create_task(_cut_power(runner, clock, chance, reboots, len(population)))
    await campaign.run()
    await starting
    cuts.cancel()
    endpoints = [device.endpoint for device in runner.devices if device.link is not None]
    await runner.stop()
    server.peers.close()
    origin.close()
    waiting = sum(1 for endpoint in endpoints if endpoint.deadline < inf)
    done = cuts.result() if cuts.done() and not cuts.cancelled() else reboots
    return Outcome(log, runner.devices, waiting, len(deadlines), clock.now(), backbone.counts, done)


async def _cut_power(runner, clock, chance, reboots, devices) -> int:
    """Cut the power of a device now and then, whatever it is doing."""
    for done in range(reboots):
        await clock.sleep(chance.uniform(0.05, 1.0))
        if not runner.devices:
            continue
        device = runner.devices[chance.randrange(len(runner.devices))]
        if device.on and device.link is not None:
            runner.spawn(device.reboot())
        if done >= reboots:
            return done
    return reboots


def _tactics(scenario: Scenario) -> Tactics:
    campaign = scenario.campaign
    return Tactics(
        start=campaign.start.event,
        start_after_s=campaign.start.seconds,
        concurrency=campaign.concurrency,
        execute=campaign.execute.event,
        execute_delay_s=campaign.execute.seconds,
        rate=campaign.rate or 0.0,
        registration_timeout_s=600.0,
    )


def _target(plan, form, version) -> Target:
    if not plan.delivery:
        return Target(plan.index, plan.endpoint, None)
    orders = [FAULTS[fault.kind].order for fault in plan.faults if FAULTS[fault.kind].seam == "order"]
    name = {"not-found": "nothing.bin"}.get(orders[0] if orders else "", "good.bin")
    order = Order(
        delivery=plan.delivery,
        uri=f"coap://{ORIGIN}/{name}",
        package=PACKAGE,
        version=version_of(plan, version),
        expected_state=plan.expected_state,
        expected_result=plan.expected_result,
        form=form,
    )
    return Target(plan.index, plan.endpoint, order)
