"""Ports that several processes serve: who gets what, and who may join."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import defaultdict

import pytest

from simulator.ports import Address
from simulator.transport import sharing
from simulator.transport.loop import new_event_loop
from simulator.transport.sockets import SocketNetwork

FREE = Address("127.0.0.1", 0)
PEERS = 64
"""So many that none of two would get any only once in 2**63."""


@pytest.fixture(params=[new_event_loop, asyncio.new_event_loop])
def run(request):
    def run(work):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(work)

    return run


class Heard:
    """Counts by peer what comes to one process."""

    def __init__(self):
        self.peers = defaultdict(int)

    def on_datagram(self, _data, peer):
        self.peers[peer] += 1

    def on_datagram_error(self, error):
        raise error


async def until(reached):
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  two counters have no event
            await asyncio.sleep(0.005)


async def datagrams():
    """What two processes hear when each of many peers says three things."""
    networks = [SocketNetwork(asyncio.get_running_loop(), shared=True) for _ in range(2)]
    heard = [Heard(), Heard()]
    first = await networks[0].bind_datagram(FREE, heard[0])
    second = await networks[1].bind_datagram(first.local, heard[1])
    assert first.local == second.local
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PEERS)]
    for _ in range(3):
        for peer in peers:
            peer.sendto(b"?", first.local)
    await until(lambda: sum(sum(one.peers.values()) for one in heard) == 3 * PEERS)
    for one in (*peers, first, second):
        one.close()
    return heard


def test_all_datagrams_of_a_peer_come_to_one_process_and_both_have_peers(run):
    heard = run(datagrams())
    assert all(one.peers for one in heard)
    assert not heard[0].peers.keys() & heard[1].peers.keys()
    assert {count for one in heard for count in one.peers.values()} == {3}


class Stream:
    """Takes a connection and nothing of it."""

    def on_data(self, data):
        raise AssertionError(data)

    def on_eof(self):
        pass

    def on_lost(self, error):
        pass


async def connections():
    """How many connections two processes accept."""
    networks = [SocketNetwork(asyncio.get_running_loop(), shared=True) for _ in range(2)]
    accepted = [[], []]

    def accept(k):
        return lambda port, _peer: accepted[k].append(port) or Stream()

    first = await networks[0].listen_stream(FREE, accept(0))
    second = await networks[1].listen_stream(first.local, accept(1))
    peers = [socket.create_connection(first.local) for _ in range(PEERS)]
    await until(lambda: sum(map(len, accepted)) == PEERS)
    for one in (*peers, first, second, *accepted[0], *accepted[1]):
        one.close()
    return [len(ports) for ports in accepted]


def test_both_processes_accept_connections(run):
    assert all(run(connections()))


@pytest.mark.parametrize("kind", ["datagram", "stream"])
def test_a_port_of_somebody_who_does_not_share_it_is_taken(run, kind):
    async def work():
        loop = asyncio.get_running_loop()
        alone, shared = SocketNetwork(loop), SocketNetwork(loop, shared=True)
        if kind == "datagram":
            port = await alone.bind_datagram(FREE, Heard())
            open_other = shared.bind_datagram(port.local, Heard())
        else:
            port = await alone.listen_stream(FREE, lambda _port, _peer: Stream())
            open_other = shared.listen_stream(port.local, lambda _port, _peer: Stream())
        with pytest.raises(OSError, match=rf"{port.local}") as caught:
            await open_other
        port.close()
        return caught.value.errno

    assert run(work()) == errno.EADDRINUSE


class Noted:
    """A socket that notes what is asked of it."""

    def __init__(self):
        self.asked = []

    def setsockopt(self, _level, option, _value):
        self.asked.append("share" if option == socket.SO_REUSEPORT else option)

    def bind(self, address):
        self.asked.append(address)


@pytest.mark.parametrize(
    ("port", "asked"), [(0, [("127.0.0.1", 0), "share"]), (9, ["share", ("127.0.0.1", 9)])], ids=["free", "joined"]
)
def test_a_free_port_is_taken_before_it_is_shared(port, asked):
    """The other way round the kernel may give out a UDP port that strangers share."""
    sock = Noted()
    sharing.bind_shared(sock, Address("127.0.0.1", port))
    assert sock.asked == asked
