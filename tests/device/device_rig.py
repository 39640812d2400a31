"""A device in memory and in virtual time: the embedded server at one address, a package origin at another."""

from __future__ import annotations

import asyncio
import functools
import random
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from simulator.coap import codes as c
from simulator.coap.codes import code_text
from simulator.coap.message import Message, decode, uint_bytes
from simulator.coap.requests import request_options
from simulator.device.device import Device
from simulator.device.world import World
from simulator.events import EventLog, StateChanged, TransferEnded
from simulator.faults.plan import NO_FAULTS
from simulator.firmware import generate
from simulator.ports import Address
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.virtual import run_virtual
from tests.plans import PlanDefaults

SERVER = Address("127.0.0.1", 5683)
ORIGIN = Address("127.0.0.1", 5684)
MODEL = "vd-1"
PACKAGE = generate(5000, MODEL, "2.0.0", 1)
SMALL = generate(500, MODEL, "2.0.0", 2)
URI = f"coap://{ORIGIN}/fw/good.bin"
UNIX_START = 1_700_000_000


@dataclass
class Settings(PlanDefaults):
    """What the device is."""


class MemoryPort:
    """A datagram port of a ``MemoryNetwork``."""

    def __init__(self, network, local, remote, receiver):
        self.network = network
        self.local = local
        self.remote = remote
        self.receiver = receiver

    def send(self, data, peer=None, /):
        if self.network.ports.get(self.local) is self:
            self.network.carry(self.local, peer or self.remote, bytes(data))

    def close(self):
        self.network.ports.pop(self.local, None)


class MemoryNetwork:
    """Carries datagrams in the next turn of the loop, and keeps them all in ``log`` while ``logging``."""

    def __init__(self):
        self.ports = {}
        self.log = []
        self.logging = True
        self.lost = lambda source, to, data: False
        self._next = 40_000

    async def open_datagram(self, remote, receiver, *, local=None):
        self._next += 1
        return self._open(local or Address("127.0.0.1", self._next), remote, receiver)

    async def bind_datagram(self, local, receiver):
        return self._open(local, None, receiver)

    def _open(self, local, remote, receiver):
        port = self.ports[local] = MemoryPort(self, local, remote, receiver)
        return port

    def carry(self, source, to, data):
        if self.logging:
            self.log.append((source, to, data))
        if not self.lost(source, to, data):
            asyncio.get_running_loop().call_soon(self._deliver, source, to, data)

    def _deliver(self, source, to, data):
        port = self.ports.get(to)
        if port is not None and port.remote in (None, source):
            port.receiver.on_datagram(data, source)

    def sent_by(self, address):
        return [data for source, _, data in self.log if source == address]


@dataclass
class Reply:
    """What came of a request to the device."""

    code: str
    payload: bytes
    options: list = field(default_factory=list)

    @property
    def text(self):
        return self.payload.decode()


class DeviceRig:
    """One device with all that it talks to; make it by ``device_rig``."""

    def __init__(self, settings, faults, packages):
        loop = asyncio.get_running_loop()
        self.clock = LoopClock(loop)
        self.network = MemoryNetwork()
        self.log = EventLog()
        self.happened = []
        self.counts = defaultdict(int)
        self.tasks = set()
        self.broken = []
        self.deadlines = Deadlines(loop, self.clock.now)
        self.server = LwM2mServer(self.clock.now, self.happened.append)
        self.server.peers = PeerTable(self.clock.now, random.Random(1), self.server, self.deadlines.arm)
        self.origin = PackageOrigin(packages)
        self.origin_peers = PeerTable(self.clock.now, random.Random(2), self.origin, self.deadlines.arm)
        self.world = World(
            network=self.network,
            servers={"coap": SERVER},
            clock=self.clock,
            now=self.clock.now,
            deadlines=self.deadlines,
            sink=self.log,
            spawn=self._spawn,
            soon=loop.call_soon,
            unix_start=UNIX_START,
            on_change=self._count,
            lookup=None,
        )
        self._mid = 0x1000
        self.device = Device(settings, self.world, random.Random(3), faults)

    def _count(self, stage, step):
        self.counts[stage] += step

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken.append(task.exception())

    async def start_servers(self):
        self.server.peers.attach(await self.network.bind_datagram(SERVER, self.server.peers))
        self.origin_peers.attach(await self.network.bind_datagram(ORIGIN, self.origin_peers))

    async def start(self):
        await self.start_servers()
        await self.device.power_on(0.0)
        await self.settle()

    async def stop(self):
        await self.device.power_off()
        await self.settle()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.deadlines.close()
        assert self.broken == []

    async def settle(self, seconds=1e-6):
        """Let everything happen that is ready, and what is due within some seconds."""
        await asyncio.sleep(seconds)

    # -- what is seen ----------------------------------------------------------------------------------------------

    @property
    def pair(self):
        machine = self.device.firmware.machine
        return int(machine.state), int(machine.result)

    @property
    def states(self):
        return [(e.state, e.result, e.cause) for e in self.log.events if isinstance(e, StateChanged)]

    @property
    def transfers(self):
        return [e for e in self.log.events if isinstance(e, TransferEnded)]

    def of(self, kind):
        return [e for e in self.log.events if isinstance(e, kind)]

    # -- what the server does --------------------------------------------------------------------------------------

    async def call(self, code, path, body=b"", **options):
        """A request of the server to the registered device, whole."""
        done = asyncio.get_running_loop().create_future()
        query = options.pop("query", ())
        self.server.call(
            "dev", code, request_options(segments(path), query, **options), body, lambda r: done.set_result(r)
        )
        result = await done
        if not result.code:
            return Reply(str(result.failure.value), b"")
        return Reply(code_text(result.code), result.payload, result.options)

    async def read(self, path, **options):
        return (await self.call(c.GET, path, accept=c.FORMAT_TEXT, **options)).text

    async def write(self, path, body, content_format=c.FORMAT_TEXT):
        body = body.encode() if isinstance(body, str) else body
        return (await self.call(c.PUT, path, body, content_format=content_format)).code

    async def execute(self, path, arguments=b""):
        return (await self.call(c.POST, path, arguments)).code

    async def push(self, package=PACKAGE, content_format=c.FORMAT_OPAQUE):
        return await self.write("/5/0/0", package, content_format)

    async def raw(self, code, path, payload=b"", *, options=(), mid=None, token=b"raw"):
        """One message in the server's name; the device's answer to it, or None."""
        self._mid = (self._mid + 1) if mid is None else mid
        everything = sorted([*request_options(segments(path)), *options], key=lambda option: option[0])
        before = len(self.network.log)
        message = Message(c.CON, code, self._mid, token, everything, payload)
        self.network.carry(SERVER, self.device.link.local, message.encode())
        await self.settle()
        sent = [decode(data) for _, to, data in self.network.log[before + 1 :] if to == SERVER]
        return next((answer for answer in sent if answer.token == token), None)

    async def block(self, number, *, package=PACKAGE, szx=2, path="/5/0/0", code=c.PUT, more=None, **kw):
        """One Block1 block of a body; the code of the answer."""
        size = 16 << szx
        if more is None:
            more = (number + 1) * size < len(package)
        option = (c.BLOCK1, uint_bytes(number << 4 | more << 3 | szx))
        content = (c.CONTENT_FORMAT, uint_bytes(kw.pop("content_format", c.FORMAT_OPAQUE)))
        part = package[number * size : (number + 1) * size]
        answer = await self.raw(code, path, part, options=[content, option], **kw)
        return code_text(answer.code)

    def observe(self, path):
        """Observe; the list that values are appended to."""
        values = []
        options = request_options(segments(path), accept=c.FORMAT_TEXT)
        self.server.observe("dev", path, options, c.GET, lambda r: values.append(r.payload.decode()))
        return values


def segments(path):
    """The segments of a path; the root has none."""
    return [segment for segment in path.split("/") if segment]


def in_virtual_time(test):
    """Make an async test one that runs on a loop of its own without real time."""

    @functools.wraps(test)
    def run(*args, **kw):
        run_virtual(test(*args, **kw))

    return run


@asynccontextmanager
async def device_rig(*, faults=NO_FAULTS, packages=None, started=True, **settings):
    """A device that has registered, unless it is not to be ``started``."""
    rig = DeviceRig(Settings(**settings), faults, {"fw/good.bin": PACKAGE, "fw/small.bin": SMALL, **(packages or {})})
    if started:
        await rig.start()
    try:
        yield rig
    finally:
        await rig.stop()
