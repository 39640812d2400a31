"""Block-wise transfer and Observe with aiocoap at the other end, over UDP on loopback."""

from __future__ import annotations

import asyncio
import random

import aiocoap
import pytest
from aiocoap import resource
from aiocoap.numbers.codes import CHANGED, CONTENT, GET, POST, PUT

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.exchange import Response
from simulator.coap.observe import notify
from simulator.coap.requests import request_options
from tests.coap.sockets import SocketEndpoint
from tests.coap.wire import Shelf, Sink

BODY = random.Random(21).randbytes(20_000)
SIZES = [0, 1, 16, 63, 64, 65, 1023, 1024, 1025, 2048, 20_000]


class Stored(resource.ObservableResource):
    """Keeps what is put, gives it back, and answers a POST with the body turned round."""

    def __init__(self, body=b""):
        super().__init__()
        self.body = body
        self.unobserved = asyncio.Event()

    def update_observation_count(self, newcount):
        if newcount == 0:
            self.unobserved.set()

    async def render_get(self, request):
        return aiocoap.Message(code=CONTENT, payload=self.body)

    async def render_put(self, request):
        self.body = request.payload
        self.updated_state()
        return aiocoap.Message(code=CHANGED)

    async def render_post(self, request):
        return aiocoap.Message(code=CHANGED, payload=request.payload[::-1])


@pytest.fixture
async def aiocoap_server(free_port):
    site = resource.Site()
    stored = Stored()
    site.add_resource(["fw", "image"], stored)
    port = free_port()
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port), transports=["udp6"])
    stored.port = port
    yield stored
    await context.shutdown()


@pytest.fixture
async def aiocoap_client():
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    yield context
    await context.shutdown()


async def download(client, szx):
    done = asyncio.get_running_loop().create_future()
    sink = Sink()
    sink.complete = lambda now: done.set_result("complete")
    sink.failed = lambda *why: done.set_result(why)
    Download(request_options(["fw", "image"]), sink, szx).start(client.endpoint, client.loop.time())
    async with asyncio.timeout(30):
        assert await done == "complete"
    return bytes(sink.data)


@pytest.mark.parametrize("szx", [2, 5, 6])
async def test_our_client_and_an_aiocoap_server(aiocoap_server, szx):
    path = request_options(["fw", "image"])
    client = await SocketEndpoint.open(remote=("127.0.0.1", aiocoap_server.port), szx=szx)
    try:
        for size in SIZES:
            body = BODY[:size]
            put = await client.call(lambda done, body=body: Call(c.PUT, path, body, done, szx=szx))
            assert (put.failure, put.code) == (None, c.CHANGED)
            assert aiocoap_server.body == body
            assert await download(client, szx) == body
            got = await client.call(lambda done: Call(c.GET, path, b"", done))
            assert (got.code, got.payload) == (c.CONTENT, body)
            posted = await client.call(lambda done, body=body: Call(c.POST, path, body, done, szx=szx))
            assert (posted.code, posted.payload) == (c.CHANGED, body[::-1])
    finally:
        client.close()
    assert client.endpoint.retransmissions == 0


class Mirror(Shelf):
    """A shelf that answers a POST with the body turned round."""

    def on_request(self, endpoint, request, now):
        if request.code == c.POST:
            return Response(c.CHANGED, request.payload[::-1])
        return super().on_request(endpoint, request, now)


@pytest.mark.parametrize("szx", [1, 4, 6])
async def test_an_aiocoap_client_and_our_server(aiocoap_client, szx):
    shelf = Mirror()
    server = await SocketEndpoint.open(shelf, szx=szx)
    uri = f"coap://127.0.0.1:{server.port}/fw"
    try:
        for size in SIZES:
            for code, expected in ((PUT, b""), (GET, BODY[:size]), (POST, BODY[:size][::-1])):
                payload = b"" if code == GET else BODY[:size]
                message = aiocoap.Message(code=code, uri=uri, payload=payload)
                async with asyncio.timeout(30):
                    response = await aiocoap_client.request(message).response
                assert response.code.is_successful()
                assert response.payload == expected
            assert shelf.bodies["fw"] == BODY[:size]
    finally:
        server.close()
    assert server.endpoint.duplicates == 0


@pytest.mark.parametrize("size", [10, 3000])
async def test_aiocoap_observes_us(aiocoap_client, size):
    states = [bytes([65 + n]) * size for n in range(5)]
    shelf = Shelf(state=states[0])
    server = await SocketEndpoint.open(shelf)
    request = aiocoap_client.request(aiocoap.Message(code=GET, uri=f"coap://127.0.0.1:{server.port}/state", observe=0))
    try:
        async with asyncio.timeout(30):
            assert (await request.response).payload == states[0]
            seen = aiter(request.observation)
            (observation,) = server.endpoint.observations
            for state in states[1:]:
                shelf.bodies["state"] = state
                notify(server.endpoint, observation, c.CONTENT, [], state, server.loop.time())
                assert (await anext(seen)).payload == state
            request.observation.cancel()
            # aiocoap forgets the token; the next notification is what tells us (RFC 7641 §3.6).
            while not shelf.ended:
                notify(server.endpoint, observation, c.CONTENT, [], states[0], server.loop.time())
                await asyncio.sleep(0.01)
    finally:
        server.close()
    assert shelf.ended == ["state"]


@pytest.mark.parametrize("size", [10, 3000])
async def test_we_observe_aiocoap(aiocoap_server, size):
    path = request_options(["fw", "image"])
    aiocoap_server.body = b"a" * size
    client = await SocketEndpoint.open(remote=("127.0.0.1", aiocoap_server.port))
    results: asyncio.Queue = asyncio.Queue()
    call = Call(c.GET, path, b"", results.put_nowait, observe=True)
    try:
        async with asyncio.timeout(30):
            call.start(client.endpoint, client.loop.time())
            first = await results.get()
            assert (first.payload, first.more) == (b"a" * size, True)
            for letter in (b"b", b"c", b"d"):
                aiocoap_server.body = letter * size
                aiocoap_server.updated_state()
                result = await results.get()
                assert (result.payload, result.more) == (letter * size, True)
            end = await client.call(lambda done: Call(c.GET, path, b"", done, observe=call.token))
            assert (end.code, end.more) == (c.CONTENT, False)
            await aiocoap_server.unobserved.wait()
    finally:
        client.close()
    assert results.empty()
