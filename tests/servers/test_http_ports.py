"""A protocol of asyncio over stream ports, in virtual time: it is told what asyncio tells, with nothing left behind."""

from __future__ import annotations

import asyncio
import random

from simulator.network.profiles import PROFILES
from simulator.ports import UNSENT_MAX, Address
from simulator.servers.http_ports import PortTransport
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

PLACE = Address("127.0.0.1", 80)


class Client:
    """The other side of a connection."""

    def __init__(self):
        self.got, self.eof, self.lost = b"", False, False

    def on_data(self, data):
        self.got += data

    def on_eof(self):
        self.eof = True

    def on_lost(self, error):
        self.lost = True


class Echo(asyncio.Protocol):
    """Answers every piece in two writes, and ``bye`` by closing."""

    def __init__(self, log):
        self.log = log

    def connection_made(self, transport):
        self.transport = transport
        self.log.append(("made", transport.get_extra_info("peername")[0], transport.get_extra_info("socket")))

    def data_received(self, data):
        self.transport.write(b"you said ")
        self.transport.writelines([data[:1], memoryview(data[1:])])
        assert self.transport.get_write_buffer_size() == 9 + len(data)
        if data == b"bye":
            self.transport.close()
            self.transport.write(b"too late")
        if data == b"die":
            self.transport.abort()

    def connection_lost(self, error):
        self.log.append("lost")


class Heard:
    """A stream port that keeps what is written."""

    def __init__(self, port, pieces):
        self.close, self.abort = port.close, port.abort
        self.port, self.pieces = port, pieces

    def write(self, data):
        self.pieces.append(data)
        self.port.write(data)


def talk(*said, then=None):
    """Say something to an echo; what came back, and what the protocol was told."""
    log, pieces = [], []

    async def work():
        network = MemoryNetwork(asyncio.get_running_loop(), random.Random(1))

        def accept(port, peer):
            transport = PortTransport(port, peer, Echo(log))
            transport._port = Heard(port, pieces)
            return transport

        await network.listen_stream(PLACE, accept)
        client = Client()
        port = await network.open_stream(PLACE, client)
        for words in said:
            port.write(words)
            await asyncio.sleep(1)
        if then is not None:
            then(port)
        await asyncio.sleep(1)
        return client

    return run_virtual(work()), log, pieces


def test_what_is_written_in_one_turn_goes_in_one_piece():
    client, log, pieces = talk(b"hello", b"again")
    assert client.got == b"you said helloyou said again"
    assert pieces == [b"you said hello", b"you said again"]
    assert log == [("made", "10.0.0.1", None)]


def test_a_close_comes_after_what_was_written():
    client, log, _ = talk(b"bye")
    assert client.got == b"you said bye"
    assert client.eof or client.lost
    assert log[1:] == ["lost"]


class Whole(asyncio.Protocol):
    """Sends more than a peer may leave unread, and closes."""

    def connection_made(self, transport):
        transport.write(bytes(3 * UNSENT_MAX))
        transport.close()


def test_the_end_waits_for_the_peer_after_more_than_a_peer_may_leave_unread():
    async def work():
        network = MemoryNetwork(asyncio.get_running_loop(), random.Random(1), PROFILES["lte-m"])
        ended = []

        def accept(port, peer):
            transport = PortTransport(port, peer, Whole())
            transport._port = Heard(port, [])
            transport._port.close = lambda: (ended.append("closed"), port.close())
            return transport

        await network.listen_stream(PLACE, accept)
        client = Client()
        port = await network.open_stream(PLACE, client)
        await asyncio.sleep(3600)
        assert (len(client.got), ended) == (3 * UNSENT_MAX, [])
        port.close()
        await asyncio.sleep(10)
        assert ended == ["closed"]

    run_virtual(work())


def test_an_abort_takes_what_was_written_with_it():
    client, log, _ = talk(b"die")
    assert (client.got, client.lost) == (b"", True)
    assert log[1:] == ["lost"]


def test_the_end_of_the_peer_is_the_end():
    for end in (lambda port: port.close(), lambda port: port.abort()):
        _, log, _ = talk(b"hello", then=end)
        assert log[1:] == ["lost"]
