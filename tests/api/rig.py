"""An LwM2M server and a package origin beside a device that is made by the API: in memory, or on loopback sockets."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from simulator.coap import codes as c
from simulator.coap.codes import code_text
from simulator.coap.requests import request_options
from simulator.firmware import generate
from simulator.ports import Address
from simulator.security.credentials import ServerCredentials
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.embedded.transports import Ports, Transports
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.peers import PeerTable
from simulator.transport.clock import LoopClock
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.sockets import SocketNetwork

PACKAGE = generate(100_000, "vd-1", "2.0.0", 1)
QUICK = {"boot_time": "50 ms", "install_time": "50 ms"}


class ServerRig:
    """A server over all its transports, with an origin over coap."""

    def __init__(self, network, packages):
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        self.network = network
        self.happened = []
        self.notified = []
        self.deadlines = Deadlines(loop, clock.now)
        self.server = LwM2mServer(clock.now, self.happened.append)
        self._transports = Transports(self.server, network, self.deadlines, clock.now, random.Random(1))
        self._origin = PeerTable(clock.now, random.Random(2), PackageOrigin(packages), self.deadlines.arm)
        self.uris = {}
        self.origin = ""

    async def open(self, host):
        self.uris = await self._transports.open(host, Ports(), ServerCredentials(psks=self.server.keyring.psks))
        self._origin.attach(await self.network.bind_datagram(Address(host, 0), self._origin))
        self.origin = f"coap://{self._origin.local}"

    def close(self):
        self._transports.close()
        self._origin.close()
        self.deadlines.close()

    @property
    def uri(self):
        return self.uris["coap"]

    async def ask(self, endpoint, code, path, body=b"", *, content_format=-1, accept=-1):
        """One request to a device; code and payload of the answer."""
        answered = asyncio.get_running_loop().create_future()
        options = request_options(path.strip("/").split("/"), content_format=content_format, accept=accept)
        self.server.call(endpoint, code, options, body, answered.set_result)
        result = await answered
        return (code_text(result.code) if result.code else str(result.failure)), result.payload

    async def read(self, endpoint, path):
        return (await self.ask(endpoint, c.GET, path, accept=c.FORMAT_TEXT))[1].decode()

    async def write(self, endpoint, path, text):
        return (await self.ask(endpoint, c.PUT, path, text.encode(), content_format=c.FORMAT_TEXT))[0]

    async def push(self, endpoint, package=PACKAGE):
        return (await self.ask(endpoint, c.PUT, "/5/0/0", package, content_format=c.FORMAT_OPAQUE))[0]

    async def execute(self, endpoint, path):
        return (await self.ask(endpoint, c.POST, path))[0]

    def observe(self, endpoint, path):
        options = request_options(path.strip("/").split("/"), accept=c.FORMAT_TEXT)
        self.server.observe(endpoint, path, options, c.GET, self.notified.append)


@asynccontextmanager
async def memory_server(packages=None):
    """All in memory; ``rig.network`` is for the devices, too."""
    network = MemoryNetwork(asyncio.get_running_loop(), random.Random(3))
    rig = ServerRig(network, {"fw.bin": PACKAGE} if packages is None else packages)
    await rig.open("192.168.0.1")
    try:
        yield rig
    finally:
        rig.close()


@asynccontextmanager
async def socket_server(packages=None):
    """On loopback sockets."""
    rig = ServerRig(SocketNetwork(asyncio.get_running_loop()), {"fw.bin": PACKAGE} if packages is None else packages)
    await rig.open("127.0.0.1")
    try:
        yield rig
    finally:
        rig.close()
        await asyncio.sleep(0)


def texts(device, *kinds):
    """The lines of a device's timeline, of some kinds or of all."""
    return [entry.text for entry in device.timeline.entries if not kinds or entry.what in kinds]
