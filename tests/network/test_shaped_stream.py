"""A connection behind a link: over the network in memory, so that times are exact."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.network.lane import WINDOW
from simulator.network.link import AHEAD_SEGMENTS, IP_HEADER, TCP_HEADERS, UDP_HEADER
from simulator.network.profiles import PROFILES, NetworkProfile
from simulator.ports import Address
from tests.network.stream_rig import SERVER, End, in_memory, now

HALF_SECOND = NetworkProfile("x", delay_s=0.5)
KILOBYTE = NetworkProfile("slow", rate_bps=8000, mtu=1000)
"""A packet of full length takes a second."""
MSS = 1000 - TCP_HEADERS
SYN_S = TCP_HEADERS / 1000
BAD = NetworkProfile("bad", delay_s=0.1, jitter_s=0.2, loss=0.2, duplicate=0.2, reorder=0.2, rate_bps=1e6, mtu=600)


class Ears:
    """Keeps when datagrams came."""

    def __init__(self):
        self.at = []

    def on_datagram(self, data, peer):
        self.at.append(now())


async def quiet():
    await asyncio.sleep(100_000)


def test_a_connection_takes_a_round_trip_and_so_does_a_question():
    async def work(world):
        client, server = await world.connect()
        assert now() == 1.0
        server.on_data = lambda data: server.port.write(data.upper())
        client.port.write(b"question")
        await quiet()
        assert client.data == b"QUESTION"
        assert client.last == 2.0
        assert client.port.local.port

    in_memory(work, HALF_SECOND)


def test_the_handshake_takes_its_bytes_both_ways():
    async def work(world):
        await world.connect()
        assert now() == pytest.approx(2 * SYN_S)
        client = End()
        client.port = await world.device.open_stream(SERVER, client)
        assert now() == pytest.approx(5 * SYN_S), "behind the last part of the first handshake"

    in_memory(work, KILOBYTE)


def test_nobody_listening_is_refused_after_the_round_trip():
    async def work(world):
        with pytest.raises(ConnectionRefusedError, match=r"nobody listens at TCP 10\.9\.0\.9:1"):
            await world.device.open_stream(Address("10.9.0.9", 1), End())
        assert now() == 1.0

    in_memory(work, HALF_SECOND)


def test_a_link_that_lets_nothing_pass_times_out():
    async def work(world):
        with pytest.raises(TimeoutError, match="no answer within 30 s"):
            await world.connect()
        assert now() == 30.0
        assert not world.accepted

    in_memory(work, NetworkProfile("dead", loss=1.0))


def test_whoever_stops_waiting_hears_nothing_and_leaves_a_reset_behind():
    async def work(world):
        client = End()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.75):
                await world.device.open_stream(SERVER, client)
        await quiet()
        assert world.accepted[0].ends == ["ECONNRESET"]
        assert not client.happened

    in_memory(work, HALF_SECOND)


def test_what_a_server_says_at_once_comes_after_the_connection():
    async def work(world):
        def greet(port, _peer):
            port.write(b"220 hello")
            port.close()
            return End(port)

        await world.plain.listen_stream(Address("10.9.0.2", 25), greet)
        client = End()
        client.port = await world.device.open_stream(Address("10.9.0.2", 25), client)
        assert not client.happened
        await asyncio.sleep(0)
        await quiet()
        assert client.data == b"220 hello"
        assert [what for _, what in client.happened] == [9, "eof"]

    in_memory(work, HALF_SECOND)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_transfer_takes_the_time_of_its_segments_and_their_headers(way):
    async def work(world):
        client, server = await world.connect()
        start = now()
        sender, taker = (client, server) if way == "up" else (server, client)
        sender.port.write(bytes(100 * MSS + 10))
        await quiet()
        assert len(taker.data) == 100 * MSS + 10
        # Upwards, behind the last part of the handshake.
        expected = 100 + (10 + TCP_HEADERS) / 1000 + (SYN_S if way == "up" else 0)
        assert taker.last - start == pytest.approx(expected)
        assert max(map(len, taker.chunks)) == MSS

    in_memory(work, KILOBYTE)


def test_acknowledgements_take_the_way_back_one_for_two_segments():
    async def work(world):
        client, server = await world.connect()
        start, heard = now(), Ears()
        await world.plain.bind_datagram(Address("10.9.0.3", 1), heard)
        port = await world.device.open_datagram(Address("10.9.0.3", 1), End())
        server.port.write(bytes(10 * MSS))
        await client.take(10 * MSS)
        port.send(bytes(100 - UDP_HEADER - IP_HEADER))
        await quiet()
        # Behind the last part of the handshake and five acknowledgements.
        assert heard.at == [pytest.approx(start + (6 * TCP_HEADERS + 100) / 100)]

    in_memory(work, NetworkProfile("x", rate_bps=800_000, rate_up_bps=800, mtu=1000))


def test_an_answer_carries_the_acknowledgement():
    async def work(world):
        client, server = await world.connect()
        heard = Ears()
        await world.plain.bind_datagram(Address("10.9.0.3", 1), heard)
        port = await world.device.open_datagram(Address("10.9.0.3", 1), End())
        came = []

        def answer(_data):
            came.append(now())
            client.port.write(b"!")
            asyncio.get_running_loop().call_soon(port.send, bytes(100 - UDP_HEADER - IP_HEADER))

        client.on_data = answer
        server.port.write(bytes(10 * MSS))
        await quiet()
        assert server.data == b"!" * 10
        # Nothing but the answer is before the datagram.
        assert heard.at == pytest.approx([when + (TCP_HEADERS + 1 + 100) / 1000 for when in came])

    in_memory(work, KILOBYTE)


def test_connections_and_datagrams_of_a_device_share_its_link():
    async def work(world):
        heard = Ears()
        await world.plain.bind_datagram(Address("10.9.0.3", 1), heard)
        management = await world.device.open_datagram(Address("10.9.0.3", 1), End())
        ends = [await world.connect() for _ in range(2)]
        start = now()
        for client, _ in ends:
            client.port.write(bytes(50 * MSS))
        await asyncio.sleep(10)
        sent = now()
        management.send(bytes(1000 - UDP_HEADER - IP_HEADER))
        await quiet()
        finished = [server.last - start for _, server in ends]
        assert max(finished) == pytest.approx(101, abs=1), "one link for all"
        assert finished[0] == pytest.approx(finished[1], abs=AHEAD_SEGMENTS), "and each its share"
        assert heard.at[0] - sent <= 2 * AHEAD_SEGMENTS + 2, "a datagram waits for a few segments, not for the whole"

    in_memory(work, KILOBYTE)


@given(st.floats(1e4, 1e7), st.integers(0, 20_000), st.integers(1, 100_000), st.integers(0, 9))
def test_nothing_that_arrives_is_faster_than_the_rate_and_the_burst(rate, more, size, seed):
    profile = NetworkProfile("x", rate_bps=rate, mtu=600, burst_bytes=600 + more)

    async def work(world):
        client, server = await world.connect()
        server.port.write(random.Random(seed).randbytes(size))
        await quiet()
        assert client.data == random.Random(seed).randbytes(size)
        arrived = [(when, what + TCP_HEADERS) for when, what in client.happened]
        for first in range(0, len(arrived), 7):
            carried = 0
            for when, wire in arrived[first:]:
                carried += wire
                assert carried <= rate / 8 * (when - arrived[first][0]) + profile.burst_bytes + 1e-6 * carried

    in_memory(work, profile, seed)


def test_what_was_read_and_not_handed_on_is_bounded():
    async def work(world):
        client, server = await world.connect()
        client.port.pause()
        data = random.Random(1).randbytes(20 * WINDOW)
        server.port.write(data)
        server.port.close()
        await quiet()
        assert not client.happened
        assert client.port.down.held <= 2 * WINDOW, "a window, and what one read brings"
        assert not server.happened, "not closed before all is sent"
        client.port.resume()
        client.port.resume()
        await quiet()
        assert client.data == data
        assert client.port.down.held == 0
        assert (client.ends, server.ends) == (["eof"], ["closed"])

    in_memory(work, HALF_SECOND)


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "ideal"])
def test_a_slow_link_holds_back_the_server_too(name):
    async def work(world):
        client, server = await world.connect()
        most = 0
        data = random.Random(1).randbytes(6 * WINDOW)
        server.port.write(data)
        while len(client.data) < len(data):
            most = max(most, client.port.down.held)
            await asyncio.sleep(0.01 if PROFILES[name].rate_bps > 1e6 else 1.0)
        assert client.data == data
        assert most <= 2 * WINDOW

    in_memory(work, PROFILES[name])


def test_a_reset_comes_behind_the_bytes():
    async def work(world):
        client, server = await world.connect()
        server.port.write(bytes(3 * MSS))
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        server.port.abort()
        await quiet()
        assert [what for _, what in client.happened] == [MSS, MSS, MSS, "ECONNRESET"]
        assert client.happened[-1][0] == pytest.approx(2 * SYN_S + 3 + SYN_S)
        client.port.write(b"nothing")
        client.port.close()
        client.port.abort()
        await quiet()
        assert len(client.happened) == 4

    in_memory(work, KILOBYTE)


def test_close_delivers_what_was_written_first_and_then_fin():
    async def work(world):
        client, server = await world.connect()
        data = random.Random(2).randbytes(3 * WINDOW)
        client.port.write(data)
        client.port.close()
        client.port.close()
        client.port.write(b"too late")
        await quiet()
        assert server.data == data
        assert (server.ends, client.ends) == (["eof"], ["closed"])
        assert server.happened[-1][0] == pytest.approx(client.happened[-1][0])

    in_memory(work, NetworkProfile("x", delay_s=0.5, rate_bps=1e5))


@pytest.mark.parametrize("paused", [False, True])
def test_a_server_that_resets_while_a_close_is_on_its_way_is_told_of(paused):
    async def work(world):
        client, server = await world.connect()
        if paused:
            client.port.pause()
        client.port.close()
        server.port.abort()
        await quiet()
        assert client.ends == ["ECONNRESET"]

    in_memory(work, HALF_SECOND)


def test_what_nobody_will_get_takes_no_more_of_the_link():
    async def work(world):
        client, server = await world.connect()
        client.port.write(bytes(100 * MSS))
        server.port.abort()
        await asyncio.sleep(AHEAD_SEGMENTS + 1)
        client, server = await world.connect()
        start = now()
        client.port.write(bytes(10 * MSS))
        await quiet()
        assert server.last - start == pytest.approx(10 + SYN_S)

    in_memory(work, KILOBYTE)


def test_abort_is_at_once_here_and_passes_the_link_to_the_server():
    async def work(world):
        client, server = await world.connect()
        client.port.write(bytes(100 * MSS))
        await asyncio.sleep(1.5)
        client.port.abort()
        client.port.abort()
        at = now()
        await quiet()
        assert client.happened == [(at, "closed")]
        assert server.ends == ["ECONNRESET"]
        assert len(server.data) <= 6 * MSS, "what was not sent is dropped"
        assert server.happened[-1][0] < at + AHEAD_SEGMENTS + 1.5

    in_memory(work, NetworkProfile("x", delay_s=0.5, rate_bps=8000, mtu=1000))


def test_a_loss_delays_and_spoils_nothing():
    async def work(world):
        client, server = await world.connect()
        data = random.Random(3).randbytes(100 * MSS)
        server.port.write(data)
        await quiet()
        return client.data == data, client.last

    lossy = NetworkProfile("x", delay_s=0.1, rate_bps=80_000, mtu=1000, loss=0.05)
    whole, last = in_memory(work, lossy, 5)
    assert whole
    assert last > 100 * 0.1 + 1.0, "a time-out at least"


PIECES = st.lists(st.binary(max_size=3000), max_size=12)


@given(st.integers(0, 2**32), PIECES, st.lists(st.floats(0, 3), max_size=6))
def test_streams_keep_their_order_over_the_worst_link_with_pauses(seed, pieces, pauses):
    async def work(world):
        client, server = await world.connect()
        for piece in pieces:
            client.port.write(piece)
            server.port.write(piece[::-1])
            await asyncio.sleep(0.05)
        for pause in pauses:
            client.port.pause()
            before = len(client.chunks)
            await asyncio.sleep(pause)
            assert len(client.chunks) == before
            client.port.resume()
            await asyncio.sleep(0.01)
        await quiet()
        server.port.close()
        await quiet()
        client.port.close()
        await quiet()
        assert server.data == b"".join(pieces)
        assert client.data == b"".join(piece[::-1] for piece in pieces)
        assert client.ends == ["eof", "closed"]
        return client.happened, server.happened

    assert in_memory(work, BAD, seed) == in_memory(work, BAD, seed)
