import asyncio
import errno
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.network.profiles import NetworkProfile
from simulator.network.shaped_stream import GIVE_UP_S
from simulator.ports import UNSENT_MAX, Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.memory_streams import WINDOW
from simulator.transport.virtual import run_virtual

SERVER = Address("10.9.0.1", 443)
SLOW = NetworkProfile("slow", delay_s=0.5)
BAD = NetworkProfile("bad", delay_s=0.1, jitter_s=0.2, loss=0.2, duplicate=0.2, reorder=0.2, rate_bps=1e6, mtu=600)


class End:
    """Keeps what happens to one end of a connection."""

    def __init__(self):
        self.port = None
        self.chunks = []
        self.happened = []

    def _note(self, what):
        self.happened.append((asyncio.get_running_loop().time(), what))

    def on_data(self, data):
        self.chunks.append(data)
        self._note("data")

    def on_eof(self):
        self._note("eof")

    def on_lost(self, error):
        self._note("closed" if error is None else errno.errorcode[error.errno])

    @property
    def data(self):
        return b"".join(self.chunks)

    @property
    def ends(self):
        return [what for _, what in self.happened if what != "data"]


class Pair:
    """A network with a listener, and what its connections become."""

    def __init__(self, profile=None, seed=1):
        loop = asyncio.get_running_loop()
        self.net = MemoryNetwork(loop, random.Random(seed), *([profile] if profile else []))
        self.accepted = []
        self.peers = []

    async def listen(self):
        def accept(port, peer):
            end = End()
            end.port = port
            self.accepted.append(end)
            self.peers.append(peer)
            return end

        self.listener = await self.net.listen_stream(SERVER, accept)
        return self

    async def connect(self):
        client = End()
        client.port = await self.net.open_stream(SERVER, client)
        return client, self.accepted[-1]


async def quiet():
    await asyncio.sleep(100_000)


def test_a_connection_takes_a_round_trip_and_carries_both_ways():
    async def work():
        pair = await Pair(SLOW).listen()
        client, server = await pair.connect()
        assert asyncio.get_running_loop().time() == 1.0
        assert pair.peers == [client.port.local]
        assert server.port.local == SERVER
        client.port.write(b"question")
        server.port.write(b"answer")
        await quiet()
        assert (server.data, client.data) == (b"question", b"answer")
        assert [t for t, _ in client.happened] == [1.5]

    run_virtual(work())


@pytest.mark.parametrize("profile", [None, SLOW])
@pytest.mark.parametrize("who", [0, 1])
def test_a_peer_that_takes_nothing_makes_nothing_grow(profile, who):
    async def work():
        pair = await Pair(profile).listen()
        ends = await pair.connect()
        end, other = ends[who], ends[1 - who]
        other.port.pause()
        written = 0
        while not end.ends and written < 10 * UNSENT_MAX:
            end.port.write(bytes(10_000))
            written += 10_000
            await asyncio.sleep(0.001)
        assert UNSENT_MAX <= written <= UNSENT_MAX + 4 * WINDOW
        assert end.ends == ["ENOBUFS"]
        end.port.write(b"no more")
        other.port.resume()
        await quiet()
        assert other.ends == ["ECONNRESET"]
        assert end.ends == ["ENOBUFS"]

    run_virtual(work())


def test_one_large_write_is_no_reason():
    async def work():
        pair = await Pair().listen()
        client, server = await pair.connect()
        client.port.write(bytes(4 * UNSENT_MAX))
        await quiet()
        client.port.write(bytes(4 * UNSENT_MAX))
        await quiet()
        assert len(server.data) == 8 * UNSENT_MAX
        assert not client.ends

    run_virtual(work())


def test_nobody_listening_is_refused_after_the_round_trip():
    async def work():
        pair = Pair(SLOW)
        with pytest.raises(ConnectionRefusedError, match=r"nobody listens at TCP 10\.9\.0\.1:443"):
            await pair.connect()
        assert asyncio.get_running_loop().time() == 1.0

    run_virtual(work())


def test_a_listener_that_closes_refuses_and_leaves_what_stands():
    async def work():
        pair = await Pair().listen()
        client, server = await pair.connect()
        pair.listener.close()
        pair.listener.close()
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()
        client.port.write(b"still here")
        await quiet()
        assert server.data == b"still here"
        await pair.listen()
        await pair.connect()

    run_virtual(work())


def test_a_taken_port_is_named():
    async def work():
        pair = await Pair().listen()
        with pytest.raises(OSError, match=r"10\.9\.0\.1:443 is taken"):
            await pair.listen()

    run_virtual(work())


def test_a_network_that_lets_nothing_pass_times_out():
    async def work():
        pair = await Pair(NetworkProfile("dead", loss=1.0)).listen()
        with pytest.raises(TimeoutError, match="no answer within 30 s"):
            await pair.connect()
        assert asyncio.get_running_loop().time() == 30.0

    run_virtual(work())


@pytest.mark.expected_warnings("could not take a connection")
def test_a_listener_that_fails_refuses():
    async def work():
        pair = Pair()
        await pair.net.listen_stream(SERVER, lambda _port, _peer: 1 // 0)
        with pytest.raises(ConnectionRefusedError):
            await pair.connect()

    run_virtual(work())


def test_whoever_stops_waiting_leaves_a_reset_behind():
    async def work():
        pair = await Pair(SLOW).listen()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.75):
                await pair.connect()
        await quiet()
        assert pair.accepted[0].ends == ["ECONNRESET"]

    run_virtual(work())


def test_close_sends_what_was_written_and_then_fin():
    async def work():
        pair = await Pair(SLOW).listen()
        client, server = await pair.connect()
        data = bytes(range(256)) * 1000
        client.port.write(data)
        client.port.close()
        client.port.write(b"too late")
        await quiet()
        assert server.data == data
        assert (server.ends, client.ends) == (["eof"], ["closed"])
        server.port.close()
        server.port.close()
        await quiet()
        assert (server.ends, client.ends) == (["eof", "closed"], ["closed"])

    run_virtual(work())


def test_what_comes_to_a_closed_end_is_answered_with_a_reset():
    async def work():
        pair = await Pair(SLOW).listen()
        client, server = await pair.connect()
        client.port.close()
        server.port.write(b"are you there?")
        await quiet()
        assert client.ends == ["closed"]
        assert not client.chunks
        assert server.ends == ["eof", "ECONNRESET"]

    run_virtual(work())


def test_abort_resets_the_other_end():
    async def work():
        pair = await Pair(SLOW).listen()
        client, server = await pair.connect()
        client.port.abort()
        client.port.abort()
        client.port.close()
        client.port.write(b"too late")
        await quiet()
        assert client.happened == [(1.0, "closed")]
        assert server.happened == [(1.5, "ECONNRESET")]
        server.port.write(b"nothing")
        server.port.abort()
        await quiet()
        assert len(server.happened) == 1

    run_virtual(work())


def test_a_paused_end_stops_the_sender_at_the_window():
    async def work():
        pair = await Pair().listen()
        client, server = await pair.connect()
        server.port.pause()
        data = random.Random(3).randbytes(5 * WINDOW + 17)
        client.port.write(data)
        client.port.close()
        await quiet()
        assert not server.happened
        assert not client.happened, "not closed before all is sent"
        server.port.resume()
        server.port.resume()
        await quiet()
        assert server.data == data
        assert (server.ends, client.ends) == (["eof"], ["closed"])

    run_virtual(work())


def test_a_receiver_may_pause_and_close_from_within():
    async def work():
        pair = await Pair(NetworkProfile("small", delay_s=0.1, mtu=140)).listen()
        client, server = await pair.connect()

        def take(data):
            server.chunks.append(data)
            server.port.pause()

        server.on_data = take
        client.port.write(bytes(1000))
        await quiet()
        assert server.chunks == [bytes(100)]
        server.on_data = lambda _data: server.port.close()
        server.port.resume()
        await quiet()
        assert server.ends == ["closed"]
        assert client.ends[-1] == "ECONNRESET" or client.ends == ["eof"]

    run_virtual(work())


class Fading(random.Random):
    """Lets everything pass, and from ``faded`` on nothing."""

    faded = False

    def random(self):
        return 0.0 if self.faded else 0.9


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_sender_whose_segments_are_all_lost_gives_up(who):
    async def work():
        pair = await Pair().listen()
        dice = Fading()
        pair.net = pair.net.behind(NetworkProfile("fading", loss=0.5), dice)
        client, server = await pair.connect()
        dice.faded = True
        end = client if who == "client" else server
        end.port.write(b"x")
        end.port.write(b"y")
        await asyncio.sleep(GIVE_UP_S - 1)
        assert not client.happened
        assert not server.happened
        await quiet()
        assert client.happened == [(GIVE_UP_S, "ETIMEDOUT")]
        assert (client.data, server.data) == (b"", b"")
        assert server.ends == ["ECONNRESET"], "next to the server, the connection is cleared away at the same time"

    run_virtual(work())


PIECES = st.lists(st.binary(max_size=3000), max_size=12)


def transfer(profile, seed, pieces):
    async def work():
        pair = await Pair(profile, seed).listen()
        client, server = await pair.connect()
        for piece in pieces:
            client.port.write(piece)
            server.port.write(piece[::-1])
            await asyncio.sleep(0.05)
        client.port.close()
        await quiet()
        server.port.close()
        await quiet()
        return client, server

    return run_virtual(work())


@given(st.integers(0, 2**32), PIECES)
def test_streams_keep_their_order_over_the_worst_network(seed, pieces):
    _, server = transfer(BAD, seed, pieces)
    assert server.data == b"".join(pieces)
    assert server.ends[0] == "eof"
    # A reset is the answer to what the server had on its way when the client closed.
    assert server.ends[1:] in (["closed"], ["ECONNRESET"])


@given(st.integers(0, 2**32), PIECES)
def test_the_same_seed_gives_the_same_history(seed, pieces):
    one, other = transfer(BAD, seed, pieces), transfer(BAD, seed, pieces)
    assert [end.happened for end in one] == [end.happened for end in other]
