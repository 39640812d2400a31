import asyncio
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap.message import MessageFormatError, decode, encode
from simulator.faults.link import unreadable
from simulator.faults.plan import FaultPlan
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual

SERVER = Address("10.200.0.1", 5683)


class Ears:
    def __init__(self):
        self.heard = []
        self.errors = []

    def on_datagram(self, data, peer):
        self.heard.append((asyncio.get_running_loop().time(), data))

    def on_datagram_error(self, error):
        self.errors.append(error)

    @property
    def data(self):
        return [data for _, data in self.heard]


class Line:
    """A server and a device with link faults on a port for some purpose."""

    def __init__(self, purpose, *faults, package_size=1000, seed=1):
        self.told = []
        plan = FaultPlan.build(
            [SimpleNamespace(kind=kind, parameters=parameters) for kind, parameters in faults],
            package_size=package_size,
            dice=lambda name: random.Random(f"{seed} {name}"),
            struck=lambda *what: self.told.append(what),
        )
        self.net = MemoryNetwork(asyncio.get_running_loop(), random.Random(seed))
        self.faulty = plan.network(self.net, purpose)
        self.server, self.device = Ears(), Ears()

    async def open(self):
        self.down = await self.net.bind_datagram(SERVER, self.server)
        self.up = await self.faulty.open_datagram(SERVER, self.device)
        return self

    def to_device(self, data):
        self.down.send(data, self.up.local)


def line(work, purpose, *faults, **settings):
    """Run ``work(line)`` in virtual time, let everything arrive, and give the line back."""

    async def run():
        made = await Line(purpose, *faults, **settings).open()
        work(made)
        await asyncio.sleep(100)
        return made

    return run_virtual(run())


def test_a_connection_is_lost_in_both_directions_after_its_share():
    def work(it):
        for _ in range(10):
            it.to_device(bytes(100))
        asyncio.get_running_loop().call_at(1, it.up.send, b"anyone?")
        it.up.send(b"still there")

    it = line(work, "download", ("connection-lost", {"after": 0.5}))
    assert len(it.device.heard) == 5
    assert it.server.data == [b"still there"]
    assert it.told == [("connection-lost", "link", "silent from here on (how silent, 50 %)")]
    assert it.device.errors == [], "silence, not an error"


def test_a_lost_connection_stays_lost_on_the_next_port():
    async def work():
        it = await Line("download", ("connection-lost", {"after": 0.0})).open()
        it.to_device(b"x")
        await asyncio.sleep(1)
        it.up.close()
        it.up = await it.faulty.open_datagram(SERVER, it.device)
        it.to_device(b"y")
        it.up.send(b"z")
        await asyncio.sleep(1)
        assert not it.device.heard
        assert not it.server.heard

    run_virtual(work())


def test_a_lost_connection_leaves_management_alone():
    async def work():
        plan = FaultPlan.build(
            [SimpleNamespace(kind="connection-lost", parameters={})],
            package_size=0,
            dice=lambda _: random.Random(1),
            struck=print,
        )
        net = MemoryNetwork(asyncio.get_running_loop(), random.Random(1))
        assert plan.network(net, "management") is net
        assert plan.network(net, "download") is not net

    run_virtual(work())


def send_both_ways(it):
    for i in range(1000):
        it.to_device(b"d%d" % i)
        it.up.send(b"u%d" % i)


@pytest.mark.parametrize("purpose", ["management", "download"])
def test_loss(purpose):
    it = line(send_both_ways, purpose, ("packet-loss", {"rate": 0.2}))
    for ears in (it.device, it.server):
        assert 700 < len(ears.heard) < 900
        assert len(set(ears.data)) == len(ears.data)
    assert len(it.told) == 1


def test_duplicates_come_later():
    it = line(send_both_ways, "download", ("packet-duplicate", {"rate": 0.2, "delay": 2.0}))
    for ears in (it.device, it.server):
        assert len(set(ears.data)) == 1000
        late = [data for t, data in ears.heard if t == 2.0]
        assert 100 < len(late) < 300
        assert len(ears.data) == 1000 + len(late)


def test_delay_reorders_and_loses_nothing():
    it = line(send_both_ways, "download", ("packet-delay", {"rate": 0.2, "time": 5.0}))
    for ears, way in ((it.device, b"d%d"), (it.server, b"u%d")):
        sent = [way % i for i in range(1000)]
        assert sorted(ears.data) == sorted(sent)
        assert ears.data != sent
        assert {t for t, _ in ears.heard} == {0.0, 5.0}


@given(st.integers(0, 3), st.binary(max_size=8), st.binary(max_size=64), st.integers(0, 2**32))
def test_nobody_can_read_what_is_unreadable(type_, token, payload, seed):
    message = encode(type_, 0x45, 7, token, [], payload)
    with pytest.raises(MessageFormatError):
        decode(unreadable(message, random.Random(seed)))


def test_damage_is_done_on_the_way_out_alone():
    def work(it):
        for i in range(200):
            it.up.send(encode(0, 1, i, b"", [], b""))
            it.to_device(encode(2, 69, i, b"", [], b""))

    it = line(work, "management", ("packet-damage", {"rate": 0.3}))
    broken = 0
    for data in it.server.data:
        try:
            decode(data)
        except MessageFormatError:
            broken += 1
    assert len(it.server.data) == 200
    assert 30 < broken < 90
    assert [decode(data).mid for data in it.device.data] == list(range(200))


def test_one_bit_of_one_block_is_flipped():
    blocks = [bytes((i,)) * 1000 for i in range(10)]

    def work(it):
        it.to_device(b"\x60\x00\x00\x01")  # an empty acknowledgement has no block
        for block in blocks:
            it.to_device(block)

    it = line(work, "download", ("block-damage", {"after": 0.5}), package_size=10_000)
    differing = [(a, b) for a, b in zip(it.device.data[1:], blocks, strict=True) if a != b]
    [(got, sent)] = differing
    assert int.from_bytes(got, "big") ^ int.from_bytes(sent, "big") == 1
    assert sent == blocks[4], "4 + 4000 bytes had passed, and 1000 more go beyond 5000"
    assert it.told[0][:2] == ("block-damage", "link")


def test_the_answer_that_is_lost_is_the_one_that_was_named():
    it = line(send_both_ways, "management", ("answer-lost", {"number": 3}))
    assert it.server.data[:3] == [b"u0", b"u1", b"u3"]
    assert len(it.server.data) == 999
    assert len(it.device.data) == 1000


def test_what_is_held_back_is_not_sent_after_close():
    def work(it):
        it.up.send(b"late")
        it.to_device(b"late")
        asyncio.get_running_loop().call_at(1, it.up.close)
        asyncio.get_running_loop().call_at(2, it.up.send, b"closed")

    it = line(work, "download", ("packet-delay", {"rate": 1.0, "time": 5.0}))
    assert not it.server.heard
    assert not it.device.heard


def test_errors_pass_and_so_do_other_ports():
    async def work():
        it = Line("download", ("packet-loss", {"rate": 0.0}))
        port = await it.faulty.open_datagram(SERVER, it.device)
        port.send(b"x")
        await asyncio.sleep(1)
        assert isinstance(it.device.errors[0], ConnectionRefusedError)
        assert port.local.host.startswith("10.")
        bound = await it.faulty.bind_datagram(SERVER, it.server)
        assert bound.local == SERVER
        listener = await it.faulty.listen_stream(SERVER, lambda _port, _peer: it.server)
        it.device.on_lost = it.server.on_lost = lambda _error: None
        (await it.faulty.open_stream(SERVER, it.device)).abort()
        listener.close()
        await asyncio.sleep(1)

    run_virtual(work())


def test_faults_add_up():
    it = line(send_both_ways, "download", ("packet-loss", {"rate": 0.5}), ("packet-duplicate", {"rate": 1.0}))
    assert sorted(name for name, _, _ in it.told) == ["packet-duplicate", "packet-loss"]
    for ears in (it.device, it.server):
        assert 300 < len(set(ears.data)) < 900
        assert len(ears.data) > len(set(ears.data))
