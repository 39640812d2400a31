"""Two endpoints back to back: reliability, block-wise and Observe as RFC 7252, 7959 and 7641 want them."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block, read_block
from simulator.coap.download import Download
from simulator.coap.endpoint import ping
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import empty, encode, uint_bytes
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from simulator.coap.server import respond
from tests.coap.wire import Shelf, Sink, Wire, get, put

BODY = bytes(random.Random(5).randbytes(5000))


def test_a_small_get_is_one_exchange():
    wire = Wire(Shelf(a=b"hello"))
    call, results = get("a")
    call.start(wire.client, wire.now)
    wire.run()
    assert [(r.code, r.payload, r.failure) for r in results] == [(c.CONTENT, b"hello", None)]
    assert wire.count == 2
    assert wire.log[1][1].type == c.ACK


def test_an_unanswered_request_is_repeated_with_doubled_timeouts_and_then_given_up():
    wire = Wire(Shelf())
    wire.lose = set(range(1, 100))
    call, results = get("a")
    start = wire.now
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].failure is Failure.TIMEOUT
    assert wire.count == 5
    assert wire.client.retransmissions == 4
    # MAX_TRANSMIT_WAIT is the upper bound (RFC 7252 §4.8.2), the same without ACK_RANDOM_FACTOR the lower one.
    assert 62.0 <= wire.now - start <= 93.0
    assert len({m.mid for _, m in wire.log}) == 1


def test_a_lost_answer_is_sent_again_from_memory_and_the_handler_runs_once():
    shelf = Shelf()
    wire = Wire(shelf)
    wire.lose = {2}
    call, results = put("a", b"x")
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.CHANGED
    assert len(shelf.requests) == 1
    assert wire.server.duplicates == 1


def test_nstart_holds_requests_back():
    wire = Wire(Shelf(a=b"1"))
    calls = [get("a") for _ in range(5)]
    for call, _ in calls:
        call.start(wire.client, wire.now)
    assert wire.count == 1
    wire.run()
    assert all(results[0].code == c.CONTENT for _, results in calls)


def test_a_separate_response_is_acknowledged_and_repeated_ones_are_not_delivered_twice():
    shelf = Shelf()
    shelf.defer = True
    wire = Wire(shelf)
    call, results = get("a")
    call.start(wire.client, wire.now)
    wire.flow()
    assert wire.log[1][1].type == c.ACK
    assert wire.log[1][1].code == c.EMPTY
    assert not results
    wire.lose = {4}  # the client's acknowledgement
    respond(wire.server, shelf.requests[0], Response(c.CONTENT, b"late"), wire.now)
    wire.run()
    assert [r.payload for r in results] == [b"late"]
    assert wire.client.duplicates == 1


def test_a_separate_response_that_never_comes_fails_the_call():
    shelf = Shelf()
    shelf.defer = True
    wire = Wire(shelf)
    call, results = get("a")
    call.start(wire.client, wire.now)
    start = wire.now
    wire.run()
    assert results[0].failure is Failure.TIMEOUT
    assert wire.now - start == pytest.approx(247.0)


def test_ping_is_answered_by_a_reset():
    wire = Wire(Shelf())
    answers: list[bool] = []
    ping(wire.client, answers.append, wire.now)
    wire.run()
    wire.lose = set(range(1, 100))
    ping(wire.client, answers.append, wire.now)
    wire.run()
    assert answers == [True, False]


def test_a_malformed_con_is_reset_and_a_malformed_non_is_ignored():
    wire = Wire(Shelf())
    wire.server.receive(bytes([0x40, c.GET, 0x12, 0x34, 0xFF]), wire.now)
    wire.server.receive(bytes([0x50, c.GET, 0x12, 0x35, 0xFF]), wire.now)
    assert [d for _, d in wire.sent] == [empty(c.RST, 0x1234)]


def test_an_unknown_critical_option_is_refused_with_4_02():
    wire = Wire(Shelf(a=b"1"))
    wire.server.receive(encode(c.CON, c.GET, 7, b"t", [(c.URI_PATH, b"a"), (9999, b"")], b""), wire.now)
    assert wire.log[-1][1].code == c.BAD_OPTION


@pytest.mark.parametrize("lost", range(1, 13))
def test_any_single_lost_datagram_is_made_good(lost):
    wire = Wire(Shelf(fw=BODY))
    wire.lose = {lost}
    sink = Sink()
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    wire.run()
    assert bytes(sink.data) == BODY
    wire.count = 0
    call, results = put("up", BODY)
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.CHANGED


def test_an_unreachable_peer_fails_what_waits():
    wire = Wire()
    call, results = get("a")
    call.start(wire.client, wire.now)
    wire.client.unreachable(wire.now)
    assert results[0].failure is Failure.UNREACHABLE
    assert wire.client.deadline == inf


def test_a_closed_endpoint_says_and_hears_nothing():
    wire = Wire(Shelf(a=b"1"))
    call, results = get("a")
    call.start(wire.client, wire.now)
    wire.client.close(wire.now)
    assert results[0].failure is Failure.CLOSED
    wire.run()
    assert len(results) == 1


def test_the_alarm_rings_once_for_a_transfer_that_goes_well():
    alarms: list[float] = []
    wire = Wire(Shelf(fw=BODY))
    wire.client.alarm = lambda _endpoint, when: alarms.append(when)
    Download(request_options(["fw"]), Sink(), 0).start(wire.client, wire.now)
    wire.run()
    assert len(alarms) == 1


def test_parameters_of_rfc_7252():
    params = TransmissionParameters()
    assert params.MAX_TRANSMIT_SPAN == 45
    assert params.MAX_TRANSMIT_WAIT == 93
    assert params.MAX_RTT == 202
    assert params.EXCHANGE_LIFETIME == 247
    with pytest.raises(ValueError, match="NSTART"):
        TransmissionParameters(NSTART=0)


def test_block_values():
    assert read_block(uint_bytes(0x16)) == Block(1, False, 6)
    assert read_block(b"\x07") is None
    assert read_block(bytes(4)) is None
    assert Block(0, False, 0).to_bytes() == b""
