"""Which message answers which, and what waits for its turn (RFC 7252 §4.2, §4.7, §5.3.2)."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.endpoint import ping
from simulator.coap.exchange import Failure
from simulator.coap.message import Message, decode, empty
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from tests.coap.wire import Shelf, Sink, Wire, get

BODY = random.Random(9).randbytes(3000)


def test_an_acknowledgement_with_another_token_or_code_class_is_no_answer():
    wire = Wire()
    call, results = get("a")
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    for code, token in ((c.CONTENT, b"other"), (c.GET, asked.token), (0x65, asked.token), (0xE5, asked.token)):
        wire.client.receive(Message(c.ACK, code, asked.mid, token).encode(), wire.now)
    wire.client.receive(Message(c.RST, c.CONTENT, asked.mid, asked.token).encode(), wire.now)
    assert not results
    assert asked.mid in wire.client.pending
    wire.client.receive(Message(c.ACK, 0x5E, asked.mid, asked.token).encode(), wire.now)
    assert [r.code for r in results] == [0x5E]  # an unknown code of a known class counts as that class


@pytest.mark.parametrize("type_", [c.ACK, c.CON, c.NON])
def test_a_response_with_an_unknown_critical_option_fails_the_call(type_):
    wire = Wire()
    call, results = get("a")
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    mid = asked.mid if type_ == c.ACK else 77
    wire.client.receive(Message(type_, c.CONTENT, mid, asked.token, [(9999, b"")]).encode(), wire.now)
    assert [r.failure for r in results] == [Failure.PROTOCOL]
    assert wire.client.deadline == inf


def test_a_second_separate_response_to_an_earlier_block_does_not_disturb_a_download():
    wire = Wire()
    sink = Sink()
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    for num in range(3):
        asked = wire.log[-1][1]
        assert asked.uint(c.BLOCK2) >> 4 == num
        options = [(c.BLOCK2, Block(num, num < 2, 6).to_bytes())]
        part = BODY[num * 1024 : num * 1024 + 1024]
        for mid in (100 + num, 200 + num):  # a server that took the request twice
            wire.client.receive(Message(c.CON, c.CONTENT, mid, asked.token, options, part).encode(), wire.now)
        assert wire.log[-1][1] == decode(empty(c.RST, 200 + num))
        wire.log.pop()
    assert sink.ended == "complete"
    assert bytes(sink.data) == BODY


def test_a_response_to_what_was_never_asked_is_reset():
    wire = Wire()
    calls = [get("a"), get("b")]
    for call, _ in calls:
        call.start(wire.client, wire.now)
    queued = calls[1][0]
    wire.client.receive(Message(c.NON, c.CONTENT, 9, queued.token).encode(), wire.now)
    assert wire.log[-1][1] == decode(empty(c.RST, 9))
    assert not calls[1][1]


def test_no_message_id_is_given_twice_to_what_is_under_way():
    wire = Wire(params=TransmissionParameters(NSTART=3))
    first, _ = get("a")
    first.start(wire.client, wire.now)
    for _ in range(65_535):
        wire.client.next_mid()
    second, _ = get("b")
    second.start(wire.client, wire.now)
    assert first.mid != second.mid
    assert len(wire.client.pending) == 2


def test_an_acknowledged_ping_counts_as_a_sign_of_life():
    wire = Wire()
    answers: list[bool] = []
    ping(wire.client, answers.append, wire.now)
    wire.client.receive(empty(c.ACK, wire.log[0][1].mid), wire.now)
    assert answers == [True]


def test_what_is_queued_goes_out_when_the_transfer_before_it_is_stopped():
    wire = Wire(Shelf(a=b"1"))
    download = Download(request_options(["fw"]), Sink(), 6)
    download.start(wire.client, wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    download.stop(wire.client, wire.now)
    assert [m.path for _, m in wire.log] == [("fw",), ("a",)]
    wire.run()
    assert results[0].payload == b"1"


def test_finish_wakes_the_owner_for_what_is_queued():
    wire = Wire(Shelf(a=b"1"))
    first, _ = get("fw")
    first.start(wire.client, wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    alarms: list[float] = []
    wire.client.alarm = lambda _endpoint, when: alarms.append(when)
    wire.client.finish(first)
    assert alarms == [0.0]
    assert wire.client.deadline == 0.0
    wire.run()
    assert results[0].payload == b"1"


def test_a_callback_may_end_other_exchanges_that_are_due_at_the_same_time():
    wire = Wire(params=TransmissionParameters(NSTART=4, MAX_RETRANSMIT=0, ACK_RANDOM_FACTOR=1.0))
    results = []
    calls = [Call(c.GET, request_options(["a"]), b"", results.append) for _ in range(3)]
    calls[0]._done = lambda result: (results.append(result), wire.client.cancel(calls[1], wire.now))
    for call in calls:
        call.start(wire.client, wire.now)
    wire.now += 2
    wire.client.expire(wire.now)
    assert sorted(r.failure.value for r in results) == ["closed", "timeout", "timeout"]
    wire.client.cancel(calls[1], wire.now)
    assert len(results) == 3
    assert wire.client.deadline == inf


def test_a_call_on_a_closed_endpoint_fails_and_leaves_nothing():
    wire = Wire()
    wire.client.close(wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    assert [r.failure for r in results] == [Failure.CLOSED]
    assert not wire.client.exchanges


def test_a_sink_may_stop_its_download_or_close_the_endpoint_from_within():
    for act in ("stop", "close"):
        wire = Wire(Shelf(fw=BODY))
        sink = Sink()
        download = Download(request_options(["fw"]), sink, 6)

        def write(data, now, wire=wire, download=download, act=act):
            download.stop(wire.client, now) if act == "stop" else wire.client.close(now)
            return True

        sink.write = write
        download.start(wire.client, wire.now)
        wire.run()
        assert download.done
        assert sink.ended == (None if act == "stop" else (Failure.CLOSED, 0))
        assert not wire.client.pending
        assert not wire.client.exchanges
