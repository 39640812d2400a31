"""CoAP over TCP with stacks that others wrote at the other end: libcoap and aiocoap, as servers and as clients."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiocoap
import pytest
from aiocoap import resource
from aiocoap.numbers.codes import CHANGED, CONTENT, GET, POST, PUT

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.observe import notify
from simulator.coap.ping import Ping
from simulator.coap.requests import request_options
from simulator.ports import Address
from simulator.transport.coap_tcp import CoapTcpConnection, CoapTcpServer
from simulator.transport.deadlines import Deadlines
from simulator.transport.sockets import SocketNetwork
from tests.coap.wire import Shelf, Sink

pytestmark = pytest.mark.peer

IMAGE = random.Random(8323).randbytes(1 << 20)
BODY = IMAGE[:20_000]
SIZES = [0, 1, 12, 13, 1024, 1025, 8192, 20_000]


class Rig:
    """What a connection needs around it: a loop's clock and one timer."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.now = loop.time
        self.deadlines = Deadlines(loop, loop.time)
        self.network = SocketNetwork(loop)
        self.chance = random.Random(7)

    @asynccontextmanager
    async def connected(self, port, handler=None, **kw) -> AsyncIterator[CoapTcpConnection]:
        connection = CoapTcpConnection(self.now, self.chance, handler, self.deadlines.arm, **kw)
        await connection.connect(self.network, Address("127.0.0.1", port))
        try:
            yield connection
        finally:
            connection.close()
            self.deadlines.close()
            await asyncio.sleep(0)

    @asynccontextmanager
    async def serving(self, handler, **kw) -> AsyncIterator[CoapTcpServer]:
        server = CoapTcpServer(self.now, self.chance, handler, self.deadlines.arm, **kw)
        await server.listen(self.network, Address("127.0.0.1", 0))
        try:
            yield server
        finally:
            server.close()
            self.deadlines.close()
            await asyncio.sleep(0.01)

    async def until(self, true):
        while not true():  # noqa: ASYNC110  what it waits for has no event of its own
            await asyncio.sleep(0.01)

    async def call(self, connection, make):
        """Start the exchange that ``make`` builds around a callback; what the callback is first given."""
        done = asyncio.get_running_loop().create_future()
        make(lambda result: done.done() or done.set_result(result)).start(connection.endpoint, self.now())
        async with asyncio.timeout(60):
            return await done

    async def download(self, connection, path, szx=7, **kw):
        """A download, and what its sink was given."""
        done = asyncio.get_running_loop().create_future()
        sink = Sink()
        sink.data[:] = bytes(kw.get("offset", 0))
        sink.complete = lambda now: done.set_result("complete")
        sink.failed = lambda *why: done.set_result(why)
        download = Download(request_options(path), sink, szx, **kw)
        download.start(connection.endpoint, self.now())
        async with asyncio.timeout(60):
            assert await done == "complete"
        return download, bytes(sink.data)


@pytest.fixture
async def rig() -> Rig:
    return Rig()


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    file = tmp_path / "fw.bin"
    file.write_bytes(IMAGE)
    return file


# -- libcoap's server --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_message_size", "messages", "szx"),
    [(1152, 1024, 6), (8192, 147, 7), (2_000_000, 1, 7)],
)
async def test_libcoap_answers_as_our_csm_says(rig, libcoap_server, libcoap_client, image_file, max_message_size,
                                               messages, szx):  # fmt: skip
    server = libcoap_server()
    await libcoap_client("-m", "put", "-b", "1024", "-f", str(image_file), server.uri("fw.bin"))
    async with rig.connected(server.port, max_message_size=max_message_size) as connection:
        download, data = await rig.download(connection, ["fw.bin"])
        assert data == IMAGE
        assert (download.blocks, download.szx) == (messages, szx)
        assert connection.endpoint.messages_in == 1 + messages  # and the CSM
        assert download.wire_in < 1.02 * len(IMAGE)


@pytest.mark.parametrize(("max_message_size", "messages"), [(1152, 1024), (8192, 147), (2_000_000, 1)])
async def test_libcoap_gives_no_etag_in_the_middle_so_that_we_begin_anew(
    rig, libcoap_server, libcoap_client, image_file, max_message_size, messages
):
    server = libcoap_server()
    await libcoap_client("-m", "put", "-b", "1024", "-f", str(image_file), server.uri("fw.bin"))
    async with rig.connected(server.port, max_message_size=max_message_size) as connection:
        download, data = await rig.download(connection, ["fw.bin"], offset=1 << 19, etag=b"known")
        assert data == IMAGE
        assert (download.restarts, download.blocks) == (1, messages)
        half = 1 << 19
        download, data = await rig.download(connection, ["fw.bin"], offset=half)
        assert data[half:] == IMAGE[half:]
        assert download.blocks == 512


@pytest.mark.parametrize("szx", [2, 6, 7])
async def test_libcoap_takes_and_returns_bodies(rig, libcoap_server, szx):
    path = request_options(["fw.bin"])
    async with rig.connected(libcoap_server().port) as connection:
        for size in SIZES:
            put = await rig.call(connection, lambda done, size=size: Call(c.PUT, path, BODY[:size], done, szx=szx))
            assert (put.failure, put.code >> 5) == (None, 2)
            got = await rig.call(connection, lambda done: Call(c.GET, path, b"", done))
            assert (got.code, got.payload) == (c.CONTENT, BODY[:size])
        missing = await rig.call(connection, lambda done: Call(c.GET, request_options(["no"]), b"", done))
        assert missing.code == c.NOT_FOUND


async def test_libcoap_takes_a_whole_image_in_one_message(rig, libcoap_server):
    """Its CSM allows 8 MiB."""
    path = request_options(["fw.bin"])
    async with rig.connected(libcoap_server().port, max_message_size=2_000_000) as connection:
        put = await rig.call(connection, lambda done: Call(c.PUT, path, IMAGE, done))
        assert put.code == c.CREATED
        assert connection.endpoint.messages_out == 2
        got = await rig.call(connection, lambda done: Call(c.GET, path, b"", done))
        assert got.payload == IMAGE


async def test_libcoap_that_takes_less_gets_our_body_as_bert_or_in_blocks(rig, libcoap_server):
    path = request_options(["fw.bin"])
    for size, bert in ((10_000, True), (1152, False)):
        async with rig.connected(libcoap_server("-X", str(size)).port) as connection:
            put = await rig.call(connection, lambda done: Call(c.PUT, path, BODY, done))
            assert (put.failure, put.code) == (None, c.CREATED)
            assert connection.endpoint.peer.bert is bert
            assert connection.endpoint.messages_out == 1 + (3 if bert else 20)
            got = await rig.call(connection, lambda done: Call(c.GET, path, b"", done))
            assert got.payload == BODY


async def test_libcoap_answers_pings_and_a_release(rig, libcoap_server):
    async with rig.connected(libcoap_server().port) as connection:
        for custody in (False, True):
            done = asyncio.get_running_loop().create_future()
            probe = Ping(done.set_result, custody=custody)
            connection.endpoint.probe(probe, rig.now())
            async with asyncio.timeout(10):
                assert await done
        assert probe.in_custody
        connection.endpoint.release(rig.now())
        async with asyncio.timeout(10):
            await rig.until(lambda: connection.endpoint.closed)


async def test_libcoap_tells_us_of_changes(rig, libcoap_server):
    path = request_options(["state"])
    results: asyncio.Queue = asyncio.Queue()
    async with rig.connected(libcoap_server().port) as connection, asyncio.timeout(30):
        await rig.call(connection, lambda done: Call(c.PUT, path, b"a", done))
        call = Call(c.GET, path, b"", results.put_nowait, observe=True)
        call.start(connection.endpoint, rig.now())
        assert (await results.get()).payload == b"a"
        for state in (b"b", b"c", BODY):
            await rig.call(connection, lambda done, state=state: Call(c.PUT, path, state, done))
            result = await results.get()
            assert (result.payload, result.more) == (state, True)
        end = await rig.call(connection, lambda done: Call(c.GET, path, b"", done, observe=call.token))
        assert (end.payload, end.more) == (BODY, False)


# -- libcoap's client --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("szx", [4, 6, 7])
async def test_libcoap_puts_to_us_and_gets_it_back(rig, libcoap_client, tmp_path, szx):
    """Its client announces 8 MiB, and sends whole messages as large as our CSM allows."""
    shelf = Shelf()
    async with rig.serving(shelf, szx=szx) as server:
        uri = f"coap+tcp://127.0.0.1:{server.local.port}/fw"
        for size in SIZES:
            file = tmp_path / "body"
            file.write_bytes(BODY[:size])
            await libcoap_client("-m", "put", "-f", str(file), uri)
            assert shelf.bodies["fw"] == BODY[:size]
            assert await libcoap_client("-m", "get", uri) == BODY[:size]


@pytest.mark.parametrize("max_message_size", [2000, 10_000, 2_000_000])
async def test_libcoap_gets_a_large_image_from_us(rig, libcoap_client, max_message_size):
    async with rig.serving(Shelf(fw=IMAGE), max_message_size=max_message_size) as server:
        assert await libcoap_client("-m", "get", f"coap+tcp://127.0.0.1:{server.local.port}/fw") == IMAGE


# -- aiocoap's server --------------------------------------------------------------------------------------------------


async def test_the_fileserver_of_aiocoap_gives_its_image(rig, aiocoap_fileserver, image_file):
    server = aiocoap_fileserver(image_file.parent)
    async with rig.connected(server.port) as connection:
        download, data = await rig.download(connection, ["fw.bin"])
        assert data == IMAGE
        etag = download.etag
        half = 1 << 19
        assert etag
    async with rig.connected(server.port) as connection:
        rest, data = await rig.download(connection, ["fw.bin"], offset=half, etag=etag)
        assert data[half:] == IMAGE[half:]
        assert (rest.etag, rest.restarts) == (etag, 0)
        assert rest.wire_in < 1.05 * half


class Stored(resource.ObservableResource):
    """Keeps what is put, gives it back, and answers a POST with the body turned round."""

    def __init__(self):
        super().__init__()
        self.body = b""
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
async def aiocoap_server(free_port: Callable[..., int]) -> AsyncIterator[Stored]:
    site = resource.Site()
    stored = Stored()
    site.add_resource(["fw", "image"], stored)
    stored.port = free_port()
    context = await aiocoap.Context.create_server_context(
        site, bind=("127.0.0.1", stored.port), transports=["tcpserver"]
    )
    yield stored
    await context.shutdown()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("szx", [3, 6, 7])
async def test_aiocoap_takes_and_returns_bodies(rig, aiocoap_server, szx):
    path = request_options(["fw", "image"])
    async with rig.connected(aiocoap_server.port) as connection:
        for size in SIZES:
            body = BODY[:size]
            put = await rig.call(connection, lambda done, body=body: Call(c.PUT, path, body, done, szx=szx))
            assert (put.failure, put.code) == (None, c.CHANGED)
            assert aiocoap_server.body == body
            assert (await rig.download(connection, ["fw", "image"], szx))[1] == body
            posted = await rig.call(connection, lambda done, body=body: Call(c.POST, path, body, done, szx=szx))
            assert (posted.code, posted.payload) == (c.CHANGED, body[::-1])


async def test_we_observe_aiocoap(rig, aiocoap_server):
    path = request_options(["fw", "image"])
    aiocoap_server.body = b"a"
    results: asyncio.Queue = asyncio.Queue()
    async with rig.connected(aiocoap_server.port) as connection, asyncio.timeout(30):
        call = Call(c.GET, path, b"", results.put_nowait, observe=True)
        call.start(connection.endpoint, rig.now())
        assert (await results.get()).payload == b"a"
        for letter in (b"b", b"c" * 3000, b"d" * 8000):  # it sends notifications whole, whatever our CSM says
            aiocoap_server.body = letter
            aiocoap_server.updated_state()
            result = await results.get()
            assert (result.payload, result.more) == (letter, True)
        await rig.call(connection, lambda done: Call(c.GET, path, b"", done, observe=call.token))
        await aiocoap_server.unobserved.wait()


# -- aiocoap's client --------------------------------------------------------------------------------------------------


@pytest.fixture
async def aiocoap_client() -> AsyncIterator[aiocoap.Context]:
    context = await aiocoap.Context.create_client_context(transports=["tcpclient"])
    yield context
    await context.shutdown()


class Mirror(Shelf):
    """A shelf that answers a POST with the body turned round."""

    def on_request(self, endpoint, request, now):
        response = super().on_request(endpoint, request, now)
        if request.code == c.POST:
            response.payload = request.payload[::-1]
        return response


@pytest.mark.parametrize(("szx", "max_message_size"), [(4, 8192), (6, 1152), (7, 8192), (7, 100_000)])
async def test_an_aiocoap_client_and_our_server(rig, aiocoap_client, szx, max_message_size):
    shelf = Mirror()
    async with rig.serving(shelf, szx=szx, max_message_size=max_message_size) as server, asyncio.timeout(60):
        uri = f"coap+tcp://127.0.0.1:{server.local.port}/fw"
        for size in SIZES:
            for code, expected in ((PUT, b""), (GET, BODY[:size]), (POST, BODY[:size][::-1])):
                payload = b"" if code == GET else BODY[:size]
                response = await aiocoap_client.request(aiocoap.Message(code=code, uri=uri, payload=payload)).response
                assert response.code.is_successful()
                assert response.payload == expected
        assert shelf.bodies["fw"] == BODY


async def test_aiocoap_observes_us_until_it_says_so_or_goes(rig, aiocoap_client):
    shelf = Shelf(state=b"a")
    async with rig.serving(shelf) as server, asyncio.timeout(30):
        uri = f"coap+tcp://127.0.0.1:{server.local.port}/state"
        request = aiocoap_client.request(aiocoap.Message(code=GET, uri=uri, observe=0))
        assert (await request.response).payload == b"a"
        (connection,) = server.connections.values()
        (observation,) = connection.endpoint.observations
        seen = aiter(request.observation)
        for state in (b"b", b"c" * 3000, BODY):
            shelf.bodies["state"] = state
            notify(connection.endpoint, observation, c.CONTENT, [], state, rig.now())
            assert (await anext(seen)).payload == state
        request.observation.cancel()
        await aiocoap_client.shutdown()
        await rig.until(lambda: shelf.ended)
    assert shelf.ended == ["state"]
    assert not server.connections
