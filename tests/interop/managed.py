"""The embedded server with all its transports in the process of the test, and an operator who observes each device."""

from __future__ import annotations

import asyncio
import random
import time

from simulator.coap import codes as c
from simulator.coap.requests import request_options
from simulator.ports import Address
from simulator.security.credentials import ServerCredentials
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.embedded.transports import Ports, Transports
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from tests.interop.file_servers import PSK
from tests.interop.rig import HOST, WAIT_S

SCHEMES = ("coap", "coaps", "coap+tcp", "coaps+tcp")


class ManagedServer:
    """A server at fixed ports, which can be started anew; every device that registers is observed at once.

    Attributes:
        states: what was told of State (/5/0/3), of all registrations, in order.
        happened: names of events, in order.
    """

    def __init__(self, certificates, first_port):
        self.certificates = certificates
        self.ports = Ports(first_port, first_port + 1, first_port, first_port + 1)
        self.states = []
        self.happened = []
        self.server = self.transports = self.deadlines = None

    @property
    def addresses(self):
        """For devices, by URI scheme."""
        ports = (self.ports.coap, self.ports.coaps, self.ports.coap_tcp, self.ports.coaps_tcp)
        return {scheme: Address(HOST, port) for scheme, port in zip(SCHEMES, ports, strict=True)}

    async def start(self, *, scheme="coap"):
        """Begin to listen; devices come by ``scheme``."""
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop, time.monotonic)
        self.server = server = LwM2mServer(time.monotonic, self._on_event)
        self.transports = Transports(server, SocketNetwork(loop), self.deadlines, time.monotonic, random.Random())
        if scheme.startswith("coaps"):
            if scheme == "coaps":
                server.keyring.add_psk("dev", PSK)
            else:
                server.keyring.add_certificate("dev")
        authority = self.certificates.authority
        own = ServerCredentials(server.keyring.psks, authority.server(HOST), authority.trust)
        await self.transports.open(HOST, self.ports, own)

    async def stop(self):
        """Close all ports and connections, and forget everything."""
        self.transports.close()
        self.deadlines.close()
        await asyncio.sleep(0.01)

    def _on_event(self, event):
        self.happened.append(event.event)
        if event.event == "registered":
            asyncio.get_running_loop().call_soon(self._observe)

    def _observe(self):
        options = request_options(["5", "0", "3"], accept=c.FORMAT_TEXT)
        self.server.observe("dev", "/5/0/3", options, c.GET, self._on_state)

    def _on_state(self, result):
        if result.code:
            self.states.append(result.payload.decode())

    async def read(self, path="/3/0/3", within_s=WAIT_S):
        """A value; None where the device does not answer."""
        done = asyncio.get_running_loop().create_future()
        options = request_options(path[1:].split("/"), accept=c.FORMAT_TEXT)
        give_up = self.server.call("dev", c.GET, options, b"", lambda r: done.done() or done.set_result(r))
        try:
            async with asyncio.timeout(within_s):
                result = await done
        except TimeoutError:
            give_up()
            return None
        return result.payload.decode() if result.code else None

    @property
    def device_port(self):
        """From which port the device spoke last."""
        return self.server.table.by_endpoint("dev").peer.address[1]
