"""One device with injected faults in virtual time, between the embedded server and a package origin in memory.

Both are there on all their transports: four of the server, six of the origin.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace

from simulator.coap import codes as c
from simulator.coap.requests import request_options
from simulator.device.device import Device
from simulator.device.world import World
from simulator.events import FAULT_OVER, EventLog, FaultApplied
from simulator.faults.plan import FaultPlan
from simulator.faults.registry import FAULTS
from simulator.firmware import generate
from simulator.firmware.variants import VARIANTS
from simulator.lwm2m.firmware_table import State
from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.ports import Address
from simulator.security.credentials import Credentials, PskStore, ServerCredentials
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.embedded.transports import Ports, Transports
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.coap_tcp import CoapTcpServer
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.memory import MemoryNetwork
from simulator.transport.tls_listener import listen_tls
from simulator.transport.virtual import run_virtual
from tests.plans import PlanDefaults
from tests.security.rig import CA, DEVICE_IDENTITY, HOST, PSK, SERVER_IDENTITY
from tests.transport.http_rig import Origin, shop

SERVER = Address("10.200.0.1", 5683)
SECURE = Address("10.200.0.1", 5684)
ORIGIN = Address("10.200.0.2", 5683)
ORIGINS = {
    "coap": ORIGIN,
    "coaps": Address("10.200.0.2", 5684),
    "coap+tcp": ORIGIN,
    "coaps+tcp": Address("10.200.0.2", 5684),
    "http": Address("10.200.0.2", 80),
    "https": Address("10.200.0.2", 443),
}
"""Where the packages are, by scheme."""
DEVICE = Credentials(psk=PSK, identity=DEVICE_IDENTITY, trust=CA.trust, server_name=HOST)
SERVERS = ServerCredentials(psks=PskStore([PSK]), identity=SERVER_IDENTITY, trust=CA.trust)
MODEL = "model-a"
ENDPOINT = "device-1"
PACKAGE = generate(20_000, MODEL, "2.0", 1)
PACKAGES = {
    "good": PACKAGE,
    "wrong-model": generate(20_000, "model-b", "2.0", 1),
    "bad-magic": bytes(20_000),
    **{name: make(PACKAGE) for name, make in VARIANTS.items()},
}
POLL_S = 0.25
POLLS_MAX = 4 * 3600


@dataclass
class Settings(PlanDefaults):
    """What the device is."""

    endpoint: str = ENDPOINT
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
    log: EventLog = field(repr=False, compare=False)
    took: float = field(default=0.0, compare=False)
    """Seconds from the order to the end."""


class _Run:
    def __init__(self, faults, seed, profile, settings, origin):
        self.origin = origin
        loop = asyncio.get_running_loop()
        self.log = EventLog()
        self.clock = LoopClock(loop)
        self.seed = seed
        self.network = MemoryNetwork(loop, random.Random(seed))
        self.deadlines = Deadlines(loop, self.clock.now)
        self.tasks = set()
        self.broken = []
        self.server = LwM2mServer(self.clock.now, lambda _event: None)
        if settings.get("management") == "coaps":
            self.server.keyring.add_psk(ENDPOINT, PSK)
        elif settings.get("management") == "coaps+tcp":
            self.server.keyring.add_certificate(ENDPOINT)
        self.transports = Transports(self.server, self.network, self.deadlines, self.clock.now, random.Random(seed + 1))
        self.listeners = []
        places = {"coap": SERVER, "coap+tcp": SERVER, "coaps": SECURE, "coaps+tcp": SECURE}
        world = World(
            network=self.network.behind(profile),
            servers=places,
            credentials=lambda _plan, _purpose: DEVICE,
            entropy=lambda _plan: random.Random(seed + 4).randbytes,
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
        self.device = Device(Settings(**settings), world, random.Random(seed + 3), plan)

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken.append(task.exception())

    @property
    def machine(self):
        return self.device.firmware.machine

    async def call(self, code, path, body=b"", content_format=-1):
        done = asyncio.get_running_loop().create_future()
        options = request_options(path.split("/"), (), content_format=content_format)
        self.server.call(ENDPOINT, code, options, body, done.set_result)
        return (await done).code

    async def until(self, reached):
        """Wait in virtual time; whether it came."""
        for _ in range(POLLS_MAX):
            if reached():
                break
            await asyncio.sleep(POLL_S)
        return reached()

    async def _expire(self):
        while True:
            await asyncio.sleep(1)
            self.server.expire()

    async def serve(self):
        """Open the server and the origin on all transports."""
        if self.device.plan.lifetime_s < POLLS_MAX * POLL_S:
            self._spawn(self._expire())
        network, deadlines, now = self.network, self.deadlines, self.clock.now
        known = replace(SERVERS, psks=self.server.keyring.psks)
        await self.transports.open(SERVER.host, Ports(5683, 5684, 5683, 5684), known)
        chance, packages = random.Random(self.seed + 2), PackageOrigin(PACKAGES)
        frames, web = CoapTcpServer(now, chance, packages, deadlines.arm), Origin(shop(PACKAGES))

        async def datagrams(at):
            table = PeerTable(now, chance, packages, deadlines.arm)
            table.attach(await network.bind_datagram(at, table))
            return table

        async def records(at):
            table = PeerTable(now, chance, packages, deadlines.arm)
            table.attach(await bind_dtls(network, at, table, SERVERS, deadlines, now))
            return table

        ways = {
            "coap": datagrams,
            "coaps": records,
            "coap+tcp": lambda at: network.listen_stream(at, frames.accept),
            "coaps+tcp": lambda at: listen_tls(network, at, frames.accept, SERVERS, deadlines, now),
            "http": lambda at: network.listen_stream(at, web.accept),
            "https": lambda at: listen_tls(network, at, web.accept, SERVERS, deadlines, now),
        }
        if self.origin is not None:
            ways[self.device.plan.transport] = partial(self.origin, self)
        self.listeners = [await way(ORIGINS[scheme]) for scheme, way in ways.items()]

    def uri(self, order):
        scheme = self.device.plan.transport
        if order == "bad-scheme":
            return f"ftp://{ORIGIN}/good"
        return f"{scheme}://{ORIGINS[scheme]}/{'missing' if order == 'not-found' else order}"

    async def update(self, order):
        await self.serve()
        await self.device.power_on(0.0)
        assert await self.until(lambda: self.device.registrar.registered)
        began = self.clock.now()
        if self.device.plan.delivery == "pull":
            await self.call(c.PUT, "5/0/1", self.uri(order).encode(), c.FORMAT_TEXT)
        else:
            await self.call(c.PUT, "5/0/0", PACKAGES[order], c.FORMAT_OPAQUE)
        if await self.until(lambda: self.machine.state == State.DOWNLOADED or self.machine.result):
            if self.machine.state == State.DOWNLOADED:
                await self.call(c.POST, "5/0/2")
            await self.until(lambda: self.machine.result and self.machine.state != State.UPDATING)
        told = [event for event in self.log.events if isinstance(event, FaultApplied)]
        struck = [event.fault for event in told if not event.detail.startswith(FAULT_OVER)]
        machine = self.machine
        version, took = self.device.persistent.firmware_version, self.clock.now() - began
        end = End(int(machine.state), int(machine.result), version, struck, self.log, took)
        self.device.cut_off()
        self.transports.close()
        for listener in self.listeners:
            listener.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(1)
        assert self.broken == []
        return end


def update(
    delivery: str,
    *kinds: str,
    seed: int = 1,
    profile: NetworkProfile = IDEAL,
    settings=None,
    origin=None,
    **parameters: object,
) -> End:
    """Update one device that has these faults; ``parameters`` are those of the first.

    Args:
        profile: the access network.
        settings: of the device.
        origin: of the device's transport instead of the good one: a coroutine function of the run and an address, which
            gives what has to be closed.
    """

    async def work():
        faults = [SimpleNamespace(kind=kind, parameters={} if i else parameters) for i, kind in enumerate(kinds)]
        orders = [FAULTS[kind].order for kind in kinds if FAULTS[kind].seam == "order"]
        return await _Run(faults, seed, profile, {"delivery": delivery, **(settings or {})}, origin).update(
            orders[0] if orders else "good"
        )

    return run_virtual(work())
