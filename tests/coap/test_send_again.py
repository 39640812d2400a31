"""A peer that has shown that it listens gets what it has not acknowledged once more, before the time-out."""

from __future__ import annotations

from simulator.coap import codes as c
from simulator.coap.exchange import Failure
from simulator.coap.params import TransmissionParameters
from simulator.coap.retransmission import send_again
from tests.coap.wire import Shelf, Wire, get, put


def test_what_is_not_acknowledged_is_sent_again_as_it_was():
    wire = Wire(Shelf(a=b"A"))
    wire.lose = {1}
    call, results = get("a")
    call.start(wire.client, wire.now)
    wire.flow()
    assert not results
    send_again(wire.client, wire.now + 0.1)
    assert [message.mid for _, message in wire.log] == [wire.log[0][1].mid] * 2
    assert wire.client.retransmissions == 1
    wire.flow()
    assert [result.payload for result in results] == [b"A"]


def test_a_peer_that_has_had_it_does_nothing_twice():
    shelf = Shelf(a=b"A")
    wire = Wire(shelf)
    wire.lose = {2}
    call, results = put("a", b"B")
    call.start(wire.client, wire.now)
    wire.flow()
    send_again(wire.client, wire.now)
    wire.flow()
    assert [result.code for result in results] == [c.CHANGED]
    assert len(shelf.requests) == 1


def test_it_takes_nothing_from_the_repetitions_by_time_out():
    params = TransmissionParameters(MAX_RETRANSMIT=2)
    wire = Wire(params=params)
    wire.lose = set(range(1, 100))
    call, results = get("a")
    call.start(wire.client, wire.now)
    due = wire.client.deadline
    for _ in range(5):
        send_again(wire.client, wire.now)
    assert wire.client.deadline == due
    wire.run()
    assert [result.failure for result in results] == [Failure.TIMEOUT]
    assert len([1 for _, message in wire.log if message.type == c.CON]) == 1 + 5 + 2


def test_nothing_is_sent_where_nothing_waits():
    wire = Wire(Shelf(a=b"A"))
    call, _ = get("a")
    call.start(wire.client, wire.now)
    wire.flow()
    sent = wire.count
    send_again(wire.client, wire.now)
    assert wire.count == sent
