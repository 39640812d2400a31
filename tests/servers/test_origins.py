"""The origin of a run: one set of packages, one port for each transport."""

from __future__ import annotations

import asyncio
import errno
import random
import time

import aiohttp
import pytest

from simulator.coap.download import Download
from simulator.coap.requests import parse_uri, request_options
from simulator.ports import Address
from simulator.servers.http_origin import HttpOrigin
from simulator.servers.origin import Origins
from simulator.transport.coap_tcp import CoapTcpConnection
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from tests.coap.wire import Sink

PACKAGE = random.Random(1).randbytes(100_000)


@pytest.fixture
async def origins():
    return Origins({"good.bin": PACKAGE}, time.monotonic, random.Random(2))


async def over_tcp(uri):
    """What a download over CoAP over TCP gives."""
    loop = asyncio.get_running_loop()
    deadlines, sink, taken = Deadlines(loop, time.monotonic), Sink(), parse_uri(uri)
    connection = CoapTcpConnection(time.monotonic, random.Random(3), None, deadlines.arm)
    await connection.connect(SocketNetwork(loop), Address(taken.host, taken.port))
    Download(request_options(taken.path), sink, 7).start(connection.endpoint, time.monotonic())
    async with asyncio.timeout(30):
        while sink.ended is None:  # noqa: ASYNC110  a sink has no event
            await asyncio.sleep(0.005)
    connection.close()
    deadlines.close()
    return bytes(sink.data)


async def test_every_transport_gives_the_same_package(origins):
    uris = await origins.open()
    assert list(uris) == ["coap", "coap+tcp", "http"]
    assert all(uri.startswith(f"{scheme}://127.0.0.1:") for scheme, uri in uris.items())
    assert await over_tcp(uris["coap+tcp"] + "/good.bin") == PACKAGE
    async with aiohttp.ClientSession() as session, session.get(uris["http"] + "/good.bin") as response:
        assert await response.read() == PACKAGE
    await origins.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", parse_uri(uris["coap+tcp"]).port)


async def test_packages_are_where_the_scenario_says():
    origins = Origins({"good.bin": PACKAGE}, time.monotonic, random.Random(2), host="127.0.0.2")
    uris = await origins.open()
    assert all(uri.startswith(f"{scheme}://127.0.0.2:") for scheme, uri in uris.items())
    assert await over_tcp(uris["coap+tcp"] + "/good.bin") == PACKAGE
    await origins.close()


async def test_an_origin_that_could_not_open_all_ports_can_be_closed(origins, monkeypatch):
    async def taken(self, *arguments, **kw):
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(HttpOrigin, "listen", taken)
    with pytest.raises(OSError, match="in use"):
        await origins.open()
    await origins.close()


async def test_an_origin_that_never_opened_can_be_closed(origins):
    await origins.close()
