"""The network under DTLS and TLS, as a device has it."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.ports import Address
from simulator.security.credentials import Credentials, ServerCredentials
from simulator.security.failures import HandshakeFailedError
from simulator.transport.deadlines import Deadlines
from simulator.transport.dtls_handshake import HandshakeTimers
from simulator.transport.dtls_listener import bind_dtls
from simulator.transport.memory import MemoryNetwork
from simulator.transport.secure import SecureNetwork
from simulator.transport.tls_listener import listen_tls
from simulator.transport.virtual import run_virtual
from tests.security.rig import CA, DEVICE_IDENTITY, PSK_PAIR, SERVER, Ears

MUTUAL = Credentials(identity=DEVICE_IDENTITY, trust=CA.trust)


class Echo:
    """Above a stream of the server: says it back in capitals."""

    def __init__(self, port):
        self.port = port

    def on_data(self, data):
        self.port.write(data.upper())

    def on_eof(self):
        self.port.close()

    def on_lost(self, error):
        pass


class Hears:
    def __init__(self):
        self.data = b""

    def on_data(self, data):
        self.data += data

    def on_eof(self):
        pass

    def on_lost(self, error):
        pass


class World:
    def __init__(self):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.memory = MemoryNetwork(loop, random.Random(1))
        self.server = Ears(bytes.upper)

    async def listen(self, credentials):
        shared = credentials, self.deadlines, self.now
        self.server.port = await bind_dtls(self.memory, SERVER, self.server, *shared)
        await listen_tls(self.memory, SERVER, lambda port, _peer: Echo(port), *shared)

    def network(self, credentials, **options):
        return SecureNetwork(self.memory, credentials, self.deadlines, self.now, **options)


def in_world(work):
    async def run():
        world = World()
        await work(world)
        if world.server.port is not None:
            world.server.port.close()
        world.deadlines.close()

    run_virtual(run())


def both(host):
    return ServerCredentials(identity=CA.server(host), trust=CA.trust, psks=PSK_PAIR[1].psks)


def test_datagrams_and_streams_pass_and_the_address_is_the_name_of_the_certificate():
    async def work(world):
        await world.listen(both(SERVER.host))
        network = world.network(MUTUAL)
        ears, hears = Ears(), Hears()
        port = await network.open_datagram(SERVER, ears)
        port.send(b"datagram")
        stream = await network.open_stream(SERVER, hears)
        stream.write(b"stream")
        await asyncio.sleep(1)
        assert (ears.heard, hears.data) == ([b"DATAGRAM"], b"STREAM")
        port.close()
        stream.close()

    in_world(work)


@pytest.mark.parametrize("named", ["", "another.example"])
def test_a_certificate_for_another_name_is_refused(named):
    async def work(world):
        await world.listen(both("192.0.2.77"))
        network = world.network(Credentials(identity=DEVICE_IDENTITY, trust=CA.trust, server_name=named))
        ears = Ears()
        await network.open_datagram(SERVER, ears)
        with pytest.raises(HandshakeFailedError, match=f"wrong host name.*not for {named or SERVER.host}"):
            await network.open_stream(SERVER, Hears())
        await asyncio.sleep(1)
        assert "wrong host name" in ears.errors[0].cause

    in_world(work)


def test_without_a_credential_nothing_is_sent():
    async def work(world):
        network = world.network(Credentials())
        with pytest.raises(HandshakeFailedError, match="no credential for DTLS"):
            await network.open_datagram(SERVER, Ears())
        with pytest.raises(HandshakeFailedError, match="no credential"):
            await network.open_stream(SERVER, Hears())
        assert world.memory.counts.sent == 0

    in_world(work)


def test_timers_and_random_bytes_are_those_given():
    async def work(world):
        drawn = []

        def entropy(length):
            drawn.append(length)
            return bytes(length)

        silent = await world.memory.bind_datagram(Address("10.9.0.9", 5684), Ears())
        network = world.network(PSK_PAIR[0], entropy=entropy, timers=HandshakeTimers(2.0, 60.0, 1))
        ears = Ears()
        await network.open_datagram(silent.local, ears)
        await asyncio.sleep(5.9)
        assert ears.errors == []
        await asyncio.sleep(0.2)
        assert [error.cause for error in ears.errors] == ["no answer to ClientHello"]
        assert drawn
        silent.close()

    in_world(work)
