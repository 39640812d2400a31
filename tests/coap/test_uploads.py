"""Bodies that arrive in blocks, and responses that leave in them (RFC 7959 §2.5, §2.9)."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block
from simulator.coap.deduplication import GENERATION_MAX
from simulator.coap.exchange import Response
from simulator.coap.message import Message, encode
from simulator.coap.uploads import BODY_MAX
from tests.coap.wire import Shelf, Wire, put, request

BODY = random.Random(9).randbytes(5000)


def block_put(wire, num, more, size, mid, szx=6):
    options = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(num, more, szx).to_bytes())]
    return request(wire, c.PUT, options, bytes(size), mid=mid)


def test_old_blocks_under_new_message_ids_do_not_disturb_an_upload():
    shelf = Shelf()
    wire = Wire(shelf)
    assert block_put(wire, 0, True, 1024, 1).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 2).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 3).code == c.CONTINUE  # its answer was lost
    assert block_put(wire, 2, True, 1024, 4).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 5).code == c.REQUEST_ENTITY_INCOMPLETE
    assert block_put(wire, 3, False, 10, 6).code == c.CHANGED
    assert len(shelf.bodies["fw"]) == 3 * 1024 + 10
    assert block_put(wire, 3, False, 10, 7).code == c.REQUEST_ENTITY_INCOMPLETE


def test_a_first_block_that_comes_late_does_not_begin_anew():
    wire = Wire(Shelf())
    block_put(wire, 0, True, 16, 0, szx=0)
    for num in range(1, 3 * GENERATION_MAX):
        block_put(wire, num, True, 16, num, szx=0)
    assert wire.server.seen.get(0, wire.now) is None
    assert block_put(wire, 0, True, 16, 0, szx=0).code == c.CONTINUE
    assert block_put(wire, 3 * GENERATION_MAX, False, 1, 9000, szx=0).code == c.CHANGED


def test_a_last_block_that_is_longer_than_a_block_is_refused():
    assert block_put(Wire(Shelf()), 0, False, 17, 1, szx=0).code == c.BAD_REQUEST


def test_an_assembled_body_that_grows_too_long_is_refused_with_the_limit():
    wire = Wire(Shelf())
    answer = None
    for num in range(BODY_MAX // 1024 + 1):
        answer = block_put(wire, num, True, 1024, num)
    assert answer.code == c.REQUEST_ENTITY_TOO_LARGE
    assert answer.uint(c.SIZE1) == BODY_MAX
    assert wire.server.server._uploads.current is None


def test_the_rest_of_a_response_wakes_the_owner_and_is_dropped():
    shelf = Shelf()
    shelf.on_request = lambda endpoint, request, now: Response(c.CHANGED, BODY)
    wire = Wire(shelf)
    alarms: list[float] = []
    wire.server.alarm = lambda _endpoint, when: alarms.append(when)
    assert request(wire, c.POST, []).uint(c.SIZE2) == len(BODY)
    assert alarms == [wire.now + 247.0]
    wire.server.expire(alarms[0])
    assert wire.server.server.rest is None
    assert wire.server.deadline == inf


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


def test_a_large_answer_to_a_fetch_is_kept_for_its_further_blocks_without_observe():
    shelf = Shelf(fw=BODY)
    wire = Wire(shelf)
    path = (c.URI_PATH, b"fw")
    first = request(wire, c.FETCH, [(c.OBSERVE, b""), path], b"what", mid=1)
    assert first.uint(c.OBSERVE) >= 0
    second = request(wire, c.FETCH, [path, (c.BLOCK2, Block(1, False, 6).to_bytes())], mid=2, token=b"u")
    assert second.uint(c.OBSERVE) == -1
    assert first.payload + second.payload == BODY[:2048]
    assert len(shelf.requests) == 1
