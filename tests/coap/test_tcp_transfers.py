"""Bodies over TCP: whole where the peer's CSM allows, BERT, and blocks where it must be; Observe."""

from __future__ import annotations

import random

import pytest

from simulator.coap import codes as c
from simulator.coap import tcp_signalling as s
from simulator.coap.block import SZX_BERT, Block
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.exchange import Failure, Response
from simulator.coap.observe import notify
from simulator.coap.requests import request_options
from tests.coap.stream_wire import Lone, StreamWire
from tests.coap.wire import Shelf, Sink, get, put

IMAGE = random.Random(5).randbytes(100_000)
PATH = request_options(["fw"])


def download(wire, szx=SZX_BERT, **kw):
    sink = Sink()
    sink.data[:] = bytes(kw.get("offset", 0))
    transfer = Download(PATH, sink, szx, **kw)
    transfer.start(wire.client, wire.now)
    wire.run()
    return transfer, sink


@pytest.mark.parametrize("piece", [1, 700, 1 << 30])
@pytest.mark.parametrize(
    ("client", "server", "blocks", "szx"),
    [
        ({"max_message_size": 200_000}, {}, 1, 7),
        ({"max_message_size": 8192}, {}, 14, 7),
        ({}, {}, 13, 7),
        ({"max_message_size": 1152}, {}, 98, 6),
        ({"max_message_size": 600}, {}, 196, 5),
        ({}, {"szx": 4}, 391, 4),
        ({}, {"szx": 6}, 98, 6),
    ],
)
def test_a_download_is_as_large_as_the_csm_of_its_receiver_allows(piece, client, server, blocks, szx):
    wire = StreamWire(Shelf(fw=IMAGE), client=client, server=server, piece=piece)
    transfer, sink = download(wire)
    assert sink.ended == "complete"
    assert sink.data == IMAGE
    assert (transfer.blocks, transfer.szx) == (blocks, szx)
    assert wire.to("server")[0].option(c.BLOCK2) is None
    if blocks > 1:
        assert sink.size == len(IMAGE)
    assert transfer.wire_in == wire.client.bytes_in - len(s.csm(wire.server.max_message_size))
    assert len(transfer.block_us) == blocks
    assert transfer.retransmissions == 0


def test_a_download_may_ask_for_small_blocks():
    wire = StreamWire(Shelf(fw=IMAGE[:1000]))
    transfer, sink = download(wire, 2)
    assert (sink.data, transfer.blocks) == (IMAGE[:1000], 16)


@pytest.mark.parametrize(("server", "blocks"), [({}, 6), ({"max_message_size": 1152}, 48)])
def test_a_download_goes_on_in_the_middle(server, blocks):
    shelf = Shelf(fw=IMAGE)
    shelf.etag = b"e"
    wire = StreamWire(shelf, server=server)
    transfer, sink = download(wire, offset=51_200, etag=b"e")
    assert (sink.data[51_200:], transfer.blocks, transfer.restarts) == (IMAGE[51_200:], blocks, 0)
    assert wire.to("server")[0].uint(c.BLOCK2) >> 4 == 50


@pytest.mark.parametrize("etag", [b"", b"other"])
def test_a_download_begins_anew_when_the_etag_is_another_or_gone(etag):
    shelf = Shelf(fw=IMAGE)
    shelf.etag = etag
    transfer, sink = download(StreamWire(shelf), offset=51_200, etag=b"e")
    assert (sink.ended, sink.data, transfer.restarts) == ("complete", IMAGE, 1)
    assert sink.begun == 1


def test_without_a_known_etag_the_middle_is_asked_for_in_blocks_of_1024():
    wire = StreamWire(Shelf(fw=IMAGE))
    transfer, sink = download(wire, offset=99_328)
    assert (sink.data[99_328:], transfer.szx) == (IMAGE[99_328:], 6)


@pytest.mark.parametrize(
    ("first", "length"),
    [
        (Block(0, True, 7), 1023),
        (Block(0, True, 7), 0),
        (Block(1, True, 7), 1024),
        (Block(1, False, 7), 5),
        (Block(0, True, 6), 2048),
    ],
)
def test_blocks_that_are_not_what_was_asked_for_end_a_download(first, length):
    lone = Lone()
    sink = Sink()
    Download(PATH, sink, SZX_BERT).start(lone.endpoint, lone.now)
    (request,) = lone.out
    lone.take(c.CONTENT, [(c.BLOCK2, first.to_bytes())], bytes(length), request.token)
    assert sink.ended == (Failure.PROTOCOL, 0)


def test_bert_is_no_answer_to_a_request_for_small_blocks():
    lone = Lone()
    sink = Sink()
    Download(PATH, sink, 4).start(lone.endpoint, lone.now)
    (request,) = lone.out
    lone.take(c.CONTENT, [(c.BLOCK2, Block(0, True, 7).to_bytes())], bytes(1024), request.token)
    assert sink.ended == (Failure.PROTOCOL, 0)


# -- bodies of requests ------------------------------------------------------------------------------------------------


class Flash:
    """Takes an upload."""

    def __init__(self):
        self.data = bytearray()
        self.writes = 0
        self.abandoned = 0

    def write(self, data, now):
        self.data += data
        self.writes += 1
        return 0

    def finish(self, request, now):
        return Response(c.CHANGED)

    def abandon(self, now):
        self.abandoned += 1


@pytest.mark.parametrize(
    ("server", "kw", "messages"),
    [
        ({"max_message_size": 8192}, {}, 14),
        ({}, {}, 13),
        ({"max_message_size": 1152}, {}, 98),
        ({"max_message_size": 300}, {}, 782),
        ({"szx": 4}, {}, 13),
        ({"max_message_size": 1152, "szx": 4}, {}, 388),
        ({}, {"szx": 6}, 98),
    ],
)
def test_an_upload_is_as_large_as_the_csm_of_its_receiver_allows(server, kw, messages):
    shelf = Shelf()
    shelf.upload = Flash()
    wire = StreamWire(shelf, server=server)
    call, results = put("fw", IMAGE, **kw)
    call.start(wire.client, wire.now)
    wire.run()
    assert [r.code for r in results] == [c.CHANGED]
    assert shelf.upload.data == IMAGE
    assert len(wire.to("server")) == shelf.upload.writes == messages
    assert wire.to("server")[0].uint(c.SIZE1) == len(IMAGE)


def test_a_body_that_fits_goes_whole():
    shelf = Shelf()
    wire = StreamWire(shelf, server={"max_message_size": 200_000})
    call, results = put("fw", IMAGE)
    call.start(wire.client, wire.now)
    wire.run()
    assert [r.code for r in results] == [c.CHANGED]
    assert shelf.bodies["fw"] == IMAGE
    assert [m.option(c.BLOCK1) for m in wire.to("server")] == [None]


@pytest.mark.parametrize(("hint", "sizes"), [(7, [8192, 1808]), (6, [1024] * 9 + [784])])
def test_a_whole_body_that_is_refused_goes_in_blocks_of_the_size_that_is_named(hint, sizes):
    lone = Lone(peer=s.csm(20_000))
    call, results = put("fw", IMAGE[:10_000])
    call.start(lone.endpoint, lone.now)
    (request,) = lone.out
    assert len(request.payload) == 10_000
    refusal = [(c.BLOCK1, Block(0, False, hint).to_bytes())]
    lone.endpoint.receive(s.csm(8400), lone.now)
    (first,) = lone.take(c.REQUEST_ENTITY_TOO_LARGE, refusal, token=request.token)
    found = [len(first.payload)]
    while not results:
        value = first.option(c.BLOCK1)
        more = first.uint(c.BLOCK1) & 8
        out = lone.take(c.CONTINUE if more else c.CHANGED, [(c.BLOCK1, value)], token=first.token)
        if out:
            (first,) = out
            found.append(len(first.payload))
    assert (found, results[0].code) == (sizes, c.CHANGED)


def test_a_whole_body_that_is_refused_for_bert_goes_as_bert_though_it_would_fit_and_not_for_ever():
    lone = Lone(peer=s.csm(20_000))
    call, results = put("fw", IMAGE[:10_000])
    call.start(lone.endpoint, lone.now)
    (request,) = lone.out
    refusal = [(c.BLOCK1, Block(0, False, SZX_BERT).to_bytes())]
    (block,) = lone.take(c.REQUEST_ENTITY_TOO_LARGE, refusal, token=request.token)
    assert (block.uint(c.BLOCK1), len(block.payload)) == (SZX_BERT, 10_000)
    assert lone.take(c.REQUEST_ENTITY_TOO_LARGE, refusal, token=block.token) == []
    assert [r.code for r in results] == [c.REQUEST_ENTITY_TOO_LARGE]


def test_an_upload_that_begins_anew_replaces_the_one_before():
    shelf = Shelf()
    shelf.upload = Flash()
    lone = Lone(shelf)
    first = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(0, True, 7).to_bytes())]
    assert lone.take(c.PUT, first, bytes(2048))[0].code == c.CONTINUE
    assert lone.take(c.PUT, first, bytes(1024))[0].code == c.CONTINUE
    assert (shelf.upload.abandoned, shelf.upload.writes) == (1, 2)
    rest = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(1, False, 7).to_bytes())]
    (answer,) = lone.take(c.PUT, rest, bytes(1500))
    assert (answer.code, answer.uint(c.BLOCK1)) == (c.CHANGED, 0x17)


def test_a_response_to_a_post_comes_in_bert_blocks():
    class Echo(Shelf):
        def on_request(self, endpoint, request, now):
            return Response(c.CHANGED, request.payload * 5)

    wire = StreamWire(Echo(), server={"max_message_size": 200_000})
    results = []
    Call(c.POST, PATH, IMAGE[:10_000], results.append).start(wire.client, wire.now)
    wire.run()
    assert [(r.code, r.payload) for r in results] == [(c.CHANGED, IMAGE[:10_000] * 5)]
    assert len(wire.to("client")) == 7


# -- Observe -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [5, 30_000])
def test_observations_notify_until_they_are_ended(size):
    states = [bytes([65 + n]) * size for n in range(4)]
    shelf = Shelf(state=states[0])
    wire = StreamWire(shelf)
    call, results = get("state", observe=True)
    call.start(wire.client, wire.now)
    wire.flow()
    (observation,) = wire.server.observations
    for state in states[1:]:
        shelf.bodies["state"] = state
        notify(wire.server, observation, c.CONTENT, [], state, wire.now)
        wire.flow()
    assert [(r.payload, r.more) for r in results] == [(state, True) for state in states]
    assert wire.client.deadline == wire.server.deadline == float("inf")
    end, ended = get("state", observe=call.token)
    end.start(wire.client, wire.now)
    wire.run()
    assert [(r.payload, r.more) for r in ended] == [(states[-1], False)]
    assert (shelf.ended, wire.server.observations) == (["state"], [])


@pytest.mark.parametrize("values", [[b"", b"", b""], [b"\x09", b"\x05", b"\x05"]])
def test_the_values_of_observe_say_nothing_about_the_order(values):
    lone = Lone()
    call, results = get("state", observe=True)
    call.start(lone.endpoint, lone.now)
    for number, value in enumerate(values):
        lone.take(c.CONTENT, [(c.OBSERVE, value)], bytes([65 + number]), call.token)
    assert [r.payload for r in results] == [b"A", b"B", b"C"]


def test_observations_end_with_the_connection_and_both_sides_are_told():
    shelf = Shelf(state=b"a")
    wire = StreamWire(shelf)
    call, results = get("state", observe=True)
    call.start(wire.client, wire.now)
    wire.flow()
    (observation,) = wire.server.observations
    wire.client.close(wire.now)
    wire.flow()
    assert shelf.ended == ["state"]
    assert [r.failure for r in results] == [None, Failure.CLOSED]
    notify(wire.server, observation, c.CONTENT, [], b"b", wire.now)
    assert not wire.sent


def test_an_error_notification_ends_an_observation():
    shelf = Shelf(state=b"a")
    wire = StreamWire(shelf)
    call, results = get("state", observe=True)
    call.start(wire.client, wire.now)
    wire.flow()
    notify(wire.server, wire.server.observations[0], c.NOT_FOUND, [], b"", wire.now)
    wire.flow()
    assert [(r.code, r.more) for r in results] == [(c.CONTENT, True), (c.NOT_FOUND, False)]
    assert wire.server.observations == []
