"""Hostile peers at the real ports of the package origin (six) and of the embedded server (four), which live on."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
import tracemalloc
from contextlib import suppress

import aiohttp
import pytest

from simulator.coap import codes as c
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.requests import parse_uri, request_options
from simulator.coap.tcp import frame
from simulator.coap.tcp_signalling import csm
from simulator.ports import UNSENT_MAX, Address
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import Credentials
from simulator.servers.embedded.core import LwM2mServer
from simulator.servers.embedded.transports import Ports, Transports, server_credentials
from simulator.servers.origin import Origins
from simulator.transport.coap_tcp import CoapTcpConnection
from simulator.transport.deadlines import Deadlines
from simulator.transport.secure import SecureNetwork
from simulator.transport.sockets import SocketNetwork
from tests.coap.wire import Sink
from tests.security.rig import PSK

PACKAGE = random.Random(1).randbytes(50_000)
DICE = random.Random(4)
HELLO = bytes.fromhex("160301020001000100")
"""The beginning of a ClientHello of TLS."""
LARGE = b"POST /good.bin HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999\r\n\r\n"
BLOCK = [(c.URI_PATH, b"rd"), (c.BLOCK1, b"\x0e")]
STREAMS = {
    "nothing": b"",
    "garbage": DICE.randbytes(5000),
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "half a head": b"GET /good.bin HTTP/1.1\r\nHost: a\r\nX: ",
    "a long head": b"GET /good.bin HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    "a long line": b"GET /" + b"a" * 200_000,
    "a wrong request": b"\0\0\0 / HTTP/9.9\r\nContent-Length: -1\r\n\r\n",
    "a body that is too large": LARGE + bytes(100_000),
    "csm": csm(1152),
    "csms": csm(1152) * 5000,
    "a frame of 4 GiB": csm(1152) + b"\xf0\xff\xff\xff\xff\x45",
    "a body in blocks that never ends": csm(1152) + frame(c.PUT, b"t", BLOCK, bytes(1024)),
    "half a hello": HELLO + bytes(50),
    "an alert": bytes.fromhex("15030300020228"),
    "a record that is too long": b"\x16\3\3\xff\xff" + bytes(70_000),
}  # fmt: skip


class Targets:
    """The six ports of an origin and the four of a server, in this process."""

    async def open(self, directory):
        authority = Authority()
        identity = authority.server("127.0.0.1")
        self.shown = {
            "coaps": Credentials(psk=PSK),
            "coaps+tcp": Credentials(
                identity=authority.device("device-1"), trust=authority.trust, server_name="127.0.0.1"
            ),
        }
        for name, data in (("server.pem", chain_pem(identity)), ("server.key", key_pem(identity)),
                           ("ca.pem", authority.pem)):  # fmt: skip
            (directory / name).write_bytes(data)
        loop = asyncio.get_running_loop()
        self.network = SocketNetwork(loop)
        self.deadlines = Deadlines(loop, time.monotonic)
        self.origins = Origins({"good.bin": PACKAGE}, time.monotonic, random.Random(2), directory)
        self.origins.psks.add(PSK)
        self.server = LwM2mServer(time.monotonic, lambda _event: None)
        self.transports = Transports(self.server, self.network, self.deadlines, time.monotonic, random.Random(3))
        credentials = server_credentials(self.server, directory)
        self.uris = await self.origins.open()
        self.ways = await self.transports.open("127.0.0.1", Ports(), credentials)
        return self

    async def close(self):
        self.transports.close()
        await self.origins.close()
        self.deadlines.close()

    def ports(self, *, streams):
        both = [*self.uris.items(), *self.ways.items()]
        is_stream = {True: ("coap+tcp", "coaps+tcp", "http", "https"), False: ("coap", "coaps")}[streams]
        return [int(uri.rpartition(":")[2]) for scheme, uri in both if scheme in is_stream]

    async def fetch(self, scheme):
        """A whole package over CoAP, as a device has it."""
        sink, now, at = Sink(), time.monotonic, parse_uri(self.uris[scheme])
        network = self.network
        if scheme in self.shown:
            network = SecureNetwork(network, self.shown[scheme], self.deadlines, now)
        download = Download(request_options(["good.bin"]), sink, 6)
        address = Address(at.host, at.port)
        if scheme.endswith("+tcp"):
            connection = CoapTcpConnection(now, random.Random(3), None, self.deadlines.arm)
            await connection.connect(network, address)
            endpoint, close = connection.endpoint, connection.close
        else:
            device = Device()
            port = await network.open_datagram(address, device)
            endpoint = device.endpoint = Endpoint(port.send, random.Random(3), alarm=self.deadlines.arm)
            close = port.close
        download.start(endpoint, now())
        async with asyncio.timeout(20):
            while sink.ended is None:  # noqa: ASYNC110  a sink has no event
                await asyncio.sleep(0.005)
        close()
        self.deadlines.disarm(endpoint)
        return bytes(sink.data)

    async def check(self):
        """Everything still serves."""
        for scheme in ("coap", "coaps", "coap+tcp", "coaps+tcp"):
            assert await self.fetch(scheme) == PACKAGE, scheme
        async with aiohttp.ClientSession() as session, session.get(self.uris["http"] + "/good.bin") as response:
            assert await response.read() == PACKAGE


class Device:
    """Above the datagram port of a fetch."""

    def on_datagram(self, data, _peer):
        self.endpoint.receive(data, time.monotonic())

    def on_datagram_error(self, error):
        self.endpoint.unreachable(time.monotonic())


@pytest.fixture
async def targets(tmp_path):
    made = await Targets().open(tmp_path)
    yield made
    await made.close()


async def speak(port, data, *, wait):
    """Say something to a port, and hear for a while; whether it has closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    closed = False
    with suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while await reader.read(65_536):
                    pass
                closed = True
    writer.transport.abort()
    return closed


@pytest.mark.parametrize("name", STREAMS)
async def test_streams(targets, name):
    data = STREAMS[name]
    everything = [speak(port, data, wait=0.1) for port in targets.ports(streams=True) for _ in range(3)]
    everything += [speak(port, data[: len(data) // 2], wait=0.05) for port in targets.ports(streams=True)]
    await asyncio.gather(*everything)
    await targets.check()


async def test_datagrams(targets):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for port in targets.ports(streams=False):
            for number in range(2000):
                size = DICE.choice((0, 1, 4, 12, 60, 300, 1400))
                data = DICE.choice((b"", b"\x40", b"\x16\xfe\xfd", b"\x17\xfe\xfd\0\1")) + DICE.randbytes(size)
                sock.sendto(data, ("127.0.0.1", port))
                if number % 50 == 0:
                    await asyncio.sleep(0)
    await targets.check()


async def test_a_peer_that_asks_and_never_reads_is_reset(targets):
    """Each of its requests is small, and what it is answered is not."""
    request = frame(c.GET, b"12345678", [(c.URI_PATH, b"good.bin")], b"")
    port = int(targets.uris["coap+tcp"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setblocking(False)
        tracemalloc.start()
        with pytest.raises(ConnectionError):
            sock.send(csm(1 << 20))
            for _ in range(20_000):
                with suppress(BlockingIOError):
                    sock.send(request * 20)
                await asyncio.sleep(0.001)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 8 * UNSENT_MAX
    await targets.check()


@pytest.fixture(autouse=True)
def _quiet():
    """aiohttp tells of bad requests at a level below warnings; asyncio tells of slow callbacks under tracemalloc."""
    logging.getLogger("asyncio").setLevel(logging.WARNING)
