"""A fleet on real loopback sockets, with the embedded server, a package origin and the operator on the same loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from simulator.events import DeviceEnded, EventLog, StateChanged, TransferEnded, UpdateEnded
from simulator.firmware import generate
from simulator.fleet.population import Population
from simulator.fleet.runner import FleetRunner
from simulator.operator.campaign import Campaign, Tactics, Target
from simulator.operator.local import LocalDriver
from simulator.operator.requests import Console, Patience
from simulator.operator.update import Order
from simulator.ports import Address
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import MonotonicClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork

PACKAGE = Path("good.bin")
ANY = Address("127.0.0.1", 0)


@dataclass
class FleetOutcome:
    """What came of a run."""

    events: list
    groups: dict[str, list[int]]
    """Indices of the devices, by group."""

    def of(self, kind):
        found = defaultdict(list)
        for event in self.events:
            if isinstance(event, kind):
                found[event.device].append(event)
        return found

    def by_group(self, kind, what):
        """For each group, the set of what its devices have gone through."""
        events = self.of(kind)
        return {
            group: {tuple(what(event) for event in events[index]) for index in indices}
            for group, indices in self.groups.items()
        }

    @property
    def states(self):
        return self.by_group(StateChanged, lambda e: (e.state, e.result, e.cause))

    @property
    def verdicts(self):
        return self.by_group(UpdateEnded, lambda e: e.outcome)

    @property
    def transfers(self):
        return self.by_group(TransferEnded, lambda e: (e.delivery, e.outcome, e.size, e.received, e.blocks))

    @property
    def versions(self):
        return self.by_group(DeviceEnded, lambda e: (e.version, e.registered))


async def run_fleet(scenario, seed=1):
    """Run a scenario to its end."""
    loop = asyncio.get_running_loop()
    clock, log = MonotonicClock(time.monotonic()), EventLog()
    deadlines, network = Deadlines(loop, clock.now), SocketNetwork(loop)
    population = Population(scenario, seed)
    package = generate(int(scenario.firmware.size), scenario.firmware.model, scenario.firmware.version, seed)
    driver: LocalDriver
    server = LwM2mServer(clock.now, lambda happened: driver.happened(happened))
    driver = LocalDriver(server, {PACKAGE: package})
    server.peers = PeerTable(clock.now, random.Random(seed), server, deadlines.arm)
    server_port = await network.bind_datagram(ANY, server.peers)
    server.peers.attach(server_port)
    origin = PeerTable(clock.now, random.Random(seed), PackageOrigin({PACKAGE.name: package}), deadlines.arm)
    origin_port = await network.bind_datagram(ANY, origin)
    origin.attach(origin_port)

    patience = Patience(update_s=60.0, request_s=30.0, poll_s=5.0)
    console = Console(driver, log, clock.now, asyncio.Semaphore(driver.max_in_flight), patience)
    plans = [population.device(k) for k in range(len(population))]
    tactics = Tactics(
        start="registered",
        start_after_s=0.0,
        concurrency=len(plans),
        execute="downloaded",
        execute_delay_s=0.0,
        rate=0.0,
        registration_timeout_s=60.0,
    )
    campaign = Campaign(console, tactics, [_target(plan, origin_port.local) for plan in plans])
    await driver.start(campaign.on_event)
    runner = FleetRunner(
        population,
        (0, 1),
        network=network,
        servers={"coap": server_port.local},
        clock=clock,
        deadlines=deadlines,
        sink=log,
        unix_start=int(time.time()),
        package_size=len(package),
    )
    try:
        starting = loop.create_task(runner.run(0.0))
        await campaign.run()
        await starting
    finally:
        await runner.stop()
        server.peers.close()
        origin.close()
        deadlines.close()
    groups = defaultdict(list)
    for plan in plans:
        groups[plan.group].append(plan.index)
    return FleetOutcome(log.events, groups)


def _target(plan, origin):
    uri = f"coap://{origin}/{PACKAGE.name}"
    order = Order(plan.delivery, uri, PACKAGE, "2.0.0", plan.expected_state, plan.expected_result)
    return Target(plan.index, plan.endpoint, order)
