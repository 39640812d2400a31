"""Downloads and calls against peers that break RFC 7959, or use what it allows."""

from __future__ import annotations

import random

import pytest

from simulator.coap import codes as c
from simulator.coap.block import NUM_MAX, Block
from simulator.coap.call import Call, Result
from simulator.coap.download import LATENCY_MAX_US, Download
from simulator.coap.exchange import Failure
from simulator.coap.message import Message, empty, encode
from simulator.coap.observe import notify
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from tests.coap.wire import Shelf, Sink, Wire, get, put

BODY = random.Random(9).randbytes(5000)


def test_what_a_download_refuses_to_start_with():
    for kw in ({"szx": 8}, {"szx": 6, "offset": 1000}, {"szx": 0, "offset": (NUM_MAX + 1) << 4}):
        with pytest.raises(ValueError, match="szx"):
            Download([], Sink(), **kw)
    with pytest.raises(ValueError, match="below Block2"):
        Download([(c.SIZE1, b"")], Sink(), 6)


@pytest.mark.parametrize(
    ("block", "length", "ended"),
    [
        (Block(0, False, 2), 65, (Failure.PROTOCOL, 0)),  # longer than a block
        (Block(0, True, 2), 63, (Failure.PROTOCOL, 0)),  # not full
        (Block(0, True, 3), 128, (Failure.PROTOCOL, 0)),  # larger than asked
        (Block(0, True, 7), 64, (Failure.PROTOCOL, 0)),  # reserved
        (Block(1, True, 2), 64, (Failure.PROTOCOL, 0)),  # not the first
        (Block(0, True, 1), 32, None),  # smaller than asked
        (Block(0, False, 2), 64, "complete"),
        (Block(0, False, 2), 0, "complete"),
    ],
)
def test_first_blocks(block, length, ended):
    wire = Wire()
    sink = Sink()
    Download(request_options(["fw"]), sink, 2).start(wire.client, wire.now)
    asked = wire.log[0][1]
    options = [(c.BLOCK2, block.to_bytes())]
    wire.client.receive(Message(c.ACK, c.CONTENT, asked.mid, asked.token, options, bytes(length)).encode(), wire.now)
    assert sink.ended == ended


def test_the_last_possible_block_may_only_be_the_end():
    for more, ended in ((False, "complete"), (True, (Failure.PROTOCOL, 0))):
        wire = Wire()
        sink = Sink()
        Download([], sink, 0, offset=NUM_MAX << 4).start(wire.client, wire.now)
        asked = wire.log[0][1]
        options = [(c.BLOCK2, Block(NUM_MAX, more, 0).to_bytes())]
        wire.client.receive(Message(c.ACK, c.CONTENT, asked.mid, asked.token, options, bytes(16)).encode(), wire.now)
        assert sink.ended == ended


def test_a_latency_beyond_the_range_is_recorded_as_its_end():
    wire = Wire(params=TransmissionParameters(MAX_LATENCY=10_000))
    sink = Sink()
    download = Download([], sink, 6)
    download.start(wire.client, wire.now)
    asked = wire.log[0][1]
    wire.client.receive(empty(c.ACK, asked.mid), wire.now)
    wire.client.receive(Message(c.CON, c.CONTENT, 1, asked.token, [], b"x").encode(), wire.now + 9_000)
    assert list(download.block_us) == [LATENCY_MAX_US]


def test_4_13_with_a_smaller_block_makes_a_whole_body_go_out_in_blocks():
    wire = Wire(Shelf())
    call, results = put("a", BODY[:500])
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    assert asked.option(c.BLOCK1) is None
    hint = [(c.BLOCK1, Block(0, False, 3).to_bytes())]
    wire.sent.clear()
    answer = Message(c.ACK, c.REQUEST_ENTITY_TOO_LARGE, asked.mid, asked.token, hint)
    wire.client.receive(answer.encode(), wire.now)
    wire.run()
    assert results[0].code == c.CHANGED
    assert wire.server.server.handler.bodies["a"] == BODY[:500]
    assert call.blocks == 4


def test_a_resource_that_changes_under_a_call_is_fetched_anew():
    shelf = Shelf(a=BODY)
    shelf.etag = b"v1"
    wire = Wire(shelf)
    call, results = get("a")
    call.start(wire.client, wire.now)
    _to, data = wire.sent.popleft()
    wire.server.receive(data, wire.now)
    shelf.bodies["a"], shelf.etag = BODY[::-1], b"v2"
    wire.run()
    assert results[0].payload == BODY[::-1]


def test_observing_a_large_resource_keeps_the_observation():
    shelf = Shelf(a=BODY)
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    assert [(r.payload, r.more) for r in results] == [(BODY, True)]
    notify(wire.server, wire.server.observations[0], c.CONTENT, [], b"small", wire.now)
    wire.run()
    assert [r.payload for r in results] == [BODY, b"small"]


def test_only_the_newest_large_notification_is_fetched():
    wire = Wire(Shelf(a=b"0"))
    call, _results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    for sequence in range(100, 200):
        options = [(c.OBSERVE, bytes((sequence,))), (c.BLOCK2, Block(0, True, 0).to_bytes())]
        data = Message(c.NON, c.CONTENT, sequence, call.token, options, bytes(16)).encode()
        wire.client.receive(data, wire.now)
    assert len(wire.client.exchanges) == 2
    assert len(wire.client.pending) + len(wire.client.queue or ()) == 1


def test_a_response_without_an_observe_option_is_the_end_of_an_observation():
    wire = Wire(Shelf(a=b"0"))
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    wire.client.receive(Message(c.CON, c.NOT_FOUND, 9, call.token).encode(), wire.now)
    assert [(r.code, r.more) for r in results] == [(c.CONTENT, True), (c.NOT_FOUND, False)]
    assert not wire.client.exchanges


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("client_szx", [0, 3, 6])
@pytest.mark.parametrize("server_szx", [2, 6])
def test_bodies_cross_in_both_directions(size, client_szx, server_szx):
    shelf = Shelf(fw=BODY[:size])
    wire = Wire(shelf, client_szx=client_szx, server_szx=server_szx)
    sink = Sink()
    download = Download(request_options(["fw"]), sink, client_szx)
    download.start(wire.client, wire.now)
    call, results = put("up", BODY[:size], szx=client_szx)
    call.start(wire.client, wire.now)
    whole, got = get("fw")
    whole.start(wire.client, wire.now)
    wire.run()
    assert sink.ended == "complete"
    assert bytes(sink.data) == BODY[:size]
    assert results[0].code == c.CHANGED
    assert shelf.bodies["up"] == BODY[:size]
    assert got[0].payload == BODY[:size]


def test_a_download_tells_size_blocks_and_latencies():
    wire = Wire(Shelf(fw=BODY))
    sink = Sink()
    download = Download(request_options(["fw"]), sink, 6)
    download.start(wire.client, wire.now)
    wire.run()
    assert sink.size == 5000
    assert download.blocks == len(download.block_us) == 5
    assert download.wire_in == sum(len(m.encode()) for to, m in wire.log if to == "client")
    assert download.wire_out == sum(len(m.encode()) for to, m in wire.log if to == "server")


def test_a_download_goes_on_where_it_stopped_while_the_etag_is_the_same():
    shelf = Shelf(fw=BODY)
    shelf.etag = b"v1"
    wire = Wire(shelf)
    sink = Sink()
    sink.data += BODY[:2048]
    download = Download(request_options(["fw"]), sink, 6, offset=2048, etag=b"v1")
    download.start(wire.client, wire.now)
    wire.run()
    assert bytes(sink.data) == BODY
    assert download.blocks == 3


def test_a_changed_etag_restarts_the_download():
    shelf = Shelf(fw=BODY)
    shelf.etag = b"v2"
    wire = Wire(shelf)
    sink = Sink()
    sink.data += b"x" * 2048
    download = Download(request_options(["fw"]), sink, 6, offset=2048, etag=b"v1")
    download.start(wire.client, wire.now)
    wire.run()
    assert bytes(sink.data) == BODY
    assert download.restarts == 1


def test_error_codes_and_silence_reach_the_sink():
    wire = Wire(Shelf())
    sink = Sink()
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    wire.run()
    assert sink.ended == (None, c.NOT_FOUND)
    wire.lose = set(range(1, 1000))
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    wire.run()
    assert sink.ended == (Failure.TIMEOUT, 0)


def test_a_wrong_block_number_is_a_protocol_failure():
    wire = Wire()
    sink = Sink()
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    request = wire.log[0][1]
    options = [(c.BLOCK2, Block(3, True, 6).to_bytes())]
    wire.client.receive(encode(c.ACK, c.CONTENT, request.mid, request.token, options, bytes(1024)), wire.now)
    assert sink.ended == (Failure.PROTOCOL, 0)


def test_if_match_and_etag_of_a_get():
    shelf = Shelf(a=b"1")
    shelf.etag = b"v1"
    wire = Wire(shelf)
    results: list[Result] = []
    for extra in (
        [(c.ETAG, b"v1")],
        [(c.ETAG, b"v0")],
        [(c.IF_MATCH, b"v0")],
        [(c.IF_MATCH, b"v1")],
        [(c.IF_MATCH, b"")],
    ):
        Call(c.GET, request_options(["a"], extra=extra), b"", results.append).start(wire.client, wire.now)
    wire.run()
    assert [r.code for r in results] == [c.VALID, c.CONTENT, c.PRECONDITION_FAILED, c.CONTENT, c.CONTENT]
