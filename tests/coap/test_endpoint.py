"""Two endpoints back to back: reliability, block-wise and Observe as RFC 7252, 7959 and 7641 want them."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block, read_block
from simulator.coap.call import Call, Result
from simulator.coap.download import Download
from simulator.coap.endpoint import ping
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import Message, empty, encode, uint_bytes
from simulator.coap.observe import is_newer, notify
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


class StreamedUpload:
    def __init__(self, room):
        self.room = room
        self.data = bytearray()
        self.abandoned = False

    def write(self, data, now):
        if len(self.data) + len(data) > self.room:
            return c.REQUEST_ENTITY_TOO_LARGE
        self.data += data
        return 0

    def finish(self, request, now):
        return Response(c.CHANGED)

    def abandon(self, now):
        self.abandoned = True


def test_a_streamed_upload_is_taken_block_by_block_and_can_refuse():
    shelf = Shelf()
    shelf.upload = StreamedUpload(10_000)
    wire = Wire(shelf)
    call, results = put("fw", BODY)
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.CHANGED
    assert bytes(shelf.upload.data) == BODY
    shelf.upload = StreamedUpload(2000)
    call, results = put("fw", BODY)
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.REQUEST_ENTITY_TOO_LARGE
    assert call.blocks == 1


def test_an_upload_without_further_blocks_is_abandoned():
    shelf = Shelf()
    shelf.upload = StreamedUpload(10_000)
    wire = Wire(shelf)
    options = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(0, True, 6).to_bytes())]
    wire.server.receive(encode(c.CON, c.PUT, 1, b"t", options, bytes(1024)), wire.now)
    assert wire.log[-1][1].code == c.CONTINUE
    assert wire.server.deadline == pytest.approx(wire.now + 247)
    wire.server.expire(wire.now + 250)
    assert shelf.upload.abandoned
    options = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(1, True, 6).to_bytes())]
    wire.server.receive(encode(c.CON, c.PUT, 2, b"t", options, bytes(1024)), wire.now + 250)
    assert wire.log[-1][1].code == c.REQUEST_ENTITY_INCOMPLETE


@pytest.mark.parametrize(
    ("block", "length", "code"),
    [
        (Block(2, True, 6), 1024, c.REQUEST_ENTITY_INCOMPLETE),  # a gap
        (Block(1, True, 6), 1000, c.BAD_REQUEST),  # not full
        (Block(0, True, 6), 1024, c.CONTINUE),  # a new sequence overwrites
        (Block(1, False, 6), 10, c.CHANGED),  # the last
    ],
)
def test_blocks_out_of_order(block, length, code):
    wire = Wire(Shelf())
    for mid, (b, n) in enumerate([(Block(0, True, 6), 1024), (block, length)]):
        options = [(c.URI_PATH, b"fw"), (c.BLOCK1, b.to_bytes())]
        wire.server.receive(encode(c.CON, c.PUT, mid, b"t", options, bytes(n)), wire.now)
    assert wire.log[-1][1].code == code


def test_bodies_too_long_to_assemble_get_4_13_with_the_limit():
    wire = Wire(Shelf())
    call, results = put("fw", bytes(70_000))
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.REQUEST_ENTITY_TOO_LARGE
    assert Message(0, 0, options=results[0].options).uint(c.SIZE1) == 65_536


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
