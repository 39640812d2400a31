"""How long the peer had the word: over the network in memory, so that times are exact."""

import asyncio

from simulator.network.profiles import NetworkProfile
from simulator.network.shaped import beside, turns_of
from simulator.network.turns import UNTIMED, Turns, Waited
from simulator.transport.memory import MemoryNetwork
from tests.network.stream_rig import in_memory
from tests.network.test_shaped import HALF_SECOND, SERVER, Echo, Receiver, over_memory


class Slow(Echo):
    """Answers after a quarter of a second."""

    def on_datagram(self, data, peer):
        asyncio.get_running_loop().call_later(0.25, self.port.send, data, peer)


async def asks(network, times, every_s=2.0, server=SERVER):
    port = await network.open_datagram(server, Receiver())
    for _ in range(times):
        port.send(b"?")
        await asyncio.sleep(every_s)


def test_a_turn_is_what_the_peer_takes_without_the_link():
    async def work(network, echo):
        echo.__class__ = Slow
        await asks(network, 3)
        return turns_of(network).so_far()

    assert over_memory(work) == Waited(750_000, 3)


def test_what_is_lost_on_the_way_there_is_no_turn_of_the_peer():
    async def work(network, echo):
        await asks(network, 3)
        return turns_of(network).so_far()

    assert over_memory(work, NetworkProfile("deaf", loss=1.0)) == Waited(0, 0)


def test_an_answer_that_the_link_loses_is_a_turn_all_the_same():
    turns = Turns()
    turns.asked(1.0)
    turns.answered(1.5)
    assert turns.so_far() == Waited(500_000, 1)


def test_a_turn_begins_anew_with_each_thing_that_is_sent_and_ends_once():
    turns = Turns()
    for moment in (1.0, 2.0):
        turns.asked(moment)
    turns.answered(2.25)
    turns.answered(9.0)
    assert turns.so_far() == Waited(250_000, 1)
    before = turns.so_far()
    turns.asked(10.0)
    turns.answered(10.5)
    assert turns.since(before) == Waited(500_000, 1)


def test_each_purpose_has_its_own_clock_on_the_same_link():
    async def work(network, echo):
        echo.__class__ = Slow
        other = beside(network)
        await asks(other, 2)
        return turns_of(network).so_far(), turns_of(other).so_far()

    assert over_memory(work) == (Waited(0, 0), Waited(500_000, 2))


def test_without_a_link_nobody_times_the_peer():
    async def work(world):
        plain = MemoryNetwork(asyncio.get_running_loop(), None)
        assert beside(plain) is plain
        assert turns_of(plain) is UNTIMED
        assert UNTIMED.since(UNTIMED.so_far()) == Waited(-1, -1)

    in_memory(work, HALF_SECOND)


def test_a_turn_on_a_stream_lasts_until_the_first_byte():
    async def work(world):
        client, server = await world.connect()
        loop = asyncio.get_running_loop()
        server.on_data = lambda _: (
            loop.call_later(0.125, server.port.write, b"head"),
            loop.call_later(5.0, server.port.write, b"body"),
        )
        for _ in range(2):
            client.port.write(b"question")
            await asyncio.sleep(20)
        assert client.data == b"headbody" * 2
        return turns_of(world.device).so_far()

    assert in_memory(work, HALF_SECOND) == Waited(250_000, 2)


def test_a_handshake_of_tcp_is_no_turn():
    async def work(world):
        await world.connect()
        return turns_of(world.device).so_far()

    assert in_memory(work, HALF_SECOND) == Waited(0, 0)
