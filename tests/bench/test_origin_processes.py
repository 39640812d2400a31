"""An origin of one and of two processes is measured, and so are its clients; how fast it is, is no test."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from simulator.events import UpdateEnded
from simulator.recorder.recorder import Recorder
from simulator.servers.http_origin import HttpOrigin
from tests.bench import c_peers, measures, origin_processes
from tests.bench.figures import Results

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: install Debian package gcc")

SIZE = 100_000
TINY = measures.Sizes(exchange_devices=3, stream_devices=4, devices=12, update_bytes=2048)


async def fetched(size, transfers=20):
    origin = HttpOrigin({"fw": c_peers.body(SIZE)})
    await origin.start()
    try:
        port = await origin.listen()
        return await asyncio.to_thread(c_peers.fetch_by_http, port, at_once=3, transfers=transfers, size=size)
    finally:
        await origin.close()


async def test_the_http_client_fetches_as_often_as_it_is_told():
    measured = await fetched(SIZE)
    assert (measured.exchanges, measured.resent) == (20, 0)
    assert measured.cpu_s > 0


async def test_the_http_client_complains_of_another_package():
    with pytest.raises(RuntimeError, match="http_client: not 200 with the length of the package"):
        await fetched(SIZE - 1)


@pytest.fixture
def bench(tmp_path):
    return measures.Bench(tmp_path, TINY, Results(quick=True, repetitions=1), lambda _what: None)


def test_two_processes_are_held_against_one(bench, monkeypatch):
    updates = {("coap", 1): 10.0, ("coap", 2): 15.0, ("http", 1): 20.0, ("http", 2): 22.0}
    monkeypatch.setattr(origin_processes, "_updates_per_s", lambda _bench, transport, n: updates[transport, n])
    origin_processes.origin_processes(bench)
    found = {figure.name: figure.median for figure in bench.results.figures}
    for scheme, what in (("coap", "blocks"), ("http", "packages")):
        one, two = (found[f"{what} from an origin over {scheme}, processes = {n}"] for n in (1, 2))
        assert found[f"origin over {scheme}, two processes : one"] == two / one > 0
    assert found["updates over coap, two processes : one"] == 1.5
    assert found["updates over http, two processes : one"] == 1.1


def test_updates_are_counted_from_the_first_write_to_the_last_end(tmp_path):
    recorder = Recorder(tmp_path, "operator", lambda: 0.0)
    for k in range(10):
        recorder.emit(UpdateEnded(3.0 + k / 5, k, "pull", 0.0, 1.0 + k / 5, "ok", 0, 1, "2.0.0", ""))
        recorder.flush()
    recorder.close()
    assert origin_processes._rate(tmp_path) == pytest.approx(10 / 3.8)
