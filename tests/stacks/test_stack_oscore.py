"""OSCORE (RFC 8613) between two endpoints made of aiocoap, and its keys."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.coap import codes as c
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import decode
from simulator.coap.params import DEFAULT_PARAMETERS
from simulator.coap.requests import request_options
from simulator.security.credentials import CredentialError
from simulator.security.oscore import Oscore, derive_oscore
from simulator.stacks.endpoint import AiocoapEndpoint
from simulator.stacks.oscore import OscoreContext
from tests.coap.wire import Shelf
from tests.device.device_rig import in_virtual_time
from tests.stacks.stack_rig import stack_rig

KEYS = derive_oscore(1, "dev")
SECRET_TEXT = b"the text that nobody is to see"


class Pair:
    """Two endpoints back to back; ``wire`` has all datagrams, and ``change`` may change them."""

    def __init__(self, device, server, handler, server_handler):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.wire = []
        self.change = lambda data: data

        def out(to):
            def transmit(data):
                self.wire.append(data)
                loop.call_soon(lambda: getattr(self, to).receive(self.change(data), loop.time()))

            return transmit

        def end(to, own, seed, serves):
            return AiocoapEndpoint(
                out(to), random.Random(seed), serves, DEFAULT_PARAMETERS, loop.time, szx=6, oscore=own
            )

        self.device = end("server", device, 1, handler)
        self.server = end("device", server, 2, server_handler)

    async def ask(self, endpoint, code, path, body=b"", wait=1.0):
        results = []
        endpoint.call(code, request_options([path]), body, results.append)
        await asyncio.sleep(wait)
        return results[0] if results else None

    async def close(self, wait=0.0):
        self.device.close(self.now())
        self.server.close(self.now())
        await asyncio.sleep(wait)
        for _ in range(10):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_both_directions_are_protected_whatever_their_length():
    shelf, other = Shelf(a=SECRET_TEXT * 100), Shelf()
    pair = Pair(OscoreContext(KEYS), OscoreContext(KEYS.mirrored()), shelf, other)
    got = await pair.ask(pair.server, c.GET, "a")
    assert (got.code, got.payload) == (c.CONTENT, shelf.bodies["a"])
    put = await pair.ask(pair.device, c.PUT, "b", SECRET_TEXT * 50)
    assert put.code == c.CHANGED
    assert other.bodies["b"] == SECRET_TEXT * 50
    assert (await pair.ask(pair.server, c.GET, "none")).code == c.NOT_FOUND
    messages = [decode(data) for data in pair.wire]
    assert {m.code for m in messages} <= {c.POST, c.CHANGED}
    assert not any(SECRET_TEXT[:8] in data for data in pair.wire)
    await pair.close()


@in_virtual_time
async def test_an_observation_goes_on_in_oscore_messages():
    shelf = Shelf(a=b"0")
    pair = Pair(OscoreContext(KEYS), OscoreContext(KEYS.mirrored()), shelf, Shelf())
    loop = asyncio.get_running_loop()
    seen = []

    async def watch():
        from aiocoap import Message  # noqa: PLC0415

        message = Message(code=c.GET, uri_path=["a"], observe=0)
        message.remote = pair.server._peer
        request = pair.server._context.request(message, handle_blockwise=False)
        seen.append((await request.response).payload)
        async for notification in request.observation:
            seen.append(notification.payload)

    task = loop.create_task(watch())
    await asyncio.sleep(1.0)
    assert [o.key for o in pair.device.observations] == ["a"]
    for value in (b"1", b"2"):
        pair.device.notify(pair.device.observations[0], Response(c.CONTENT, value), confirmable=True)
        await asyncio.sleep(1.0)
    assert seen == [b"0", b"1", b"2"]
    task.cancel()
    await pair.close(2.0)  # aiocoap's client lets go of an observation when it is shut down


@in_virtual_time
async def test_a_device_with_oscore_answers_nothing_else():
    shelf = Shelf(a=b"0")
    async with stack_rig(shelf, oscore=OscoreContext(KEYS)) as rig:
        assert (await rig.ask(c.GET, "a")).code == c.UNAUTHORIZED
        assert shelf.requests == []


@pytest.mark.parametrize("wrong", [derive_oscore(2, "dev"), Oscore(KEYS.sender_id, KEYS.recipient_id, bytes(16))])
@in_virtual_time
async def test_a_wrong_context_is_refused_and_known_by_its_code(wrong):
    shelf = Shelf(a=b"0")
    pair = Pair(OscoreContext(wrong), OscoreContext(KEYS.mirrored()), Shelf(), shelf)
    result = await pair.ask(pair.device, c.GET, "a")
    assert result.code in (c.UNAUTHORIZED, c.BAD_REQUEST)
    assert shelf.requests == []
    await pair.close()


@in_virtual_time
async def test_what_was_changed_or_said_before_is_not_taken():
    shelf = Shelf()
    pair = Pair(OscoreContext(KEYS), OscoreContext(KEYS.mirrored()), Shelf(), shelf)
    assert (await pair.ask(pair.device, c.PUT, "a", b"1")).code == c.CHANGED
    first = decode(pair.wire[0])
    first.mid = (first.mid + 100) & 0xFFFF
    pair.server.receive(first.encode(), pair.now())
    await asyncio.sleep(1.0)
    assert decode(pair.wire[-1]).code == c.UNAUTHORIZED
    assert len(shelf.requests) == 1
    pair.change = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    result = await pair.ask(pair.device, c.PUT, "a", b"2")
    assert result.code == c.BAD_REQUEST or result.failure is Failure.PROTOCOL
    assert len(shelf.requests) == 1
    await pair.close()


@in_virtual_time
async def test_closing_with_a_request_on_its_way():
    for turns in range(6):
        pair = Pair(OscoreContext(KEYS), OscoreContext(KEYS.mirrored()), Shelf(), Shelf())
        ended = []
        pair.device.call(c.PUT, request_options(["a"]), b"x" * 2000, ended.append)
        pair.device.ask(c.GET, request_options(["a"]), ended.append, ended.append)
        for _ in range(turns):
            await asyncio.sleep(0)
        await pair.close()
        assert len(ended) == 2


@in_virtual_time
async def test_a_context_outlives_an_endpoint_so_that_no_number_comes_twice():
    context, peer = OscoreContext(KEYS), OscoreContext(KEYS.mirrored())
    for count in (1, 2):
        pair = Pair(context, peer, Shelf(), Shelf())
        assert (await pair.ask(pair.device, c.PUT, "a", b"1")).code == c.CHANGED
        assert context.sender_sequence_number == count
        await pair.close()


# -- keys --------------------------------------------------------------------------------------------------------------


def test_keys_are_those_of_the_seed_and_the_endpoint_and_are_never_shown():
    assert derive_oscore(1, "dev") == KEYS
    assert len({derive_oscore(s, e).sender_id for s in (1, 2) for e in ("a", "b")}) == 4
    assert KEYS.mirrored().mirrored() == KEYS
    for text in (repr(KEYS), repr(OscoreContext(KEYS)), str(KEYS)):
        assert KEYS.secret.hex() not in text
        assert repr(KEYS.secret) not in text


@pytest.mark.parametrize(
    "parts",
    [
        (bytes(8), b"", bytes(16)),
        (b"", bytes(8), bytes(16)),
        (b"a", b"a", bytes(16)),
        (b"a", b"b", bytes(15)),
        (b"a", b"b", bytes(65)),
    ],
)
def test_input_that_is_of_no_use_is_refused_without_the_key(parts):
    with pytest.raises(CredentialError) as raised:
        Oscore(*parts)
    assert parts[2].hex() not in str(raised.value)
