"""The shell of CoAP over TCP on a network in memory, in virtual time: both ends, and how connections end."""

from __future__ import annotations

import asyncio
import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import SZX_BERT
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.exchange import Failure
from simulator.coap.requests import request_options
from simulator.network.profiles import NetworkProfile
from simulator.ports import Address
from simulator.transport.coap_tcp import CoapTcpConnection, CoapTcpServer
from simulator.transport.deadlines import Deadlines
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual
from tests.coap.stream_wire import messages
from tests.coap.wire import Shelf, Sink

SERVER = Address("10.9.0.1", 5683)
IMAGE = random.Random(2).randbytes(300_000)
BAD = NetworkProfile("bad", delay_s=0.1, jitter_s=0.2, loss=0.1, duplicate=0.1, reorder=0.2, rate_bps=1e6, mtu=600)


class World:
    """A network, a server on it and the timers of both ends."""

    def __init__(self, handler, profile=None, **kw):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.net = MemoryNetwork(loop, random.Random(4), *([profile] if profile else []))
        self.deadlines = Deadlines(loop, loop.time)
        self.server = CoapTcpServer(self.now, random.Random(5), handler, self.deadlines.arm, **kw)

    async def open(self):
        await self.server.listen(self.net, SERVER)
        return self

    def client(self, handler=None, **kw):
        return CoapTcpConnection(self.now, random.Random(6), handler, self.deadlines.arm, **kw)

    def call(self, connection, path="fw", **kw):
        done = asyncio.get_running_loop().create_future()
        call = Call(c.GET, request_options([path]), b"", lambda r: done.done() or done.set_result(r), **kw)
        call.start(connection.endpoint, self.now())
        return done

    def close(self):
        self.server.close()
        self.deadlines.close()


def fetch(profile, seed_free_size):
    async def main():
        world = await World(Shelf(fw=IMAGE), profile).open()
        connection = world.client(max_message_size=seed_free_size)
        await connection.connect(world.net, SERVER)
        done = asyncio.get_running_loop().create_future()
        sink = Sink()
        sink.complete = lambda now: done.set_result("complete")
        sink.failed = lambda *why: done.set_result(why)
        Download(request_options(["fw"]), sink, SZX_BERT).start(connection.endpoint, world.now())
        ended = await done
        at = world.now()
        connection.close()
        await asyncio.sleep(60)
        left = dict(world.server.connections)
        world.close()
        return ended, bytes(sink.data), at, left

    return run_virtual(main())


@pytest.mark.parametrize("size", [1152, 8192, 1_000_000])
@pytest.mark.parametrize("profile", [None, BAD])
def test_a_download_arrives_whole_and_in_the_same_time_each_time(profile, size):
    ended, data, at, left = fetch(profile, size)
    assert (ended, data, left) == ("complete", IMAGE, {})
    assert fetch(profile, size)[2] == at


def test_one_whole_message_takes_one_round_trip_and_blocks_take_one_each():
    lan = NetworkProfile("slow", delay_s=0.5)
    whole, blocks = (fetch(lan, size)[2] for size in (1_000_000, 1152))
    assert blocks > whole + 280


def test_nobody_listens():
    async def main():
        world = World(Shelf())
        connection = world.client()
        result = world.call(connection)
        with pytest.raises(OSError, match=r"10\.9\.0\.1"):
            await connection.connect(world.net, SERVER)
        assert (await result).failure is Failure.UNREACHABLE
        assert connection.endpoint.deadline == inf
        world.close()

    run_virtual(main())


def test_a_connection_that_was_given_up_while_it_was_made_is_closed():
    async def main():
        world = await World(Shelf()).open()
        connection = world.client()
        connection.close()
        await connection.connect(world.net, SERVER)
        await asyncio.sleep(1)
        assert world.server.connections == {}
        world.close()

    run_virtual(main())


@pytest.mark.parametrize("which", ["client", "server"])
def test_either_end_may_close_and_both_are_told(which):
    async def main():
        shelf = Shelf(fw=b"x")
        world = await World(shelf).open()
        over = []
        connection = world.client(ended=over.append)
        await connection.connect(world.net, SERVER)
        assert (await world.call(connection)).payload == b"x"
        shelf.defer = True
        waiting = world.call(connection)
        await asyncio.sleep(1)
        (other,) = world.server.connections.values()
        assert other.endpoint.user == next(iter(world.server.connections))
        (connection if which == "client" else other).close()
        assert (await waiting).failure is (Failure.CLOSED if which == "client" else Failure.UNREACHABLE)
        await asyncio.sleep(1)
        assert over == [connection]
        assert world.server.connections == {}
        assert other.endpoint.closed
        world.close()

    run_virtual(main())


class Raw:
    """A peer that is no endpoint."""

    def __init__(self):
        self.data = b""
        self.ended = []

    def on_data(self, data):
        self.data += data

    def on_eof(self):
        self.ended.append("eof")

    def on_lost(self, error):
        self.ended.append("lost")


def test_a_peer_that_breaks_the_protocol_gets_an_abort_and_then_the_end():
    async def main():
        world = await World(Shelf()).open()
        raw = Raw()
        port = await world.net.open_stream(SERVER, raw)
        port.write(b"\xff" * 100)
        await asyncio.sleep(1)
        assert [m.code for m in messages(raw.data)] == [0xE1, 0xE5]
        assert raw.ended == ["eof"]
        assert world.server.connections == {}
        port.close()
        world.close()

    run_virtual(main())


def test_a_peer_that_says_nothing_is_not_kept():
    async def main():
        world = await World(Shelf()).open()
        raw = Raw()
        port = await world.net.open_stream(SERVER, raw)
        await asyncio.sleep(92)
        assert len(world.server.connections) == 1
        await asyncio.sleep(2)
        assert [m.code for m in messages(raw.data)] == [0xE1, 0xE5]
        assert world.server.connections == {}
        port.close()
        world.close()

    run_virtual(main())


class Port:
    """A stream port that the test moves by hand."""

    def __init__(self):
        self.written = []
        self.closed = 0

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("end", [None, "eof", "lost"])
def test_what_comes_before_the_port_is_known_is_not_lost(end):
    shelf = Shelf(fw=b"x")
    connection = CoapTcpConnection(lambda: 1.0, random.Random(1), shelf, lambda *_: None)
    port = Port()
    connection.on_data(b"\x40\xe1\x22\x04\x80\x20"[:3])
    connection.on_data(b"\x40\xe1\x22\x04\x80\x20"[3:] + b"\x31\x01t\xb2fw")
    if end == "eof":
        connection.on_eof()
    elif end == "lost":
        connection.on_lost(None)
    connection.attach(port, SERVER)
    assert port.closed == (end is not None)
    codes = [m.code for m in messages(b"".join(port.written))]
    assert codes == ([] if end == "lost" else [0xE1, c.CONTENT])
    connection.on_data(b"late" if end else b"")
    assert len(port.written) == len(codes)
