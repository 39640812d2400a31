"""The life of a connection: CSM first, Ping and Pong, Release, Abort, time-outs, and what ends with it."""

from __future__ import annotations

from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap import tcp_signalling as s
from simulator.coap.block import SZX_BERT
from simulator.coap.download import Download
from simulator.coap.exchange import Failure, Response
from simulator.coap.ping import Ping, ping
from simulator.coap.requests import request_options
from simulator.coap.server import respond
from simulator.coap.tcp import frame
from simulator.coap.tcp_endpoint import PROGRESS_BYTES, PROGRESS_S, TcpEndpoint
from simulator.coap.tcp_reception import CUSTODY_MAX, OPEN_REQUESTS_MAX
from tests.coap.stream_wire import Lone, StreamWire
from tests.coap.wire import Shelf, Sink, get, put

FW = [(c.URI_PATH, b"fw")]


def aborted(lone):
    """The diagnostic of the Abort that was the last word, and the CSM option that it names."""
    assert lone.out[-1].code == s.ABORT
    assert lone.hung_up == 1
    assert lone.endpoint.closed
    return lone.out[-1].payload.decode(), lone.out[-1].uint(s.BAD_CSM_OPTION)


# -- the first messages ----------------------------------------------------------------------------------------------


def test_the_csm_comes_first_and_says_what_this_side_takes():
    lone = Lone(max_message_size=5000)
    assert lone.csm.code == s.CSM
    assert lone.csm.options == [(2, (5000).to_bytes(2, "big")), (4, b"")]


@pytest.mark.parametrize("size", [0, 63, 1 << 32])
def test_an_own_message_size_of_no_use_is_refused(size):
    with pytest.raises(ValueError, match="max_message_size"):
        TcpEndpoint(lambda _: None, lambda: None, None, max_message_size=size)


def test_what_is_asked_waits_for_the_csm_of_the_peer():
    wire = StreamWire(Shelf(fw=b"image"), opened=False)
    sink, (call, results) = Sink(), get("fw")
    wire.client.open(wire.now)
    Download(request_options(["fw"]), sink, SZX_BERT).start(wire.client, wire.now)
    call.start(wire.client, wire.now)
    abandoned, none = get("fw")
    abandoned.start(wire.client, wire.now)
    wire.client.cancel(abandoned, wire.now)
    assert [m.code for m in wire.to("server")] == [s.CSM]
    wire.server.open(wire.now)
    wire.run()
    assert sink.data == b"image"
    assert [r.payload for r in results] == [b"image"]
    assert [r.failure for r in none] == [Failure.CLOSED]
    assert [m.code for m in wire.to("server")] == [s.CSM, c.GET, c.GET]
    assert not wire.client.exchanges


def test_a_peer_that_sends_no_csm_is_aborted():
    lone = Lone(peer=b"", response_timeout=5.0)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    assert lone.endpoint.deadline == 105.0
    lone.endpoint.expire(105.0)
    assert aborted(lone) == ("no CSM came", -1)
    assert [r.failure for r in results] == [Failure.TIMEOUT]


@pytest.mark.parametrize("code", [c.GET, c.CONTENT, s.PING, s.PONG, s.RELEASE])
def test_a_message_before_the_csm_is_an_error(code):
    lone = Lone(Shelf(fw=b""), peer=b"")
    lone.take(code, FW if code == c.GET else [])
    assert aborted(lone) == ("the first message is no CSM", -1)


@pytest.mark.parametrize("peer", [b"", s.csm(1152)])
def test_empty_messages_are_ignored_always(peer):
    lone = Lone(peer=peer)
    assert lone.take(c.EMPTY, token=b"") == []
    assert not lone.endpoint.closed


@pytest.mark.parametrize(
    ("options", "number"), [([(1, b"")], 1), ([(2, bytes(5))], 2), ([(2, b"\x05")], 2), ([(4, b"x"), (9, b"")], 4)]
)
def test_a_csm_that_cannot_be_taken_is_named(options, number):
    lone = Lone(peer=b"")
    lone.take(s.CSM, options)
    text, option = aborted(lone)
    assert option == number
    assert text


def test_a_later_csm_changes_what_the_peer_takes():
    lone = Lone(peer=s.csm(1152))
    lone.endpoint.receive(s.csm(20_000), lone.now)
    call, _ = put("fw", bytes(10_000))
    call.start(lone.endpoint, lone.now)
    assert len(lone.out[-1].payload) == 10_000


def test_until_it_read_our_csm_a_peer_may_send_what_everyone_takes():
    lone = Lone(Shelf(), max_message_size=100)
    data = frame(c.PUT, b"", FW, bytes(1144))
    assert len(data) == 1152
    lone.endpoint.receive(data, lone.now)
    assert lone.out[-1].code == c.CHANGED
    lone.endpoint.receive(frame(c.PUT, b"", FW, bytes(1145))[:3], lone.now)
    assert "1153" in aborted(lone)[0]


# -- what is no message, and what is not known -------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"\x09\x01", b"\x10\x01\xff", b"\xf0\xff\xff\xff\xff\x01"])
def test_what_breaks_the_format_is_answered_with_an_abort(data):
    lone = Lone(Shelf(fw=b"x"))
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.endpoint.receive(frame(c.GET, b"q", FW, b"") + data + frame(c.GET, b"q", FW, b""), lone.now)
    assert [m.code for m in lone.out] == [c.GET, c.CONTENT, s.ABORT]
    assert aborted(lone)[0]
    assert [r.failure for r in results] == [Failure.PROTOCOL]
    lone.endpoint.receive(frame(c.GET, b"q", FW, b""), lone.now)
    assert len(lone.out) == 3


@pytest.mark.parametrize("code", [0x20, 0x60, 0xC0])
def test_codes_of_reserved_classes_are_errors(code):
    lone = Lone()
    lone.take(code)
    assert "reserved" in aborted(lone)[0]


@pytest.mark.parametrize("code", [0xE0, 0xE6, 0xFF])
def test_signalling_codes_that_are_not_known_are_errors(code):
    lone = Lone()
    lone.take(code)
    assert "no signalling code" in aborted(lone)[0]


@pytest.mark.parametrize("code", [s.PING, s.PONG, s.RELEASE])
def test_critical_signalling_options_that_are_not_known_are_errors(code):
    lone = Lone()
    lone.take(code, [(1, b"")])
    assert aborted(lone) == ("critical option 1", -1)


def test_a_request_with_an_unknown_critical_option_is_refused_and_a_response_is_of_no_use():
    lone = Lone(Shelf(fw=b""))
    (answer,) = lone.take(c.GET, [(9, b""), *FW])
    assert (answer.code, answer.token) == (c.BAD_OPTION, b"t")
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.take(c.CONTENT, [(9, b"")], token=call.token)
    assert [r.failure for r in results] == [Failure.PROTOCOL]


def test_a_response_that_nobody_waits_for_is_ignored():
    lone = Lone()
    assert lone.take(c.CONTENT, [(9, b"")], token=b"?") == []
    assert not lone.endpoint.closed


# -- Ping and Pong -----------------------------------------------------------------------------------------------------


def test_a_ping_is_answered_with_its_token():
    lone = Lone()
    (pong,) = lone.take(s.PING, [(6, b"elective")], token=b"abc")
    assert (pong.code, pong.token, pong.options) == (s.PONG, b"abc", [])
    (pong,) = lone.take(s.PING, [(s.CUSTODY, b"")], token=b"")
    assert (pong.token, pong.options) == (b"", [(s.CUSTODY, b"")])


def test_custody_waits_for_what_was_put_off():
    shelf = Shelf(fw=b"x")
    shelf.defer = True
    lone = Lone(shelf)
    for token in (b"1", b"2"):
        assert lone.take(c.GET, FW, token=token) == []
    assert lone.take(s.PING, [(s.CUSTODY, b"")], token=b"p") == []
    assert [m.options for m in lone.take(s.PING, token=b"q")] == [[]]
    lone.take(c.GET, FW, token=b"3")
    for request in shelf.requests[1::-1]:
        assert [m.code for m in lone.out] == []
        respond(lone.endpoint, request, Response(c.CONTENT), lone.now)
        first, *rest = lone.out
        del lone.out[:]
        assert first.token == request.token
    assert [(m.code, m.token, m.options) for m in rest] == [(s.PONG, b"p", [(s.CUSTODY, b"")])]
    assert lone.endpoint.open_requests == [b"3"]


def test_pings_with_custody_do_not_pile_up():
    shelf = Shelf(fw=b"x")
    shelf.defer = True
    lone = Lone(shelf)
    lone.take(c.GET, FW)
    answers = [lone.take(s.PING, [(s.CUSTODY, b"")]) for _ in range(CUSTODY_MAX + 2)]
    assert [len(found) for found in answers] == [0] * CUSTODY_MAX + [1, 1]
    assert answers[-1][0].options == []


def test_our_ping_is_told_of_its_pong():
    wire = StreamWire(Shelf())
    answers = []
    ping(wire.client, answers.append, wire.now)
    kept = Ping(answers.append, custody=True)
    wire.client.probe(kept, wire.now)
    wire.run()
    assert answers == [True, True]
    assert kept.in_custody
    assert not wire.client.exchanges


@pytest.mark.parametrize("token", ["own", ""])
def test_a_pong_without_a_token_answers_the_oldest_ping(token):
    lone = Lone()
    answers = []
    for name in "ab":
        ping(lone.endpoint, lambda alive, name=name: answers.append((name, alive)), lone.now)
    second = lone.out[1].token
    lone.take(s.PONG, token=second if token else b"")
    assert answers == [("b" if token else "a", True)]
    lone.take(s.PONG, token=b"?")
    assert len(answers) == 1


def test_a_ping_without_pong_says_that_the_peer_is_gone():
    lone = Lone(response_timeout=5.0)
    answers = []
    ping(lone.endpoint, answers.append, lone.now)
    assert lone.endpoint.deadline == 105.0
    lone.endpoint.expire(105.0)
    assert answers == [False]
    lone.take(s.PONG, token=b"")
    assert answers == [False]
    ping(lone.endpoint, answers.append, 106.0)
    assert len(lone.endpoint.pings) == 1


# -- Release and Abort -------------------------------------------------------------------------------------------------


def test_a_release_is_followed_by_the_end_when_all_is_answered():
    shelf = Shelf(fw=b"x")
    shelf.defer = True
    wire = StreamWire(shelf)
    call, results = get("fw")
    call.start(wire.client, wire.now)
    wire.flow()
    wire.client.release(wire.now, hold_off=60)
    late, failed = get("fw")
    late.start(wire.client, wire.now)
    wire.flow()
    assert [r.failure for r in failed] == [Failure.CLOSED]
    assert wire.hung_up == []
    assert wire.server.released.hold_off == 60
    respond(wire.server, shelf.requests[0], Response(c.CONTENT, b"x"), wire.now)
    wire.flow()
    assert [r.payload for r in results] == [b"x"]
    assert wire.hung_up == ["server", "client"]


def test_the_released_side_waits_for_its_own_responses_but_asks_for_nothing_more():
    lone = Lone()
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    watch, states = get("fw", observe=True)
    watch.start(lone.endpoint, lone.now)
    lone.take(c.CONTENT, [(c.OBSERVE, b"")], token=watch.token)
    lone.take(s.RELEASE, payload=b"bye")
    assert (lone.hung_up, lone.endpoint.released.diagnostic) == (0, "bye")
    late, failed = get("fw")
    late.start(lone.endpoint, lone.now)
    assert [r.failure for r in failed] == [Failure.UNREACHABLE]
    lone.take(c.CONTENT, token=call.token)
    assert [r.failure for r in results] == [None]
    assert lone.hung_up == 1
    assert [r.failure for r in states] == [None, Failure.UNREACHABLE]


def test_the_released_side_does_not_wait_for_ever():
    lone = Lone(response_timeout=5.0)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.take(s.RELEASE)
    lone.endpoint.expire(105.0)
    assert [r.failure for r in results] == [Failure.TIMEOUT]
    assert lone.hung_up == 1


def test_a_peer_that_leaves_a_released_connection_open_finds_it_closed():
    lone = Lone(response_timeout=5.0)
    lone.endpoint.release(lone.now)
    assert lone.endpoint.deadline == 105.0
    lone.endpoint.expire(105.0)
    assert (lone.hung_up, lone.endpoint.closed, lone.endpoint.deadline) == (1, True, inf)


@pytest.mark.parametrize("peer", [b"", s.csm(1152)])
def test_an_abort_ends_all(peer):
    lone = Lone(peer=peer)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    assert lone.take(s.ABORT, [(7, b"critical")], b"go away") == []
    assert [r.failure for r in results] == [Failure.UNREACHABLE]
    assert lone.hung_up == 1


def test_a_connection_that_is_lost_ends_all_once():
    lone = Lone(Shelf(fw=b"x"))
    sink = Sink()
    Download(request_options(["fw"]), sink, SZX_BERT).start(lone.endpoint, lone.now)
    answers = []
    ping(lone.endpoint, answers.append, lone.now)
    lone.endpoint.unreachable(lone.now)
    lone.endpoint.unreachable(lone.now)
    lone.endpoint.close(lone.now)
    assert sink.ended == (Failure.UNREACHABLE, 0)
    assert answers == [False]
    assert lone.hung_up == 1
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    assert [r.failure for r in results] == [Failure.CLOSED]


def test_a_connection_that_is_closed_fails_what_waits():
    lone = Lone()
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.endpoint.close(lone.now)
    assert [r.failure for r in results] == [Failure.CLOSED]
    assert lone.hung_up == 1
    assert lone.endpoint.deadline == inf


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_response_that_does_not_come_is_given_up_and_the_connection_stays():
    lone = Lone()
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    assert lone.endpoint.deadline == lone.now + lone.endpoint.params.MAX_TRANSMIT_WAIT
    lone.endpoint.expire(lone.now + 92.9)
    assert not results
    lone.endpoint.expire(lone.now + 93)
    assert [r.failure for r in results] == [Failure.TIMEOUT]
    assert lone.hung_up == 0
    assert lone.take(c.CONTENT, token=call.token) == []


def test_a_long_message_may_take_its_time_as_long_as_it_grows():
    lone = Lone(response_timeout=10.0, max_message_size=5000)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    data = frame(c.CONTENT, call.token, [], bytes(4000))
    for begin in range(0, 3200, 800):
        lone.endpoint.receive(data[begin : begin + 800], lone.now)
        lone.now += 8
        lone.endpoint.expire(lone.now)
        assert lone.endpoint.deadline > lone.now
    assert not results
    lone.endpoint.receive(data[3200:], lone.now)
    assert [len(r.payload) for r in results] == [4000]
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.endpoint.receive(data[:800], lone.now)
    lone.endpoint.expire(lone.now + 10)
    assert [r.failure for r in results] == [Failure.TIMEOUT]


def test_a_message_that_drips_ends_the_wait_for_it():
    lone = Lone(response_timeout=10.0)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    data = frame(c.CONTENT, call.token, [], bytes(4000))
    began = lone.now
    for byte in data:
        lone.endpoint.receive(bytes((byte,)), lone.now)
        lone.now += 5
        lone.endpoint.expire(lone.now)
        if results:
            break
    assert [r.failure for r in results] == [Failure.TIMEOUT]
    assert lone.now - began == PROGRESS_S


def test_a_slow_message_may_take_longer_as_long_as_it_brings_something():
    lone = Lone(response_timeout=93.0, max_message_size=40_000)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    data = frame(c.CONTENT, call.token, [], bytes(32_000))
    piece = PROGRESS_BYTES // 64
    for at in range(0, len(data), piece):
        lone.endpoint.receive(data[at : at + piece], lone.now)
        lone.now += 9
        lone.endpoint.expire(lone.now)
    assert [len(r.payload) for r in results] == [32_000]


def test_each_message_has_its_own_time():
    lone = Lone(response_timeout=10.0)
    for _ in range(4):
        call, results = get("fw")
        call.start(lone.endpoint, lone.now)
        data = frame(c.CONTENT, call.token, [], bytes(55))
        for byte in data:
            lone.endpoint.receive(bytes((byte,)), lone.now)
            lone.now += 9
            lone.endpoint.expire(lone.now)
        assert [len(r.payload) for r in results] == [55]


def test_other_messages_do_not_keep_a_request_waiting():
    lone = Lone(response_timeout=10.0)
    call, results = get("fw")
    call.start(lone.endpoint, lone.now)
    lone.now += 8
    lone.take(s.PING)
    lone.endpoint.expire(lone.now + 2)
    assert [r.failure for r in results] == [Failure.TIMEOUT]


def test_a_transfer_rings_the_alarm_once():
    wire = StreamWire(Shelf(fw=bytes(100_000)), client={"max_message_size": 2000})
    wire.alarms.clear()
    sink = Sink()
    Download(request_options(["fw"]), sink, SZX_BERT).start(wire.client, wire.now)
    while wire.sent:
        wire.now += 0.5
        to, data = wire.sent.popleft()
        (wire.server if to == "server" else wire.client).receive(data, wire.now)
    assert sink.ended == "complete"
    assert len(wire.alarms) <= 1


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_requests_that_are_put_off_are_counted():
    shelf = Shelf(fw=b"x")
    shelf.defer = True
    lone = Lone(shelf)
    answers = [lone.take(c.GET, FW) for _ in range(OPEN_REQUESTS_MAX + 1)]
    assert [m.code for found in answers for m in found] == [c.SERVICE_UNAVAILABLE]
    respond(lone.endpoint, shelf.requests[0], Response(c.CONTENT), lone.now)
    assert lone.take(c.GET, FW) == []


def test_a_request_that_the_peer_does_not_take_is_not_sent():
    lone = Lone(peer=s.csm(64))
    call, results = get("x" * 100)
    call.start(lone.endpoint, lone.now)
    assert [r.failure for r in results] == [Failure.PROTOCOL]
    assert lone.out == []
    assert not lone.endpoint.exchanges


def test_a_response_whose_options_alone_are_too_long_becomes_an_error():
    class Long(Shelf):
        def on_request(self, endpoint, request, now):
            return Response(c.CREATED, options=[(c.LOCATION_PATH, bytes(100))])

    (answer,) = Lone(Long(), peer=s.csm(64)).take(c.POST, FW)
    assert (answer.code, answer.options) == (c.INTERNAL_SERVER_ERROR, [])


def test_nothing_is_kept_of_what_was_sent():
    lone = Lone(peer=s.csm(1 << 20))
    call, _ = put("fw", bytes(100_000))
    call.start(lone.endpoint, lone.now)
    assert call.datagram == b""
