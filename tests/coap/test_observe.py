"""What a server keeps per observer, and what bounds it (RFC 7641)."""

from __future__ import annotations

import random
from math import inf

from simulator.coap import codes as c
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Response
from simulator.coap.message import Message, decode, empty
from simulator.coap.observe import OBSERVATIONS_MAX, is_newer, notify
from simulator.coap.server import SEPARATE_MAX, respond
from tests.coap.wire import Shelf, Wire, get, request

BODY = random.Random(9).randbytes(5000)


def observe(wire, token, path=b"a", value=b"", mid=1, type_=c.CON):
    return request(wire, c.GET, [(c.OBSERVE, value), (c.URI_PATH, path)], token=token, mid=mid, type_=type_)


def test_registering_again_with_the_same_token_keeps_one_observation():
    shelf = Shelf(a=b"1", b=b"2")
    wire = Wire(shelf)
    first = observe(wire, b"t", mid=1).uint(c.OBSERVE)
    assert observe(wire, b"t", mid=2).uint(c.OBSERVE) > first
    assert len(wire.server.observations) == 1
    assert not shelf.ended
    observe(wire, b"t", path=b"b", mid=3)
    assert [o.key for o in wire.server.observations] == ["b"]
    assert shelf.ended == ["a"]
    assert observe(wire, b"t", value=b"\x05", mid=4).uint(c.OBSERVE) == -1
    assert [o.key for o in wire.server.observations] == ["b"]


def test_observations_of_one_peer_are_bounded():
    wire = Wire(Shelf(a=b"1"))
    answers = [observe(wire, n.to_bytes(2, "big"), mid=n).uint(c.OBSERVE) for n in range(100)]
    assert len(wire.server.observations) == OBSERVATIONS_MAX
    assert answers[OBSERVATIONS_MAX:] == [-1] * (100 - OBSERVATIONS_MAX)


def test_an_observation_may_begin_with_2_03():
    shelf = Shelf(a=b"1")
    shelf.etag = b"v1"
    wire = Wire(shelf)
    answer = request(wire, c.GET, [(c.ETAG, b"v1"), (c.OBSERVE, b""), (c.URI_PATH, b"a")])
    assert answer.code == c.VALID
    assert answer.uint(c.OBSERVE) >= 0


def test_a_silent_observer_holds_one_notification_per_observation_and_gets_the_newest():
    wire = Wire(Shelf(a=b"0"))
    observe(wire, b"t")
    wire.sent.clear()
    (observation,) = wire.server.observations
    for value in range(1000):
        notify(wire.server, observation, c.CONTENT, [], b"%d" % value, wire.now, confirmable=value % 3 != 1)
    assert len(wire.server.pending) == 1
    assert len(wire.server.queue) == 1
    first = wire.log[1][1]
    assert first.payload == b"0"
    wire.server.receive(empty(c.ACK, first.mid), wire.now)
    assert wire.log[-1][1].payload == b"999"
    wire.server.receive(empty(c.RST, wire.log[-1][1].mid), wire.now)
    assert wire.server.deadline == inf
    assert not wire.server.observations


def test_what_is_queued_for_an_observation_ends_with_it():
    shelf = Shelf(a=b"0", b=b"0")
    wire = Wire(shelf)
    observe(wire, b"s", mid=1)
    observe(wire, b"t", path=b"b", mid=2)
    one, two = wire.server.observations
    for observation in (one, two):
        notify(wire.server, observation, c.CONTENT, [], b"1", wire.now)
    observe(wire, b"t", path=b"b", value=b"\x01", mid=3)
    assert shelf.ended == ["b"]
    assert not wire.server.queue
    notify(wire.server, two, c.CONTENT, [], b"2", wire.now)
    assert not wire.server.queue


def test_an_error_notification_is_the_last_and_does_arrive():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    (observation,) = wire.server.observations
    notify(wire.server, observation, c.CONTENT, [], b"1", wire.now)
    notify(wire.server, observation, c.CONTENT, [], b"2", wire.now)
    notify(wire.server, observation, c.NOT_FOUND, [], b"", wire.now)
    wire.run()
    assert [(r.code, r.payload, r.more) for r in results] == [
        (c.CONTENT, b"0", True),
        (c.CONTENT, b"1", True),
        (c.NOT_FOUND, b"", False),
    ]
    assert shelf.ended == ["a"]


def test_separate_responses_to_a_silent_peer_are_bounded():
    shelf = Shelf()
    shelf.defer = True
    wire = Wire(shelf)
    for mid in range(1000):
        wire.server.receive(Message(c.CON, c.POST, mid, b"t").encode(), wire.now)
        respond(wire.server, shelf.requests[-1], Response(c.CHANGED), wire.now)
    assert len(wire.server.queue) == SEPARATE_MAX


def test_a_reset_for_an_unknown_message_changes_nothing():
    wire = Wire(Shelf(a=b"0"))
    observe(wire, b"t")
    before = len(wire.log)
    for mid in range(0, 65536, 7):
        wire.server.receive(empty(c.RST, mid), wire.now)
        wire.server.receive(empty(c.ACK, mid), wire.now)
    assert len(wire.log) == before
    assert len(wire.server.observations) == 1


def test_an_endpoint_without_a_handler_answers_4_04():
    for code in (c.GET, c.PUT):
        assert request(Wire(None), code, [(c.BLOCK1, b"")] if code == c.PUT else []).code == c.NOT_FOUND
    sent: list[bytes] = []
    Endpoint(sent.append, random.Random(1)).receive(Message(c.NON, c.POST, 1).encode(), 0.0)
    assert decode(sent[0]).type == c.NON


def test_an_observation_lives_from_request_to_reset():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    observation = wire.server.observations[0]
    notify(wire.server, observation, c.CONTENT, [], b"1", wire.now)
    notify(wire.server, observation, c.CONTENT, [], b"2", wire.now, confirmable=False)
    wire.run()
    assert [r.payload for r in results] == [b"0", b"1", b"2"]
    assert all(r.more for r in results)
    wire.client.finish(call)
    notify(wire.server, observation, c.CONTENT, [], b"3", wire.now)
    wire.run()
    assert shelf.ended == ["a"]
    assert not wire.server.observations


def test_a_non_notification_that_is_reset_ends_the_observation():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, _ = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    wire.client.finish(call)
    notify(wire.server, wire.server.observations[0], c.CONTENT, [], b"1", wire.now, confirmable=False)
    wire.run()
    assert shelf.ended == ["a"]


def test_an_observation_ends_when_a_notification_is_never_acknowledged():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, _ = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    wire.lose = set(range(1, 1000))
    notify(wire.server, wire.server.observations[0], c.CONTENT, [], b"1", wire.now)
    wire.run()
    assert shelf.ended == ["a"]


def test_observe_1_deregisters():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, _ = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    end, _ = get("a", observe=call.token)
    end.start(wire.client, wire.now)
    wire.run()
    assert shelf.ended == ["a"]


def test_a_large_notification_is_fetched_whole():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    shelf.bodies["a"] = BODY
    notify(wire.server, wire.server.observations[0], c.CONTENT, [], BODY, wire.now)
    wire.run()
    assert results[-1].payload == BODY


def test_order_of_notifications():
    assert is_newer(5, 0, 4, 0)
    assert not is_newer(4, 0, 5, 0)
    assert is_newer(1, 0, (1 << 24) - 1, 0)
    assert is_newer(4, 200, 5, 0)
