import asyncio
import errno
import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.network.profiles import NetworkProfile
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

SERVER = Address("10.9.0.1", 5683)
BAD = NetworkProfile("bad", delay_s=0.1, jitter_s=0.2, loss=0.2, duplicate=0.2, reorder=0.2, rate_bps=1e5)


class Ears:
    """Keeps what it hears, with the time, and may answer."""

    def __init__(self, answer=None):
        self.heard = []
        self.errors = []
        self.answer = answer
        self.port = None

    def on_datagram(self, data, peer):
        self.heard.append((asyncio.get_running_loop().time(), data, peer))
        if self.answer is not None:
            self.port.send(self.answer(data), peer)

    def on_datagram_error(self, error):
        self.errors.append((asyncio.get_running_loop().time(), error))

    @property
    def data(self):
        return [data for _, data, _ in self.heard]


def network(profile=None, seed=1):
    loop = asyncio.get_running_loop()
    return MemoryNetwork(loop, random.Random(seed), *([profile] if profile else []))


async def echo(net, at=SERVER):
    ears = Ears(lambda data: data.upper())
    ears.port = await net.bind_datagram(at, ears)
    return ears


async def quiet():
    """Let everything happen that is under way."""
    await asyncio.sleep(3600)


def test_question_and_answer():
    async def work():
        net = network()
        server, device = await echo(net), Ears()
        port = await net.open_datagram(SERVER, device)
        port.send(b"hello")
        assert not server.heard, "nobody is called from within send"
        await quiet()
        assert server.heard == [(0.0, b"hello", port.local)]
        assert device.heard == [(0.0, b"HELLO", SERVER)]
        assert asdict(net.counts) == {"sent": 2, "lost": 0, "duplicated": 0, "delivered": 2, "refused": 0}

    run_virtual(work())


def test_a_profile_is_passed_once_each_way():
    async def work():
        net = network(NetworkProfile("slow", delay_s=0.25, rate_bps=8000.0))
        server, device = await echo(net), Ears()
        port = await net.open_datagram(SERVER, device)
        port.send(bytes(972))  # with headers 1000 bytes, so a second to send
        await quiet()
        assert [t for t, _, _ in server.heard] == [1.25]
        assert [t for t, _, _ in device.heard] == [2.5]

    run_virtual(work())


def test_two_devices_pass_both_access_networks():
    async def work():
        net = network(NetworkProfile("slow", delay_s=0.25))
        one, other = Ears(), Ears()
        here, there = Address("10.1.0.1", 5000), Address("10.1.0.2", 5000)
        port = await net.open_datagram(there, one, local=here)
        await net.open_datagram(here, other, local=there)
        port.send(b"x")
        await quiet()
        assert other.heard == [(0.5, b"x", here)]

    run_virtual(work())


def test_a_port_that_nobody_has_is_refused_after_the_round_trip():
    async def work():
        net = network(NetworkProfile("slow", delay_s=0.25))
        device = Ears()
        port = await net.open_datagram(SERVER, device)
        port.send(b"anyone?")
        await quiet()
        [(t, error)] = device.errors
        assert t == 0.5
        assert isinstance(error, ConnectionRefusedError)
        assert error.errno == errno.ECONNREFUSED
        assert net.counts.refused == 1

    run_virtual(work())


def test_a_port_that_is_closed_meanwhile_is_refused_and_a_closed_sender_not_told():
    async def work():
        net = network(NetworkProfile("slow", delay_s=0.25))
        server, stays, goes = await echo(net), Ears(), Ears()
        first, second = await net.open_datagram(SERVER, stays), await net.open_datagram(SERVER, goes)
        first.send(b"a")
        second.send(b"b")
        server.port.close()
        second.close()
        await quiet()
        assert len(stays.errors) == 1
        assert not goes.errors
        assert not server.heard

    run_virtual(work())


def test_an_unconnected_port_hears_of_no_refusal():
    async def work():
        net = network()
        server = await echo(net)
        server.port.send(b"x", Address("10.0.0.99", 1))
        await quiet()
        assert not server.errors
        assert net.counts.refused == 1

    run_virtual(work())


def test_a_connected_port_hears_its_peer_alone():
    async def work():
        net = network()
        device = Ears()
        port = await net.open_datagram(SERVER, device)
        stranger = await echo(net, Address("10.9.0.2", 1))
        stranger.port.send(b"psst", port.local)
        await quiet()
        assert not device.heard
        assert net.counts.refused == 1

    run_virtual(work())


def test_send_after_close_and_close_after_close_do_nothing():
    async def work():
        net = network()
        server = await echo(net)
        port = await net.open_datagram(SERVER, Ears())
        port.close()
        port.close()
        port.send(b"x")
        await quiet()
        assert not server.heard
        assert net.counts.sent == 0

    run_virtual(work())


def test_what_is_too_long_for_a_datagram_is_an_error():
    async def work():
        net = network()
        device = Ears()
        port = await net.open_datagram(SERVER, device)
        port.send(bytes(65_508))
        await quiet()
        assert device.errors[0][1].errno == errno.EMSGSIZE
        assert net.counts.sent == 0

    run_virtual(work())


def test_an_open_port_needs_a_peer():
    async def work():
        server = await echo(network())
        with pytest.raises(ValueError, match=r"10\.9\.0\.1:5683 is connected to nobody"):
            server.port.send(b"x")

    run_virtual(work())


@pytest.mark.expected_warnings("failed")
def test_a_receiver_that_fails_stops_nobody():
    async def work():
        net = network()
        server, bad, good = await echo(net), Ears(), Ears()
        bad.on_datagram = None
        for ears in (bad, good):
            (await net.open_datagram(SERVER, ears)).send(b"x")
        await quiet()
        assert len(server.heard) == 2
        assert good.data == [b"X"]

    run_virtual(work())


def test_addresses_are_the_same_in_every_run_and_never_shared():
    async def work():
        net = network()
        ports = [await net.open_datagram(SERVER, Ears()) for _ in range(600)]
        v6 = await net.open_datagram(Address("fd99::1", 5683), Ears())
        free = [(await net.bind_datagram(Address("10.9.0.1", 0), Ears())).local for _ in range(3)]
        assert str(v6.local).startswith("[fd00::")
        return [p.local for p in ports], free

    locals_, free = run_virtual(work())
    assert len(set(locals_)) == 600
    assert len(set(free)) == 3
    assert {local.host for local in free} == {"10.9.0.1"}
    assert locals_[0] == Address("10.0.0.1", 49_152)
    assert run_virtual(work()) == (locals_, free)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost", ""])
def test_a_port_needs_the_address_of_one_host(host):
    async def work():
        with pytest.raises(OSError, match="address of one host"):
            await network().bind_datagram(Address(host, 1), Ears())

    run_virtual(work())


def test_a_taken_port_is_named():
    async def work():
        net = network()
        server = await echo(net)
        with pytest.raises(OSError, match=r"10\.9\.0\.1:5683 is taken"):
            await net.bind_datagram(SERVER, Ears())
        with pytest.raises(OSError, match=r"10\.9\.0\.1:5683 is taken"):
            await net.open_datagram(SERVER, Ears(), local=SERVER)
        server.port.close()
        await net.bind_datagram(SERVER, Ears())

    run_virtual(work())


def test_views_share_the_network_and_differ_in_the_access():
    async def work():
        net = network()
        server, near, far = await echo(net), Ears(), Ears()
        (await net.open_datagram(SERVER, near)).send(b"near")
        behind = net.behind(NetworkProfile("far", delay_s=2.0), random.Random(5))
        (await behind.open_datagram(SERVER, far)).send(b"far")
        await quiet()
        assert server.data == [b"near", b"far"]
        assert [t for t, _, _ in near.heard + far.heard] == [0.0, 4.0]
        assert net.counts == behind.counts

    run_virtual(work())


def history(profile, seed, sends):
    """What a server and some devices hear; ``sends`` are pairs of device and time."""

    async def work():
        net = network(profile, seed)
        server = await echo(net)
        ears = [Ears() for _ in range(3)]
        ports = [await net.open_datagram(SERVER, each) for each in ears]
        loop = asyncio.get_running_loop()
        for number, (k, when) in enumerate(sends):
            loop.call_at(when, ports[k].send, b"%d" % number)
        await quiet()
        return [server.heard, *(each.heard for each in ears)], net.counts

    return run_virtual(work())


SENDS = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 10)), max_size=40)


@given(st.integers(0, 2**32), SENDS)
def test_the_same_seed_gives_the_same_history(seed, sends):
    assert history(BAD, seed, sends) == history(BAD, seed, sends)


@given(st.integers(0, 2**32), SENDS)
def test_every_datagram_is_accounted_for(seed, sends):
    heard, counts = history(BAD, seed, sends)
    assert counts.sent + counts.duplicated == counts.delivered + counts.lost + counts.refused
    assert counts.delivered == sum(len(each) for each in heard)
    assert counts.sent == len(sends) + len(heard[0])


@given(st.integers(0, 2**32), SENDS)
def test_an_ideal_network_loses_and_delays_nothing(seed, sends):
    (server, *_), counts = history(None, seed, sends)
    assert [(t, int(data)) for t, data, _ in server] == [(sends[int(d)][1], int(d)) for _, d, _ in server]
    assert sorted(int(data) for _, data, _ in server) == list(range(len(sends)))
    assert (counts.lost, counts.duplicated, counts.delivered) == (0, 0, 2 * len(sends))


@given(st.integers(0, 2**32), SENDS)
def test_without_reordering_and_loss_each_device_is_heard_in_order(seed, sends):
    in_order = replace(BAD, loss=0.0, duplicate=0.0, reorder=0.0)
    sends = sorted(sends, key=lambda send: send[1])
    (server, *_), _ = history(in_order, seed, [(0, when) for _, when in sends])
    times = [sends[int(data)][1] for _, data, _ in server]
    assert times == sorted(times)
    assert len(server) == len(sends)


def test_datagrams_sent_at_once_arrive_in_order():
    async def work():
        net = network(NetworkProfile("slow", delay_s=0.1))
        server = await echo(net)
        port = await net.open_datagram(SERVER, Ears())
        for i in range(100):
            port.send(b"%d" % i)
        await quiet()
        assert [int(data) for data in server.data] == list(range(100))

    run_virtual(work())


async def test_it_runs_in_real_time_too():
    net = network(NetworkProfile("quick", delay_s=0.001))
    device, done = Ears(), asyncio.Event()
    await echo(net)
    device.on_datagram = lambda _data, _peer: done.set()
    (await net.open_datagram(SERVER, device)).send(b"x")
    await asyncio.wait_for(done.wait(), 30)
