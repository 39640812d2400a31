"""A slice that is given device by device, in virtual time."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from simulator.coap import codes as c
from simulator.coap.requests import request_options
from simulator.events import DeviceEnded, DeviceStarted, EventLog, RegistrationEnded
from simulator.firmware import generate
from simulator.fleet.population import Population
from simulator.fleet.roster import Roster
from simulator.fleet.runner import FleetRunner
from simulator.network.profiles import IDEAL
from simulator.ports import Address
from simulator.scenario import loads
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

SERVER = Address("192.0.2.1", 5683)
SCENARIO = """
[devices]
think_time = "1 s"
[groups.g]
count = 10
delivery = "push"
"""
PACKAGE = generate(60_000, loads(SCENARIO).firmware.model, "2.0.0", 1)


class Rig:
    def __init__(self, runner, roster, server, log, left):
        self.runner = runner
        self.roster = roster
        self.server = server
        self.log = log
        self.left = left

    @property
    def registered(self):
        return sorted(entry.request.endpoint for entry in self.server.table.entries())

    def of(self, kind):
        return [event for event in self.log.events if isinstance(event, kind)]

    def push(self, k):
        """Write a package, which takes a minute."""
        options = request_options(("5", "0", "0"), (), content_format=42)
        self.server.call(f"vd-g-{k:06d}", c.PUT, options, PACKAGE, lambda _result: None)


@asynccontextmanager
async def rig():
    loop = asyncio.get_running_loop()
    clock, log, left = LoopClock(loop), EventLog(), []
    memory = MemoryNetwork(loop, random.Random(1))
    deadlines = Deadlines(loop, clock.now)
    server = LwM2mServer(clock.now, lambda _event: None)
    server.peers = PeerTable(clock.now, random.Random(2), server, deadlines.arm)
    server.peers.attach(await memory.bind_datagram(SERVER, server.peers))
    runner = FleetRunner(
        Population(loads(SCENARIO), 1),
        (0, 1),
        network=memory.behind(IDEAL),
        servers={"coap": SERVER},
        clock=clock,
        deadlines=deadlines,
        sink=log,
        unix_start=1_700_000_000,
        package_size=4096,
    )
    roster = Roster(runner, clock.now, left.append)
    yield Rig(runner, roster, server, log, left)
    await roster.close()
    await runner.stop()
    server.peers.close()


def in_rig(test):
    """Run a test in virtual time with a rig."""

    def run():
        async def work():
            async with rig() as made:
                await test(made)

        run_virtual(work())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_rig
async def test_devices_start_when_they_are_due(rig):
    rig.roster.start([(3, 5.0), (7, 2.0)])
    await asyncio.sleep(3)
    assert [(event.device, event.t, event.due) for event in rig.of(DeviceStarted)] == [(7, 2.0, 2.0)]
    assert rig.roster.missed_starts == 0
    await asyncio.sleep(3)
    assert rig.registered == ["vd-g-000003", "vd-g-000007"]


@in_rig
async def test_a_late_start_happens_at_once_and_keeps_its_due_time(rig):
    await asyncio.sleep(10)
    rig.roster.start([(1, 4.0)])
    await asyncio.sleep(1)
    assert [(event.t, event.due) for event in rig.of(DeviceStarted)] == [(10.0, 4.0)]


@in_rig
async def test_a_device_leaves_with_a_deregister(rig):
    rig.roster.start([(0, 0.0), (1, 0.0)])
    await asyncio.sleep(2)
    rig.roster.leave([0], 30.0)
    await asyncio.sleep(2)
    assert rig.left == [0]
    assert rig.registered == ["vd-g-000001"]
    assert [event.operation for event in rig.of(RegistrationEnded) if event.device == 0] == ["register", "deregister"]
    assert [event.device for event in rig.of(DeviceEnded)] == [0]


@in_rig
async def test_an_update_under_way_has_its_time_and_is_then_cut_short(rig):
    rig.roster.start([(0, 0.0)])
    await asyncio.sleep(5)
    rig.push(0)
    await asyncio.sleep(5)
    rig.roster.leave([0], 20.0)
    await asyncio.sleep(19)
    assert rig.left == []
    await asyncio.sleep(5)
    assert rig.left == [0]


@in_rig
async def test_a_device_that_has_not_started_never_does_once_it_is_to_leave(rig):
    rig.roster.start([(0, 10.0)])
    await asyncio.sleep(1)
    rig.roster.leave([0], 5.0)
    await asyncio.sleep(20)
    assert rig.left == [0]
    assert rig.of(DeviceStarted) == []


@in_rig
async def test_a_device_that_comes_again_is_the_same_one(rig):
    rig.roster.start([(0, 0.0)])
    await asyncio.sleep(2)
    rig.roster.leave([0], 0.0)
    await asyncio.sleep(2)
    rig.roster.start([(0, 4.0)])
    await asyncio.sleep(2)
    assert len(rig.runner.devices) == 1
    assert rig.registered == ["vd-g-000000"]


@in_rig
async def test_who_runs_is_not_started_twice_and_who_does_not_exist_not_at_all(rig):
    rig.roster.start([(0, 0.0)])
    await asyncio.sleep(2)
    with pytest.raises(ValueError, match="runs already"):
        await rig.runner.start(0, 2.0)
    with pytest.raises(IndexError):
        await rig.runner.start(99, 2.0)
    rig.roster.leave([99], 0.0)
    await asyncio.sleep(1)
    assert rig.left == [99]
