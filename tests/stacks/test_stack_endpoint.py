"""An endpoint made of aiocoap: requests of the device, requests of its server, silence, Resets and the end."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import Message, empty
from simulator.coap.params import TransmissionParameters
from simulator.stacks.endpoint import LOGGER
from simulator.transport.virtual import run_virtual
from tests.coap.wire import Shelf
from tests.device.device_rig import in_virtual_time
from tests.stacks.stack_rig import stack_rig

SLOW = TransmissionParameters(ACK_TIMEOUT=4.0, ACK_RANDOM_FACTOR=1.5, MAX_RETRANSMIT=2)


@pytest.fixture(autouse=True)
def _loud():
    """aiocoap's warnings, which a run does not show, fail these tests."""
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


# -- requests of the device --------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_is_sent_whole_and_answered_whole():
    shelf = Shelf(long=bytes(range(256)) * 12)
    async with stack_rig(server=shelf) as rig:
        got, _ = rig.call(c.GET, "long")
        await rig.settle()
        assert (got[0].code, got[0].payload, got[0].more) == (c.CONTENT, shelf.bodies["long"], False)
        put, _ = rig.call(c.PUT, "other", b"x" * 3000)
        await rig.settle()
        assert put[0].code == c.CHANGED
        assert shelf.bodies["other"] == b"x" * 3000
        assert rig.device.messages_out == len(rig.sent_by_device()) == rig.device.messages_in
        missing, _ = rig.call(c.GET, "nothing")
        await rig.settle()
        assert missing[0].code == c.NOT_FOUND


@pytest.mark.parametrize("szx", [0, 2, 5])
@in_virtual_time
async def test_a_body_goes_out_in_blocks_of_the_size_of_the_device(szx):
    shelf = Shelf()
    async with stack_rig(server=shelf, szx=szx) as rig:
        results, _ = rig.call(c.POST, "rd", b"l" * 700)
        await rig.settle()
        assert results[0].code == c.CHANGED
        assert shelf.bodies["rd"] == b"l" * 700
        assert max(len(message.payload) for message in rig.sent_by_device()) == 16 << szx


@in_virtual_time
async def test_silence_is_a_timeout_after_all_retransmissions():
    async with stack_rig(params=SLOW) as rig:
        rig.lost = lambda to, message: to == "server"
        results, _ = rig.call(c.GET, "x")
        await rig.settle(4 * 7 - 0.1)
        assert results == []
        await rig.settle(4 * 7 * 0.5 + 0.2)
        assert [r.failure for r in results] == [Failure.TIMEOUT]
        assert rig.device.retransmissions == 2
        assert len({bytes(data) for data in rig.datagrams}) == 1


@in_virtual_time
async def test_an_acknowledged_request_without_response_times_out():
    shelf = Shelf()
    shelf.defer = True
    async with stack_rig(server=shelf) as rig:
        results, _ = rig.call(c.GET, "x")
        await rig.settle(246.0)
        assert results == []
        await rig.settle(2.0)
        assert [r.failure for r in results] == [Failure.TIMEOUT]


@pytest.mark.expected_warnings("MessageError")  # aiocoap passes the class, and takes that for none of its errors
@in_virtual_time
async def test_a_reset_and_an_unreachable_peer_fail_a_call():
    async with stack_rig() as rig:
        rig.lost = lambda to, message: True
        results, _ = rig.call(c.GET, "x")
        await rig.settle()
        rig.device.receive(empty(c.RST, rig.log[-1][1].mid), rig.now())
        await rig.settle()
        assert [r.failure for r in results] == [Failure.RESET]
        others, _ = rig.call(c.GET, "x")
        await rig.settle()
        rig.device.unreachable(rig.now())
        await rig.settle()
        assert [r.failure for r in others] == [Failure.UNREACHABLE]
        assert rig.device.observations == []


@in_virtual_time
async def test_a_call_that_is_finished_tells_nothing_any_more():
    async with stack_rig() as rig:
        rig.lost = lambda to, message: True
        results, call = rig.call(c.GET, "x")
        await rig.settle()
        rig.device.finish(call)
        rig.device.finish(call)
        await rig.settle(300.0)
        assert results == []


@pytest.mark.parametrize("turns", range(5))
@in_virtual_time
async def test_closing_while_something_waits_leaves_nothing_behind(turns):
    async with stack_rig(params=SLOW) as rig:
        rig.lost = lambda to, message: to == "server"
        results, _ = rig.call(c.PUT, "x", b"y" * 3000)
        more, _ = rig.call(c.GET, "x")
        failures = []
        rig.device.ask(c.GET, [], failures.append, failures.append)
        for _ in range(turns):
            await asyncio.sleep(0)
        rig.device.close(rig.now())
        rig.device.close(rig.now())
        assert [r.failure for r in results + more] == [Failure.CLOSED] * 2
        assert failures == [Failure.CLOSED]
        sent = len(rig.datagrams)
        rig.device.receive(empty(c.CON, 7), rig.now())
        rig.device.unreachable(rig.now())
        await rig.settle(300.0)
        assert len(rig.datagrams) == sent
        gc.collect()  # a future whose error nobody asked for would be told of now


@in_virtual_time
async def test_the_same_seed_gives_the_same_datagrams_and_times():
    async def run(seed):
        times = []
        async with stack_rig(params=SLOW, seed=seed) as rig:
            rig.lost = lambda to, message: times.append(rig.now()) or True
            rig.call(c.GET, "x")
            await rig.settle(100.0)
            start = times[0]
            return [t - start for t in times], rig.datagrams

    first, again, other = await run(1), await run(1), await run(2)
    assert [round(t, 9) for t in first[0]] == [round(t, 9) for t in again[0]]
    assert first[1] == again[1]
    assert (first[0], first[1]) != (other[0], other[1])


# -- requests of the server --------------------------------------------------------------------------------------------


@in_virtual_time
async def test_requests_reach_the_handler_and_are_answered_on_the_acknowledgement():
    shelf = Shelf(a=b"text")
    async with stack_rig(shelf) as rig:
        got = await rig.ask(c.GET, "a")
        assert (got.code, got.payload) == (c.CONTENT, b"text")
        assert (await rig.ask(c.GET, "b")).code == c.NOT_FOUND
        assert (await rig.ask(c.PUT, "b/c", b"new", content_format=0)).code == c.CHANGED
        assert shelf.bodies["b/c"] == b"new"
        assert shelf.requests[-1].content_format == 0
        assert {message.type for message in rig.sent_by_device()} == {c.ACK}


@pytest.mark.parametrize("szx", [0, 4, 6])
@in_virtual_time
async def test_a_large_representation_is_fetched_in_blocks(szx):
    shelf = Shelf(a=bytes(range(256)) * 10)
    async with stack_rig(shelf, szx=szx) as rig:
        got = await rig.ask(c.GET, "a")
        assert (got.code, got.payload) == (c.CONTENT, shelf.bodies["a"])
        assert len(shelf.requests) == -(-2560 // (16 << szx))


@in_virtual_time
async def test_bodies_for_other_resources_are_joined_by_aiocoap_up_to_a_limit():
    shelf = Shelf()
    async with stack_rig(shelf) as rig:
        assert (await rig.ask(c.PUT, "1/0", b"z" * 5000, szx=4)).code == c.CHANGED
        assert shelf.bodies["1/0"] == b"z" * 5000
        assert (await rig.ask(c.PUT, "1/0", b"z" * 70_000)).code == c.REQUEST_ENTITY_TOO_LARGE
        assert len(shelf.requests) == 1


class Upload:
    """Takes the blocks of a body, and refuses from the ``refused`` one on."""

    def __init__(self, refused=-1):
        self.blocks = []
        self.refused = refused
        self.abandoned = 0

    def write(self, data, now):
        self.blocks.append(data)
        return c.REQUEST_ENTITY_INCOMPLETE if len(self.blocks) == self.refused else 0

    def finish(self, request, now):
        return Response(c.CHANGED, b"whole")

    def abandon(self, now):
        self.abandoned += 1


@pytest.mark.parametrize("szx", [2, 6])
@in_virtual_time
async def test_an_upload_is_handed_on_block_by_block_and_can_ask_for_smaller_ones(szx):
    shelf = Shelf()
    shelf.upload = upload = Upload()
    async with stack_rig(shelf, szx=szx) as rig:
        body = bytes(range(250)) * 10
        got = await rig.ask(c.PUT, "5/0/0", body)
        assert (got.code, got.payload) == (c.CHANGED, b"whole")
        assert b"".join(upload.blocks) == body
        assert {len(block) for block in upload.blocks[1:-1]} <= {16 << szx}
        assert upload.abandoned == 0
        assert shelf.requests == []


@in_virtual_time
async def test_an_upload_that_is_refused_or_falls_silent_ends():
    shelf = Shelf()
    shelf.upload = refusing = Upload(refused=1)
    async with stack_rig(shelf) as rig:
        assert (await rig.ask(c.PUT, "5/0/0", bytes(5000))).code == c.REQUEST_ENTITY_INCOMPLETE
        assert len(refusing.blocks) == 1
        shelf.upload = silent = Upload()
        rig.lost = lambda to, message: to == "device" and len(silent.blocks) == 2
        await rig.ask(c.PUT, "5/0/0", bytes(5000), wait=240.0)
        assert (len(silent.blocks), silent.abandoned) == (2, 0)
        await rig.settle(20.0)
        assert silent.abandoned == 1
        shelf.upload = Response(c.METHOD_NOT_ALLOWED)
        rig.lost = lambda to, message: False
        assert (await rig.ask(c.PUT, "5/0/0", bytes(5000))).code == c.METHOD_NOT_ALLOWED


@in_virtual_time
async def test_a_repeated_request_is_answered_again_and_done_once():
    shelf = Shelf()
    async with stack_rig(shelf) as rig:
        data = Message(c.CON, c.PUT, 99, b"t", [(c.URI_PATH, b"a")], b"1").encode()
        for _ in range(3):
            rig.device.receive(data, rig.now())
            await rig.settle()
        assert len(shelf.requests) == 1
        assert rig.device.duplicates == 2
        assert len(set(rig.datagrams)) == 1
        assert len(rig.datagrams) == 3


@in_virtual_time
async def test_unknown_critical_options_and_pings_are_refused():
    shelf = Shelf(a=b"")
    async with stack_rig(shelf) as rig:
        critical = Message(c.CON, c.GET, 5, b"t", [(c.URI_PATH, b"a"), (9999, b"")])
        rig.device.receive(critical.encode(), rig.now())
        await rig.settle()
        assert rig.sent_by_device()[-1].code == c.BAD_OPTION
        rig.device.receive(empty(c.CON, 6), rig.now())
        assert rig.sent_by_device()[-1].type == c.RST
        assert shelf.requests == []


@given(st.lists(st.binary(max_size=60), max_size=20), st.booleans())
def test_no_datagram_stops_the_endpoint(datagrams, shaped):
    async def run():
        async with stack_rig(Shelf(a=b"1")) as rig:
            for data in datagrams:
                rig.device.receive((b"\x44\x01" + data) if shaped else data, rig.now())
                await rig.settle()
            assert (await rig.ask(c.GET, "a", wait=500.0)).payload == b"1"

    logging.getLogger(LOGGER).setLevel(logging.CRITICAL)
    run_virtual(run())
