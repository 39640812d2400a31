"""A registered device made of this project's engine alone, over any of the four transports of CoAP."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Response
from simulator.coap.observe import notify
from simulator.coap.requests import parse_uri, request_options
from simulator.ports import Address
from simulator.transport.coap_tcp import CoapTcpConnection
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls import open_dtls
from simulator.transport.dtls_handshake import HandshakeTimers
from simulator.transport.sockets import SocketNetwork
from simulator.transport.tls import open_tls

LINKS = b"</3/0>,</5/0>"
LINK_FORMAT, TEXT = 40, 0
TEXT_OPTION = [(c.CONTENT_FORMAT, b"")]
WAIT_S = 30.0
QUICK = HandshakeTimers(initial_s=0.3, retransmissions=2)


class EngineDevice:
    """The device, which is also what answers the server's requests. ``bodies`` are its resources by path."""

    def __init__(self, uri, credentials):
        loop = asyncio.get_running_loop()
        self.uri = parse_uri(uri)
        self.credentials = credentials
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.network = SocketNetwork(loop)
        self.bodies = {"3/0/3": b"1.0.0", "5/0/3": b"0"}
        self.silent = False
        self.errors = []
        self.endpoint = self.port = self.connection = None
        self.location = ()

    # -- the transport ---------------------------------------------------------------------------------------------

    async def open(self):
        """Open the transport that the URI names, with the handshake that it has."""
        remote = Address(self.uri.host, self.uri.port)
        async with asyncio.timeout(WAIT_S):
            if self.uri.scheme.endswith("+tcp"):
                await self._open_stream(remote)
            else:
                await self._open_datagrams(remote)

    async def _open_stream(self, remote):
        self.connection = CoapTcpConnection(self.now, random.Random(3), self, self.deadlines.arm)
        self.endpoint = self.connection.endpoint
        if self.uri.scheme == "coap+tcp":
            await self.connection.connect(self.network, remote)
        else:
            port = await open_tls(self.network, remote, self.connection, self.credentials, self.deadlines, self.now)
            self.connection.attach(port, remote)

    async def _open_datagrams(self, remote):
        if self.uri.scheme == "coap":
            self.port = await self.network.open_datagram(remote, self)
        else:
            self.port = await open_dtls(
                self.network, remote, self, self.credentials, self.deadlines, self.now, timers=QUICK
            )
        self.endpoint = Endpoint(self.port.send, random.Random(3), self, alarm=self.deadlines.arm)
        if self.uri.scheme == "coaps":
            await self.port.established()

    def on_datagram(self, data, peer):
        self.endpoint.receive(data, self.now())

    def on_datagram_error(self, error):
        self.errors.append(error)

    async def close(self):
        if self.connection is not None:
            self.connection.close()
        elif self.endpoint is not None:
            self.endpoint.close(self.now())
        if self.port is not None:
            self.port.close()
        await asyncio.sleep(0.01)  # sockets close in a later turn of the loop
        self.deadlines.close()

    # -- what it asks ----------------------------------------------------------------------------------------------

    async def call(self, code, path, query=(), payload=b"", **formats):
        """A request to the server; its result."""
        done = asyncio.get_running_loop().create_future()
        options = request_options(path, query, **formats)
        call = Call(code, options, payload, lambda result: done.done() or done.set_result(result))
        call.start(self.endpoint, self.now())
        async with asyncio.timeout(WAIT_S):
            return await done

    async def register(self, endpoint, lifetime=300):
        """Register; the response code as text, or the failure."""
        query = [f"ep={endpoint}", f"lt={lifetime}", "lwm2m=1.1", "b=U"]
        result = await self.call(c.POST, ["rd"], query, LINKS, content_format=LINK_FORMAT)
        self.location = [value.decode() for number, value in result.options if number == c.LOCATION_PATH]
        return c.code_text(result.code) if result.failure is None else result.failure

    async def update(self):
        """Update; the response code as text, or the failure."""
        result = await self.call(c.POST, self.location)
        return c.code_text(result.code) if result.failure is None else result.failure

    def tell(self, path, value):
        """Take a new value, and notify who observes it."""
        self.bodies[path] = value
        for observation in list(self.endpoint.observations):
            if observation.key == path:
                notify(self.endpoint, observation, c.CONTENT, TEXT_OPTION, value, self.now())

    # -- what it answers -------------------------------------------------------------------------------------------

    def on_request(self, endpoint, request, now):
        path = "/".join(request.path)
        if self.silent:
            return None
        if request.code == c.PUT:
            self.bodies[path] = request.payload
            return Response(c.CHANGED)
        if path not in self.bodies:
            return Response(c.NOT_FOUND)
        return Response(c.CONTENT, self.bodies[path], TEXT_OPTION, observe_key=path)

    def open_upload(self, endpoint, request, now):
        return None

    def on_observation_ended(self, endpoint, key, now):
        pass


@asynccontextmanager
async def engine_device(uri, credentials=None):
    """A device whose transport is open; it is not registered yet."""
    device = EngineDevice(uri, credentials)
    try:
        await device.open()
        yield device
    finally:
        await device.close()
