"""Packages block by block, and nothing else."""

from __future__ import annotations

import hashlib
import random

import pytest

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.requests import request_options
from simulator.servers.package_origin import PackageOrigin
from tests.coap.wire import Sink, Wire, get, put

PACKAGE = random.Random(1).randbytes(10_000)


@pytest.fixture
def origin():
    return PackageOrigin({"good.bin": PACKAGE, "/deep/down.bin": b"other", "empty.bin": b""})


@pytest.mark.parametrize("szx", range(7))
def test_a_download_gives_the_package(origin, szx):
    wire, sink = Wire(origin), Sink()
    download = Download(request_options(["good.bin"]), sink, szx)
    download.start(wire.client, wire.now)
    wire.run()
    assert (bytes(sink.data), sink.ended) == (PACKAGE, "complete")
    assert sink.size in (-1, len(PACKAGE))
    assert download.etag == hashlib.sha256(PACKAGE).digest()[:8]


def test_a_download_that_was_interrupted_goes_on(origin):
    wire, sink = Wire(origin), Sink()
    sink.data += PACKAGE[:4096]
    etag = hashlib.sha256(PACKAGE).digest()[:8]
    Download(request_options(["good.bin"]), sink, 6, offset=4096, etag=etag).start(wire.client, wire.now)
    wire.run()
    assert (bytes(sink.data), sink.ended) == (PACKAGE, "complete")
    assert origin.requests == 6


def test_a_download_whose_package_was_exchanged_begins_anew(origin):
    wire, sink = Wire(origin), Sink()
    sink.data += b"x" * 4096
    Download(request_options(["good.bin"]), sink, 6, offset=4096, etag=b"old").start(wire.client, wire.now)
    wire.run()
    assert (bytes(sink.data), sink.ended) == (PACKAGE, "complete")


@pytest.mark.parametrize(
    ("path", "code", "body"),
    [
        ("empty.bin", c.CONTENT, b""),
        ("deep/down.bin", c.CONTENT, b"other"),
        ("good", c.NOT_FOUND, b""),
        ("deep", c.NOT_FOUND, b""),
        ("", c.NOT_FOUND, b""),
        ("../good.bin", c.NOT_FOUND, b""),
    ],
)
def test_paths(origin, path, code, body):
    wire = Wire(origin)
    call, results = get(path)
    call.start(wire.client, wire.now)
    wire.run()
    assert (results[0].code, results[0].payload) == (code, body)


@pytest.mark.parametrize("size", [10, 5000])
def test_nothing_can_be_written(origin, size):
    wire = Wire(origin)
    call, results = put("good.bin", bytes(size))
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("method", [c.POST, c.DELETE, c.FETCH])
def test_only_get_is_answered(origin, method):
    wire = Wire(origin)
    results = []
    Call(method, request_options(["good.bin"]), b"", results.append).start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.METHOD_NOT_ALLOWED


def test_packages_are_not_observed(origin):
    wire = Wire(origin)
    call, results = get("empty.bin", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    assert results[0].code == c.CONTENT
    assert wire.server.observations == []
