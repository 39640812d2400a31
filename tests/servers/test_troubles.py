"""What the origins do wrong at their troubled paths, and that they do it at no other."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import pytest

from simulator.coap import codes as c
from simulator.coap.download import Download
from simulator.coap.requests import request_options
from simulator.servers.http_origin import HOST, HttpOrigin
from simulator.servers.http_packages import HttpPackages, etag_of
from simulator.servers.package_origin import PackageOrigin
from simulator.servers.troubles import Exchanges, Trouble, trouble_at
from tests.coap.wire import Sink, Wire

PACKAGE = random.Random(1).randbytes(10_000)


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("/forbidden/good.bin", Trouble("forbidden", "good.bin")),
        ("unavailable/a/b.bin", Trouble("unavailable", "a/b.bin")),
        ("/stalls/60/good.bin", Trouble("stalls", "good.bin", "60")),
        ("/replaced/17/good.bin", Trouble("replaced", "good.bin", "17")),
        ("/good.bin", None),
        ("/stalls/half/good.bin", None),
        ("/stalls/1000/good.bin", None),
        ("/stalls/\u0665/good.bin", None),
        ("/", None),
        ("", None),
    ],
)
def test_what_is_a_troubled_path(path, trouble):
    assert trouble_at(path) == trouble


def download(origin, path, szx=4):
    wire, sink = Wire(origin), Sink()
    work = Download(request_options(path.split("/")), sink, szx)
    work.start(wire.client, wire.now)
    wire.run()
    return work, sink


@pytest.mark.parametrize(("path", "code"), [("forbidden", c.FORBIDDEN), ("unavailable", c.SERVICE_UNAVAILABLE)])
def test_coap_refuses(path, code):
    _, sink = download(PackageOrigin({"good.bin": PACKAGE}), f"{path}/good.bin")
    assert sink.ended == (None, code)


def test_coap_without_the_file_has_nothing_to_be_troubled_about():
    _, sink = download(PackageOrigin({"good.bin": PACKAGE}), "stalls/50/nothing.bin")
    assert sink.ended == (None, c.NOT_FOUND)


@pytest.mark.parametrize("szx", [0, 4, 6])
def test_coap_exchanges_the_package_once_for_each_name(szx):
    origin = PackageOrigin({"good.bin": PACKAGE})
    for name in ("1", "2"):
        work, sink = download(origin, f"replaced/{name}/good.bin", szx)
        assert (bytes(sink.data), sink.ended, work.restarts) == (PACKAGE, "complete", 1)
        again, _ = download(origin, f"replaced/{name}/good.bin", szx)
        assert (again.restarts, again.etag) == (0, work.etag)


def test_exchanges_are_bounded(monkeypatch):
    monkeypatch.setattr("simulator.servers.troubles.NAMES_MAX", 1)
    exchanges = Exchanges()
    for name in ("1", "2"):
        exchanges.exchange(Trouble("replaced", "good.bin", name))
    assert [exchanges.took_place(Trouble("replaced", "good.bin", name)) for name in ("1", "2")] == [True, False]


@pytest.mark.parametrize(("path", "status"), [("forbidden", 403), ("unavailable", 503), ("nothing", 404)])
def test_http_refuses(path, status):
    assert HttpPackages({"good.bin": PACKAGE}).answer("GET", f"/{path}/good.bin", {}).status == status


def test_http_stops_at_the_share_wherever_it_is_asked_from():
    packages = HttpPackages({"good.bin": PACKAGE})
    whole = packages.answer("GET", "/stalls/60/good.bin", {})
    assert (whole.status, len(whole.body), whole.stops, whole.holds) == (200, 10_000, 6000, True)
    rest = packages.answer("GET", "/stalls/60/good.bin", {"Range": "bytes=4000-"})
    assert (rest.status, rest.stops) == (206, 2000)
    late = packages.answer("GET", "/stalls/60/good.bin", {"Range": "bytes=7000-"})
    assert (late.status, late.stops) == (206, 0)
    assert packages.answer("HEAD", "/stalls/60/good.bin", {}).stops == -1
    assert packages.answer("GET", "/good.bin", {}).stops == -1


def test_http_exchanges_the_package_in_the_middle():
    packages = HttpPackages({"good.bin": PACKAGE})
    first = packages.answer("GET", "/replaced/1/good.bin", {})
    assert (first.headers["ETag"], first.stops, first.holds) == (etag_of(PACKAGE), 5000, False)
    rest = packages.answer("GET", "/replaced/1/good.bin", {"Range": "bytes=5000-", "If-Match": etag_of(PACKAGE)})
    assert rest.status == 412
    whole = packages.answer("GET", "/replaced/1/good.bin", {})
    assert (whole.status, len(whole.body), whole.stops) == (200, 10_000, -1)
    assert whole.headers["ETag"] != etag_of(PACKAGE)


async def test_a_web_server_that_stalls_leaves_the_connection_open_and_lets_go_of_it():
    origin = HttpOrigin({"good.bin": PACKAGE})
    await origin.start()
    uri = f"http://{HOST}:{await origin.listen()}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{uri}/stalls/60/good.bin") as answer:
            assert await answer.content.readexactly(6000) == PACKAGE[:6000]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(answer.content.read(1), 0.1)
        async with session.get(f"{uri}/replaced/1/good.bin") as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        async with session.get(f"{uri}/replaced/1/good.bin") as answer:
            assert await answer.read() == PACKAGE
    await origin.close()
