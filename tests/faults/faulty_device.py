"""One device with injected faults in virtual time, between the embedded server and a package origin in memory."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from types import SimpleNamespace

from simulator.coap import codes as c
from simulator.coap.requests import request_options
from simulator.device.device import Device
from simulator.device.world import World
from simulator.events import EventLog, FaultApplied
from simulator.faults.plan import FaultPlan
from simulator.faults.registry import FAULTS
from simulator.firmware import generate
from simulator.lwm2m.firmware_table import State
from simulator.ports import Address
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual
from tests.plans import PlanDefaults

SERVER = Address("10.200.0.1", 5683)
ORIGIN = Address("10.200.0.2", 5683)
MODEL = "model-a"
PACKAGE = generate(20_000, MODEL, "2.0", 1)
PACKAGES = {"good": PACKAGE, "wrong-model": generate(20_000, "model-b", "2.0", 1), "bad-magic": bytes(20_000)}
URIS = {
    **{name: f"coap://{ORIGIN}/{name}" for name in PACKAGES},
    "not-found": f"coap://{ORIGIN}/missing",
    "bad-scheme": f"ftp://{ORIGIN}/good",
}
POLL_S = 0.25
POLLS_MAX = 4 * 3600


@dataclass
class Settings(PlanDefaults):
    """What the device is."""

    model: str = MODEL
    firmware_version: str = "1.0"
    block_size: int = 256


@dataclass
class End:
    """How an update ended at the device."""

    state: int
    result: int
    version: str
    struck: list[str]
    """Names of the faults that struck, in order."""


class _Run:
    def __init__(self, delivery, faults, seed):
        loop = asyncio.get_running_loop()
        self.log = EventLog()
        self.clock = LoopClock(loop)
        self.network = MemoryNetwork(loop, random.Random(seed))
        self.deadlines = Deadlines(loop, self.clock.now)
        self.tasks = set()
        self.server = LwM2mServer(self.clock.now, lambda _event: None)
        self.server.peers = PeerTable(self.clock.now, random.Random(seed + 1), self.server, self.deadlines.arm)
        self.origin = PeerTable(self.clock.now, random.Random(seed + 2), PackageOrigin(PACKAGES), self.deadlines.arm)
        world = World(
            network=self.network,
            servers={"coap": SERVER},
            clock=self.clock,
            now=self.clock.now,
            deadlines=self.deadlines,
            sink=self.log,
            spawn=self._spawn,
            soon=loop.call_soon,
            unix_start=1_700_000_000,
            on_change=lambda _stage, _step: None,
        )
        plan = FaultPlan.build(
            faults,
            package_size=len(PACKAGE),
            dice=lambda name: random.Random(f"{seed} {name}"),
            struck=lambda *what: self.log.emit(FaultApplied(self.clock.now(), 0, *what)),
        )
        self.device = Device(Settings(delivery=delivery), world, random.Random(seed + 3), plan)

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        return task

    @property
    def machine(self):
        return self.device.firmware.machine

    async def call(self, code, path, body=b"", content_format=-1):
        done = asyncio.get_running_loop().create_future()
        options = request_options(path.split("/"), (), content_format=content_format)
        self.server.call("dev", code, options, body, done.set_result)
        return (await done).code

    async def until(self, reached):
        """Wait in virtual time; whether it came."""
        for _ in range(POLLS_MAX):
            if reached():
                break
            await asyncio.sleep(POLL_S)
        return reached()

    async def update(self, order):
        self.server.peers.attach(await self.network.bind_datagram(SERVER, self.server.peers))
        self.origin.attach(await self.network.bind_datagram(ORIGIN, self.origin))
        await self.device.power_on(0.0)
        assert await self.until(lambda: self.device.registrar.registered)
        if self.device.plan.delivery == "pull":
            await self.call(c.PUT, "5/0/1", URIS[order].encode(), c.FORMAT_TEXT)
        else:
            await self.call(c.PUT, "5/0/0", PACKAGES[order], c.FORMAT_OPAQUE)
        if await self.until(lambda: self.machine.state == State.DOWNLOADED or self.machine.result):
            if self.machine.state == State.DOWNLOADED:
                await self.call(c.POST, "5/0/2")
            await self.until(lambda: self.machine.result and self.machine.state != State.UPDATING)
        struck = [event.fault for event in self.log.events if isinstance(event, FaultApplied)]
        machine = self.machine
        end = End(int(machine.state), int(machine.result), self.device.persistent.firmware_version, struck)
        self.device.cut_off()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return end


def update(delivery: str, *kinds: str, seed: int = 1, **parameters: object) -> End:
    """Update one device that has these faults; ``parameters`` are those of the first."""

    async def work():
        faults = [SimpleNamespace(kind=kind, parameters={} if i else parameters) for i, kind in enumerate(kinds)]
        orders = [FAULTS[kind].order for kind in kinds if FAULTS[kind].seam == "order"]
        return await _Run(delivery, faults, seed).update(orders[0] if orders else "good")

    return run_virtual(work())
