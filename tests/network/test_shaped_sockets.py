"""A connection behind a link over real sockets: what it takes at least, what it holds at most, and how it ends."""

import asyncio
import random

import pytest
import uvloop

from simulator.network.lane import WINDOW
from simulator.network.link import TCP_HEADERS
from simulator.network.profiles import NetworkProfile
from simulator.ports import Address
from simulator.transport.sockets import SocketNetwork
from tests.network.stream_rig import World, now

LOOPBACK = Address("127.0.0.1", 0)
READ_MAX = 256 * 1024
"""The most that asyncio or uvloop reads from a socket at a time."""
FAST = NetworkProfile("fast", delay_s=0.005, rate_bps=1e9)
TICK_S = 0.002
"""A loop's clock may be so coarse."""


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """A function that runs a coroutine function with a world, on one of the loops."""

    def run(work, profile):
        async def main():
            network = SocketNetwork(asyncio.get_running_loop())
            await work(await World(network, profile).listen(LOOPBACK))

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main())

    return run


async def finish(each, client, server):
    """Let nothing be open at the end."""
    each.listener.close()
    server.port.abort()
    await client.gone()


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_transfer_takes_the_time_of_its_bytes_at_least(run, way):
    profile = NetworkProfile("x", delay_s=0.03, rate_bps=2e6, mtu=1000)

    async def work(each):
        start = now()
        client, server = await each.connect()
        assert now() - start >= 2 * 0.03 + 2 * TCP_HEADERS * 8 / 2e6 - TICK_S
        data = random.Random(1).randbytes(65_536)
        sender, taker = (client, server) if way == "up" else (server, client)
        start = now()
        sender.port.write(data)
        await taker.take(len(data))
        segments = -(-len(data) // (1000 - TCP_HEADERS))
        assert now() - start >= 0.03 + (len(data) + segments * TCP_HEADERS) * 8 / 2e6 - TICK_S
        assert taker.data == data
        await finish(each, client, server)

    run(work, profile)


def test_what_was_read_and_not_handed_on_is_bounded(run):
    async def work(each):
        client, server = await each.connect()
        client.port.pause()
        data = random.Random(2).randbytes(16 << 20)
        server.port.write(data)
        most = 0
        for _ in range(30):
            await asyncio.sleep(0.01)
            most = max(most, client.port.down.held)
        assert WINDOW < most <= WINDOW + READ_MAX
        assert not client.chunks
        client.port.resume()
        await client.take(len(data))
        assert client.data == data
        assert client.port.down.held == 0
        await finish(each, client, server)

    run(work, FAST)


def test_close_delivers_what_was_written_first(run):
    async def work(each):
        client, server = await each.connect()
        data = random.Random(3).randbytes(1 << 20)
        client.port.write(data)
        client.port.close()
        await server.take(len(data))
        await server.ended()
        assert server.data == data
        assert server.ends == ["eof"]
        server.port.close()
        await client.gone()
        assert client.ends == ["closed"]
        each.listener.close()

    run(work, FAST)


def test_the_end_comes_behind_the_bytes(run):
    async def work(each):
        client, server = await each.connect()
        data = random.Random(4).randbytes(1 << 20)
        server.port.write(data)
        server.port.close()
        await client.ended()
        assert client.data == data
        assert client.ends == ["eof"]
        client.port.close()
        await client.gone()
        each.listener.close()

    run(work, FAST)


def test_a_reset_passes_both_ways(run):
    async def work(each):
        client, server = await each.connect()
        client.port.abort()
        await server.ended()
        assert server.ends == ["ECONNRESET"]
        client, server = await each.connect()
        start = now()
        server.port.abort()
        await client.ended()
        assert client.ends == ["ECONNRESET"]
        assert now() - start >= 0.005 - TICK_S
        each.listener.close()

    run(work, FAST)


def test_nobody_listening_is_refused_after_the_round_trip(run):
    async def work(each):
        each.listener.close()
        start = now()
        with pytest.raises(ConnectionRefusedError, match="TCP to"):
            await each.connect()
        assert now() - start >= 0.06 - TICK_S

    run(work, NetworkProfile("x", delay_s=0.03))
