"""A device on real loopback sockets, and an LwM2M server made of aiocoap or of a program that others wrote."""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from contextlib import asynccontextmanager

import aiocoap
from aiocoap import resource

from simulator.device.device import Device
from simulator.device.world import World
from simulator.events import EventLog, StateChanged, TransferEnded
from simulator.faults.plan import NO_FAULTS
from simulator.firmware import generate
from simulator.ports import Address
from simulator.security.credentials import Credentials
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.peers import PeerTable
from simulator.transport.clock import MonotonicClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from tests.device.device_rig import MODEL, Settings

HOST = "127.0.0.1"
NOTHING = Credentials()
PACKAGE = generate(20_000, MODEL, "2.0.0", 1)
WAIT_S = 30.0


class SocketRig:
    """The surroundings of one device on the loop of the test; make it by ``socket_device``."""

    def __init__(self, server, settings, faults, credentials=NOTHING, flash=None):
        loop = asyncio.get_running_loop()
        clock = MonotonicClock(time.monotonic())
        self.log = EventLog()
        self.tasks = set()
        self.broken = []
        self.deadlines = Deadlines(loop, clock.now)
        self.network = SocketNetwork(loop)
        self.world = World(
            network=self.network,
            servers=server if isinstance(server, dict) else {"coap": server},
            clock=clock,
            now=clock.now,
            deadlines=self.deadlines,
            sink=self.log,
            spawn=self._spawn,
            soon=loop.call_soon,
            unix_start=int(time.time()),
            on_change=lambda stage, step: None,
            lookup=None,
            credentials=lambda plan, purpose: credentials,
        )
        if flash is not None:
            self.world.flash = lambda plan: flash
        self.device = Device(Settings(**settings), self.world, random.Random(), faults)

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.broken.append(task.exception())

    async def until(self, holds, within_s=WAIT_S):
        """Wait until something holds."""
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110  what is waited for is often told by another process
                await asyncio.sleep(0.005)

    def write_uri(self, uri):
        """Write the Package URI, without a server; the code of the answer."""
        code = self.device.firmware.write(1, uri)
        self.device.act_soon()
        return code

    async def ends_in(self, state, result, within_s=WAIT_S):
        """Wait for a State and Update Result that the device tells of."""
        await self.until(lambda: self.states and self.states[-1][:2] == (state, result), within_s)

    async def stop(self):
        self.device.cut_off()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.deadlines.close()
        assert self.broken == []

    @property
    def registered(self):
        return self.device.link is not None and self.device.registrar.registered

    @property
    def address(self):
        return self.device.link.local

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


@asynccontextmanager
async def socket_device(server, *, faults=NO_FAULTS, credentials=NOTHING, flash=None, **settings):
    """A device that registers at ``server``, an address or several by URI scheme; it is registered when this begins."""
    rig = SocketRig(server, {"boot_time_s": 0.05, "install_time_s": 0.1, **settings}, faults, credentials, flash)
    await rig.device.power_on(0.0)
    try:
        await rig.until(lambda: rig.registered)
        yield rig
    finally:
        await rig.stop()


@asynccontextmanager
async def embedded_server(port=0):
    """The embedded server on a socket of this process; its address and the server."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, time.monotonic)
    happened = []
    server = LwM2mServer(time.monotonic, happened.append)
    server.happened = happened
    server.peers = PeerTable(time.monotonic, random.Random(), server, deadlines.arm)
    server.peers.attach(await SocketNetwork(loop).bind_datagram(Address(HOST, port), server.peers))
    try:
        yield server
    finally:
        server.peers.close()
        deadlines.close()
        await asyncio.sleep(0)


async def register_and_leave(free_port, **settings):
    """A device that is registered at an address which is free again: a client that binds to it is its server."""
    port = free_port()
    async with embedded_server(port):
        manager = socket_device(Address(HOST, port), **settings)
        rig = await manager.__aenter__()
    return manager, rig, port


class Renewals(resource.Resource, resource.PathCapable):
    """What lies below ``/rd``: takes every Update and De-register."""

    async def render_post(self, request):
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_delete(self, request):
        return aiocoap.Message(code=aiocoap.DELETED)


class Registrations(resource.Resource):
    """``/rd`` of a server made of aiocoap: takes every Register."""

    def __init__(self):
        super().__init__()
        self.remotes = []
        self.payloads = []
        self.queries = []

    async def render_post(self, request):
        self.remotes.append(request.remote)
        self.payloads.append(request.payload.decode())
        self.queries.append(request.opt.uri_query)
        return aiocoap.Message(code=aiocoap.CREATED, location_path=("rd", str(len(self.remotes))))


class AiocoapManager:
    """An LwM2M server made of aiocoap; requests leave from the address at which devices register."""

    def __init__(self, context, registrations):
        self.context = context
        self.registrations = registrations

    def message(self, code, path, payload=b"", **options):
        segments = tuple(segment for segment in path.split("/") if segment)
        message = aiocoap.Message(code=code, uri_path=segments, payload=payload, **options)
        message.remote = self.registrations.remotes[-1]
        return message

    async def request(self, code, path, payload=b"", *, szx=None, **options):
        message = self.message(code, path, payload, **options)
        if szx is not None:
            message.remote = SmallerBlocks(message.remote, szx)
        async with asyncio.timeout(WAIT_S):
            return await self.context.request(message).response

    async def read(self, path, **options):
        response = await self.request(aiocoap.GET, path, accept=options.pop("accept", 0), **options)
        return response.payload.decode()

    async def observe(self, path):
        """Observe; the list of values that notifications are added to, and what cancels it."""
        values = []
        request = self.context.request(self.message(aiocoap.GET, path, observe=0, accept=0), handle_blockwise=False)
        with warnings.catch_warnings():
            # The asynchronous iterator that aiocoap recommends drops a notification when another follows at once.
            warnings.simplefilter("ignore", DeprecationWarning)
            request.observation.register_callback(lambda message: values.append(message.payload.decode()))
            request.observation.register_errback(lambda error: None)
        async with asyncio.timeout(WAIT_S):
            values.append((await request.response).payload.decode())
        return values, request.observation.cancel


class SmallerBlocks:
    """A remote of aiocoap's to which bodies go in smaller blocks."""

    def __init__(self, remote, szx):
        self._remote = remote
        self.maximum_block_size_exp = szx

    def __getattr__(self, name):
        return getattr(self._remote, name)

    def __eq__(self, other):
        return self._remote == getattr(other, "_remote", other)

    def __hash__(self):
        return hash(self._remote)


@asynccontextmanager
async def aiocoap_manager(free_port):
    """A server made of aiocoap and the address for devices."""
    site = resource.Site()
    registrations = Registrations()
    # aiocoap keeps a resource and what lies below it apart.
    site.add_resource(["rd"], registrations)
    site.add_resource(["rd"], Renewals())
    port = free_port()
    context = await aiocoap.Context.create_server_context(site, bind=(HOST, port), transports=["udp6"])
    try:
        yield AiocoapManager(context, registrations), Address(HOST, port)
    finally:
        await context.shutdown()
