"""Coverage by hand: what is open falls silent and goes on, and what is opened meanwhile waits."""

from __future__ import annotations

import asyncio
import gc
import random

from simulator.faults.coverage import Coverage
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from tests.device.device_rig import in_virtual_time

SERVER = Address("192.168.0.1", 5683)


class Heard:
    """Keeps what arrives, over datagrams or a stream."""

    def __init__(self):
        self.data = []

    def on_datagram(self, data, peer):
        self.data.append(data)

    def on_datagram_error(self, error):
        self.data.append(error)

    def on_data(self, data):
        self.data.append(data)

    def on_eof(self):
        self.data.append("eof")

    def on_lost(self, error):
        self.data.append(error)


def covered():
    coverage = Coverage()
    inner = MemoryNetwork(asyncio.get_running_loop(), random.Random(1))
    return coverage, inner, coverage.network(inner)


@in_virtual_time
async def test_datagrams_are_lost_as_often_as_the_coverage_is():
    coverage, inner, network = covered()
    server, device = Heard(), Heard()
    at = await inner.bind_datagram(SERVER, server)
    port = await network.open_datagram(SERVER, device)
    for number in range(4):
        port.send(b"out %d" % number)
        at.send(b"in %d" % number, port.local)
        await asyncio.sleep(1)
        (coverage.end if coverage.down else coverage.begin)()
    assert server.data == [b"out 0", b"out 2"]
    assert device.data == [b"in 0", b"in 2"]
    port.close()
    at.close()


@in_virtual_time
async def test_a_stream_holds_back_both_ways_and_goes_on():
    coverage, inner, network = covered()
    server, device, ports = Heard(), Heard(), []

    def accept(port, peer):
        ports.append(port)
        return server

    listener = await inner.listen_stream(SERVER, accept)
    port = await network.open_stream(SERVER, device)
    await asyncio.sleep(1)
    for number in range(2):
        coverage.begin()
        coverage.begin()
        port.write(b"out")
        ports[0].write(b"in")
        await asyncio.sleep(5)
        assert len(server.data) == len(device.data) == number
        coverage.end()
        coverage.end()
        await asyncio.sleep(1)
        assert len(server.data) == len(device.data) == number + 1
    port.close()
    await asyncio.sleep(1)
    assert server.data == [b"out", b"out", "eof"]
    ports[0].close()
    listener.close()


@in_virtual_time
async def test_a_connection_is_made_when_the_coverage_is_back():
    coverage, inner, network = covered()
    listener = await inner.listen_stream(SERVER, lambda _port, _peer: Heard())
    coverage.begin()
    opening = asyncio.ensure_future(network.open_stream(SERVER, Heard()))
    await asyncio.sleep(10)
    assert not opening.done()
    coverage.end()
    port = await opening
    port.abort()
    del port, opening
    gc.collect()
    coverage.begin()
    again = asyncio.ensure_future(network.open_stream(SERVER, Heard()))
    await asyncio.sleep(60)
    assert isinstance(again.exception(), TimeoutError)
    listener.close()
