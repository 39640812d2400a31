"""One endpoint per peer behind one port: made, kept, swept, and bounded."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.exchange import Failure
from simulator.coap.message import CON, Message, decode
from simulator.ports import Address
from simulator.servers import peers as module
from simulator.servers.peers import PeerTable
from tests.coap.wire import Shelf, get


class Port:
    local = Address("127.0.0.1", 5683)

    def __init__(self):
        self.sent: list[tuple[bytes, Address]] = []
        self.closed = False

    def send(self, data, peer=None, /):
        assert not self.closed
        self.sent.append((data, peer))

    def close(self):
        self.closed = True


class Table:
    """A table over a port in memory, with a clock that the test moves."""

    def __init__(self):
        self.now = 0.0
        self.port = Port()
        self.alarms = []
        self.shelf = Shelf(fw=b"x" * 3000)
        self.table = PeerTable(lambda: self.now, random.Random(1), self.shelf, lambda *alarm: self.alarms.append(alarm))
        self.table.attach(self.port)

    def ask(self, peer, path="fw", mid=1, options=()):
        message = Message(CON, c.GET, mid, b"t", [*options, (c.URI_PATH, path.encode())], b"")
        self.table.on_datagram(message.encode(), peer)

    def let_pass(self, seconds):
        end = self.now + seconds
        for endpoint in list(self.table.peers.values()):
            while (when := endpoint.deadline) <= end:
                self.now = max(self.now, when)
                endpoint.expire(self.now)
        self.now = end


@pytest.fixture
def rig():
    return Table()


ALICE, BOB, CAROL = Address("127.0.0.1", 1111), Address("127.0.0.1", 2222), Address("::1", 1111)


def test_each_peer_gets_its_own_answers(rig):
    for peer in (ALICE, BOB, CAROL):
        rig.ask(peer)
    assert [peer for _, peer in rig.port.sent] == [ALICE, BOB, CAROL]
    assert {decode(data).code for data, _ in rig.port.sent} == {c.CONTENT}
    assert [endpoint.user for endpoint in rig.table.peers.values()] == [ALICE, BOB, CAROL]
    assert rig.table.local == Address("127.0.0.1", 5683)


def test_a_repetition_is_recognised(rig):
    message = Message(CON, c.PUT, 1, b"t", [(c.URI_PATH, b"fw")], b"new").encode()
    rig.table.on_datagram(message, ALICE)
    rig.table.on_datagram(message, ALICE)
    assert len(rig.shelf.requests) == 1
    assert len(rig.port.sent) == 2
    rig.table.on_datagram(message, BOB)
    assert len(rig.shelf.requests) == 2, "the same Message ID of another peer is another message"


def test_an_endpoint_is_made_for_a_peer_that_never_spoke(rig):
    endpoint = rig.table.endpoint(BOB)
    assert endpoint.user == BOB
    assert rig.table.endpoint(BOB) is endpoint


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, b"\x40\x01\x00\x01\xff", b"\x7f" * 1500])
def test_nothing_that_a_stranger_sends_raises(rig, data):
    rig.table.on_datagram(data, ALICE)
    rig.table.on_datagram_error(ConnectionRefusedError())


def test_peers_are_bounded(rig, monkeypatch):
    monkeypatch.setattr(module, "PEERS_MAX", 2)
    for k in range(5):
        rig.ask(Address("127.0.0.1", 1000 + k))
    assert len(rig.table.peers) == 2
    assert rig.table.ignored == 3
    rig.ask(Address("127.0.0.1", 1001), mid=9)
    assert len(rig.shelf.requests) == 3, "those that are known are still served"


def ask_of(rig, peer):
    """Ask a peer for something that it never gives; the results."""
    call, results = get("x")
    call.start(rig.table.endpoint(peer), rig.now)
    return results


def nobody(_peer):
    return False


def test_a_sweep_drops_who_has_gone_quiet(rig):
    rig.ask(ALICE)
    rig.ask(BOB)
    rig.table.sweep(nobody)
    rig.let_pass(1000.0)
    rig.ask(BOB, mid=2)
    rig.let_pass(1000.0)
    assert {endpoint.deadline for endpoint in rig.table.peers.values()} == {inf}
    rig.table.sweep(nobody)
    assert set(rig.table.peers) == {BOB}
    rig.table.sweep(nobody)
    assert not rig.table.peers


def test_a_sweep_spares_who_is_to_be_kept(rig):
    rig.ask(ALICE)
    rig.ask(BOB)
    rig.let_pass(1000.0)
    for _ in range(3):
        rig.table.sweep(lambda peer: peer == ALICE)
    assert set(rig.table.peers) == {ALICE}


def test_a_sweep_spares_who_is_still_waited_for(rig):
    results = ask_of(rig, ALICE)
    for _ in range(3):
        rig.table.sweep(nobody)
    assert set(rig.table.peers) == {ALICE}
    assert rig.alarms
    rig.let_pass(1000.0)
    assert [result.failure for result in results] == [Failure.TIMEOUT]
    rig.table.sweep(nobody)
    assert not rig.table.peers


def test_what_waits_for_a_dropped_peer_fails(rig):
    results = ask_of(rig, ALICE)
    rig.table.drop(ALICE)
    assert [result.failure for result in results] == [Failure.CLOSED]
    rig.table.drop(ALICE)
    assert not rig.table.peers


def test_close(rig):
    rig.ask(ALICE)
    endpoint = rig.table.peers[ALICE]
    rig.table.close()
    assert not rig.table.peers
    assert endpoint.closed
    assert rig.port.closed
