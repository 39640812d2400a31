"""A profile in front of a port: over the network in memory, so that times are exact, and once over real sockets."""

import asyncio
import random

import pytest

from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.network.shaped import ShapedNetwork, shaped
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.sockets import SocketNetwork
from simulator.transport.virtual import run_virtual

SERVER = Address("10.9.0.1", 5683)
HALF_SECOND = NetworkProfile("x", delay_s=0.5)


class Receiver:
    def __init__(self):
        self.got = []
        self.errors = []

    def on_datagram(self, data, peer):
        self.got.append((asyncio.get_running_loop().time(), data))

    def on_datagram_error(self, error):
        self.errors.append((asyncio.get_running_loop().time(), type(error)))


class Echo(Receiver):
    port = None

    def on_datagram(self, data, peer):
        super().on_datagram(data, peer)
        self.port.send(data, peer)


def over_memory(work, profile=HALF_SECOND, seed=1):
    async def main():
        loop = asyncio.get_running_loop()
        plain = MemoryNetwork(loop, random.Random(0))
        echo = Echo()
        echo.port = await plain.bind_datagram(SERVER, echo)
        return await work(shaped(plain, loop, profile, random.Random(seed)), echo)

    return run_virtual(main())


def test_an_ideal_profile_changes_nothing_at_all():
    async def work():
        loop = asyncio.get_running_loop()
        plain = MemoryNetwork(loop, random.Random(0))
        assert shaped(plain, loop, IDEAL, random.Random(1)) is plain
        assert shaped(plain, loop, HALF_SECOND, random.Random(1)) is not plain

    run_virtual(work())


def test_both_directions_take_their_time():
    async def work(network, echo):
        client = Receiver()
        port = await network.open_datagram(SERVER, client)
        port.send(b"a")
        await asyncio.sleep(5)
        assert port.local.port
        return echo.got, client.got

    assert over_memory(work) == ([(0.5, b"a")], [(1.0, b"a")])


def test_all_ports_of_a_device_share_its_link():
    async def work(network, echo):
        ports = [await network.open_datagram(SERVER, Receiver()) for _ in range(3)]
        for port in ports:
            port.send(bytes(972))
        await asyncio.sleep(10)
        return [when for when, _ in echo.got]

    assert over_memory(work, NetworkProfile("slow", rate_bps=8000)) == [1.0, 2.0, 3.0]


def test_loss_in_both_directions():
    async def work(network, echo):
        client = Receiver()
        port = await network.open_datagram(SERVER, client)
        for _ in range(1000):
            port.send(b"a")
        await asyncio.sleep(5)
        return len(echo.got), len(client.got)

    there, back = over_memory(work, NetworkProfile("lossy", loss=0.3))
    assert 630 < there < 770
    assert 0.63 < back / there < 0.77


def test_the_same_seed_gives_the_same_history():
    async def work(network, echo):
        client = Receiver()
        port = await network.open_datagram(SERVER, client)
        for i in range(100):
            port.send(bytes([i]))
            await asyncio.sleep(0.01)
        await asyncio.sleep(20)
        return client.got

    profile = NetworkProfile("x", delay_s=0.1, jitter_s=0.2, loss=0.1, duplicate=0.1, reorder=0.1, rate_bps=1e5)
    assert over_memory(work, profile, 3) == over_memory(work, profile, 3) != over_memory(work, profile, 4)


def test_what_was_sent_before_close_arrives_and_nothing_is_handed_on_after_it():
    async def work(network, echo):
        client = Receiver()
        port = await network.open_datagram(SERVER, client)
        port.send(b"answered too late")
        await asyncio.sleep(0.75)
        port.send(b"sent before")
        port.close()
        port.close()
        port.send(b"after close")
        await asyncio.sleep(5)
        with pytest.raises(ValueError, match="the port is closed"):
            _ = port.local
        return [data for _, data in echo.got], client.got

    assert over_memory(work) == ([b"answered too late", b"sent before"], [])


def test_a_refusal_has_the_way_back_before_it():
    async def work(network, echo):
        client, gone = Receiver(), Receiver()
        for receiver in (client, gone):
            port = await network.open_datagram(Address("10.9.0.99", 1), receiver)
            port.send(b"a")
        await asyncio.sleep(0.75)
        port.close()
        await asyncio.sleep(5)
        return client.errors, gone.errors

    assert over_memory(work) == ([(1.0, ConnectionRefusedError)], [])


def test_errors_of_the_local_stack_pass():
    async def work(network, echo):
        client = Receiver()
        port = await network.open_datagram(SERVER, client)
        port.send(bytes(65_508))
        await asyncio.sleep(5)
        return client.errors

    assert over_memory(work) == [(0.5, OSError)]


def test_what_is_bound_and_listens_is_that_of_the_network():
    class Asked:
        def __init__(self):
            self.calls = []

        def __getattr__(self, name):
            async def call(*args, **settings):
                self.calls.append((name, args, settings))
                return name

            return call

    async def work():
        asked = Asked()
        network = ShapedNetwork(asked, asyncio.get_running_loop(), HALF_SECOND, random.Random(1))
        receiver = Receiver()
        assert await network.bind_datagram(SERVER, receiver) == "bind_datagram"
        assert await network.listen_stream(SERVER, receiver) == "listen_stream"
        return asked.calls == [
            ("bind_datagram", (SERVER, receiver), {}),
            ("listen_stream", (SERVER, receiver), {}),
        ]

    assert run_virtual(work())


async def test_over_real_sockets():
    loop = asyncio.get_running_loop()
    plain = SocketNetwork(loop)
    echo, answered = Echo(), asyncio.Event()
    echo.port = await plain.bind_datagram(Address("127.0.0.1", 0), echo)

    class Client(Receiver):
        def on_datagram(self, data, peer):
            super().on_datagram(data, peer)
            answered.set()

    client = Client()
    network = shaped(plain, loop, NetworkProfile("x", delay_s=0.03), random.Random(1))
    port = await network.open_datagram(echo.port.local, client)
    sent = loop.time()
    port.send(b"a")
    await asyncio.wait_for(answered.wait(), 20)
    assert client.got[0][0] - sent >= 0.06
    port.close()
    echo.port.close()
