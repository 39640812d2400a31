"""How the connections of a download come about and end, in virtual time."""

import asyncio
import random
from contextlib import suppress

import pytest

from simulator.coap.exchange import Failure
from simulator.network.profiles import PROFILES, NetworkProfile
from simulator.transport.deadlines import Deadlines
from simulator.transport.http import HttpClient, SchemeNotSupportedError, plain_streams
from simulator.transport.http_limits import HttpLimits
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual
from tests.transport.http_rig import ORIGIN, PACKAGE, URI, Origin, Sink, over_memory, resolve, shop

SHOP = shop({"fw.bin": PACKAGE})
PROTOCOL = (Failure.PROTOCOL, 0)
UNREACHABLE = (Failure.UNREACHABLE, 0)
TIMEOUT = (Failure.TIMEOUT, 0)


def test_nobody_listens():
    outcome = over_memory(SHOP, uri="http://10.9.0.1:81/fw.bin")
    assert outcome.sink.ended == UNREACHABLE
    assert isinstance(outcome.download.error, ConnectionRefusedError)


def test_https_without_tls_is_told():
    outcome = over_memory(SHOP, uri="https://10.9.0.1/fw.bin")
    assert outcome.sink.ended == UNREACHABLE
    assert isinstance(outcome.download.error, SchemeNotSupportedError)


def test_a_connection_that_never_comes_is_given_up():
    outcome = over_memory(SHOP, profile=NetworkProfile("far", delay_s=8.0), limits=HttpLimits(connect_s=10.0))
    assert (outcome.sink.ended, outcome.at) == (TIMEOUT, 10.0)
    assert not outcome.origin.asked


@pytest.mark.parametrize(("at", "begun"), [(0.5, 0), (1.5, 0), (2.5, 0), (3.5, 0), (5.0, 1)])
def test_a_download_can_be_stopped_at_any_time(at, begun):
    slow = NetworkProfile("slow", delay_s=1.0, rate_bps=200_000)
    outcome = over_memory(SHOP, profile=slow, at=at)
    assert (outcome.sink.ended, outcome.armed) == (None, 0)
    assert outcome.download.done
    assert len(outcome.sink.begun) == begun
    assert len(outcome.sink.data) == outcome.download.received < len(PACKAGE)


class Port:
    def __init__(self):
        self.calls = []

    def write(self, data):
        self.calls.append("write")

    def close(self):
        self.calls.append("close")

    def abort(self):
        self.calls.append("abort")


def with_opener(open_stream):
    """Run a download whose streams are of the test's making; its sink, its client."""

    async def work():
        loop = asyncio.get_running_loop()
        sink, deadlines = Sink(), Deadlines(loop, loop.time)
        client = HttpClient(URI, sink, open_stream, deadlines, loop.time)
        client.start()
        await sink.over.wait()
        await asyncio.sleep(1)
        return sink, client.download

    return run_virtual(work())


@pytest.mark.parametrize("event", ["eof", "lost", "reset"])
def test_a_connection_that_ends_before_its_port_is_known(event):
    port = Port()

    async def open_stream(uri, receiver):
        if event == "eof":
            receiver.on_eof()
        receiver.on_lost(ConnectionResetError("gone") if event == "reset" else None)
        return port

    sink, _ = with_opener(open_stream)
    assert sink.ended == UNREACHABLE
    assert port.calls == ["abort"]


def test_bytes_before_the_port_is_known_are_no_answer():
    async def open_stream(uri, receiver):
        receiver.on_data(b"HTTP/1.1 200 OK\r\n\r\n")
        return Port()

    sink, _ = with_opener(open_stream)
    assert sink.ended == PROTOCOL


def test_a_name_that_cannot_be_looked_up():
    async def open_stream(uri, receiver):
        return ("x" * 70).encode("idna")

    sink, download = with_opener(open_stream)
    assert sink.ended == UNREACHABLE
    assert "10.9.0.1 is no name of a host" in download.reason


def test_a_connection_that_comes_after_the_stop_is_closed():
    port = Port()

    async def work():
        loop = asyncio.get_running_loop()
        release = asyncio.Event()

        async def open_stream(uri, receiver):
            with suppress(asyncio.CancelledError):  # an opener that cannot be stopped any more
                await release.wait()
            return port

        sink = Sink()
        client = HttpClient(URI, sink, open_stream, Deadlines(loop, loop.time), loop.time)
        client.start()
        await asyncio.sleep(1)
        client.stop()
        await asyncio.sleep(1)
        return sink.ended

    assert run_virtual(work()) is None
    assert port.calls == ["abort"]


def test_stopping_ends_the_wish_for_a_connection():
    ended = []

    async def work():
        loop = asyncio.get_running_loop()

        async def open_stream(uri, receiver):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(loop.time())

        client = HttpClient(URI, Sink(), open_stream, Deadlines(loop, loop.time), loop.time)
        client.start()
        await asyncio.sleep(1)
        client.stop()
        await asyncio.sleep(1)

    run_virtual(work())
    assert ended == [1.0]


def test_many_downloads_at_once():
    async def work():
        loop = asyncio.get_running_loop()
        network = MemoryNetwork(loop, random.Random(1), PROFILES["lte-m"])
        deadlines = Deadlines(loop, loop.time)
        await network.listen_stream(ORIGIN, Origin(SHOP).accept)
        sinks = [Sink() for _ in range(50)]
        for sink in sinks:
            HttpClient(URI, sink, plain_streams(network, resolve), deadlines, loop.time).start()
        for sink in sinks:
            await sink.over.wait()
        return [bytes(sink.data) == PACKAGE for sink in sinks], len(deadlines)

    assert run_virtual(work()) == ([True] * 50, 0)
