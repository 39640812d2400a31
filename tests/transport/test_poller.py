"""One epoll serves all sockets; what one of them does to another, or to itself, stops none."""

import asyncio
import socket

import pytest

from simulator.transport.poller import BATCH, Poller


class Pair:
    def __init__(self):
        self.here, self.there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.here.setblocking(False)

    def close(self):
        self.here.close()
        self.there.close()


@pytest.fixture
def pairs():
    made = [Pair() for _ in range(3 * BATCH)]
    yield made
    for pair in made:
        pair.close()


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_every_socket_is_served_in_batches(pairs):
    poller, got = Poller(asyncio.get_running_loop()), []
    for number, pair in enumerate(pairs):
        poller.add(pair.here.fileno(), lambda pair=pair, number=number: got.append((number, pair.here.recv(10))))
        pair.there.send(b"x")
    await turns()
    assert sorted(got) == [(number, b"x") for number in range(len(pairs))]
    for pair in pairs:
        poller.remove(pair.here.fileno())


async def test_a_reader_that_closes_another_is_no_harm(pairs):
    poller, got = Poller(asyncio.get_running_loop()), []
    first, second = pairs[:2]

    def take(one, other):
        got.append(one.here.recv(10))
        poller.remove(other.here.fileno())

    poller.add(first.here.fileno(), lambda: take(first, second))
    poller.add(second.here.fileno(), lambda: take(second, first))
    first.there.send(b"1")
    second.there.send(b"2")
    await turns()
    assert len(got) == 1
    for pair in (first, second):
        poller.remove(pair.here.fileno())


@pytest.mark.expected_warnings("ERROR simulator.transport.poller: a datagram could not be taken")
async def test_a_reader_that_fails_stops_no_other(pairs):
    poller, got = Poller(asyncio.get_running_loop()), []
    bad, good = pairs[:2]

    def fail():
        bad.here.recv(10)
        raise ValueError

    poller.add(bad.here.fileno(), fail)
    poller.add(good.here.fileno(), lambda: got.append(good.here.recv(10)))
    bad.there.send(b"x")
    good.there.send(b"y")
    await turns()
    assert got == [b"y"]
    poller.remove(bad.here.fileno())
    poller.remove(good.here.fileno())


async def test_the_last_socket_takes_the_epoll_with_it_and_another_brings_it_back(pairs):
    loop, got = asyncio.get_running_loop(), []
    poller, pair = Poller(loop), pairs[0]
    for _ in range(2):
        poller.add(pair.here.fileno(), lambda: got.append(pair.here.recv(10)))
        pair.there.send(b"x")
        await turns()
        poller.remove(pair.here.fileno())
        poller.remove(pair.here.fileno())
    assert got == [b"x", b"x"]
