"""Whole devices against origins over CoAP over TCP that break RFC 8323 and 7959, dawdle and flood."""

from __future__ import annotations

import random

import pytest

from simulator.coap import codes as c
from simulator.coap.message import uint_bytes
from simulator.coap.tcp import frame
from simulator.coap.tcp_signalling import csm
from tests.faults.faulty_device import PACKAGE
from tests.properties.hostile_origins import HEAR, Origin, pull, requests, says

CSM = csm(1 << 20)
SIZE = len(PACKAGE)
GREETING = [CSM, HEAR]


def answers(*replies, first=CSM):
    """Says its CSM, and answers each request by the next of the functions of its token; the last one for ever."""

    def script(talker):
        yield first
        at = 0
        while True:
            tokens = requests(talker)
            if not tokens:
                yield HEAR
            for token in tokens:
                yield replies[min(at, len(replies) - 1)](token)
                at += 1

    return script


def block(num, szx, more, payload, *, etag=b"e", size=SIZE):
    """A function of a token: a response with Block2."""
    options = [(c.ETAG, etag), (c.BLOCK2, uint_bytes(num << 4 | more << 3 | szx)), (c.SIZE2, uint_bytes(size))]
    options = [option for option in options if option[1] or option[0] != c.ETAG]
    return lambda token: frame(c.CONTENT, token, options, payload)


FIRST = block(0, 7, 1, PACKAGE[:8192])


def flood(piece, seconds=0.01):
    def script(talker):
        yield CSM
        while True:
            yield piece
            yield seconds

    return script


SIGNAL = {"csm": 0xE1, "ping": 0xE2, "release": 0xE4, "abort": 0xE5}
FRAMES = {
    # script, Update Result, seconds at most
    "no word": (says(), 4, 94),
    "csm, then no word": (says(CSM), 4, 94),
    "csms without end": (flood(CSM * 200, 1.0), 4, 94),
    "csms of ever other sizes": (flood(b"".join(csm(64 + n) for n in range(300)), 1.0), 4, 94),
    "pings without end": (flood(frame(SIGNAL["ping"], b"12345678", [], b"") * 100, 1.0), 4, 94),
    "empty messages without end": (flood(b"\0\0" * 1000, 1.0), 4, 94),
    "answers that nobody asked for": (flood(frame(c.CONTENT, b"no", [], bytes(1000)) * 50, 1.0), 4, 94),
    "requests without end": (flood(frame(c.GET, b"x", [(c.URI_PATH, b"5")], b"") * 100, 1.0), 4, 94),
    "abort": (says(*GREETING, frame(SIGNAL["abort"], b"", [], b"because")), 4, 1),
    "abort in place of csm": (says(frame(SIGNAL["abort"], b"", [], b"")), 4, 1),
    "release": (says(*GREETING, frame(SIGNAL["release"], b"", [], b"")), 4, 94),
    "critical signalling option": (says(frame(SIGNAL["csm"], b"", [(2, b"\1"), (9, b"x")], b"")), 4, 1),
    "critical option of a ping": (says(CSM, frame(SIGNAL["ping"], b"", [(9, b"x")], b"")), 4, 1),
    "critical option of an answer": (answers(lambda t: frame(c.CONTENT, t, [(9, b"x")], b"")), 4, 1),
    "no csm at first": (says(frame(c.CONTENT, b"t", [], b"x")), 4, 1),
    "a csm with a size of 0": (answers(block(0, 6, 0, b"x"), first=frame(SIGNAL["csm"], b"", [(2, b"")], b"")), 4, 1),
    "a message of 4 GiB": (says(*GREETING, b"\xf0\xff\xff\xff\xff\x45"), 4, 1),
    "a message longer than was allowed": (says(*GREETING, b"\xf0\0\0\0\0\x45"), 4, 1),
    "a token of 15 bytes": (says(*GREETING, b"\x0f\x45" + bytes(15)), 4, 1),
    "an option that is cut off": (says(*GREETING, b"\x20\x45\xd1\x00"), 4, 1),
    "garbage": (says(CSM, b"\xff" + random.Random(3).randbytes(10_000)), 4, 1),
    "http": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 4, 94),
    "a drip of one message": (lambda talker: drip(talker), 4, 694),
    "the end in the middle": (answers(FIRST, lambda t: b"\xe0\x10\x00\x45" + bytes(50)), 4, 94),
    "a reserved code": (answers(lambda t: frame(0x60, t, [], b"")), 4, 1),
    "5.03 for ever": (answers(lambda t: frame(c.SERVICE_UNAVAILABLE, t, [], b"")), 4, 1),
    "2.04": (answers(lambda t: frame(c.CHANGED, t, [], b"")), 4, 1),
    "the wrong block": (answers(FIRST, block(3, 7, 1, PACKAGE[8192:16384])), 4, 1),
    "the same block for ever": (answers(FIRST), 4, 1),
    "bert that is no multiple": (answers(block(0, 7, 1, PACKAGE[:1500])), 4, 1),
    "bert without payload": (answers(block(0, 7, 1, b"")), 4, 1),
    "bert of more than a message": (answers(block(0, 7, 1, bytes(128 * 1024))), 4, 1),
    "bert, then no block at all": (answers(FIRST, lambda t: frame(c.CONTENT, t, [], b"x")), 4, 1),
    "blocks that are too short": (answers(block(0, 6, 1, PACKAGE[:1000])), 4, 1),
    "a block option of 5 bytes": (answers(lambda t: frame(c.CONTENT, t, [(c.BLOCK2, b"12345")], bytes(1024))), 4, 1),
    "another etag with every answer": (
        answers(
            block(0, 6, 1, PACKAGE[:1024], etag=b"1"),
            *(block(1, 6, 1, bytes(1024), etag=b"%d" % n) for n in range(9)),
        ), 4, 1,
    ),
    "a size that no flash has": (answers(block(0, 7, 0, PACKAGE[:5000], size=1 << 31)), 2, 1),
    "a size that is a lie": (answers(block(0, 7, 0, PACKAGE[:5000], size=len(PACKAGE) + 1)), 5, 1),
    "less than the package": (answers(block(0, 7, 0, PACKAGE[:5000])), 5, 1),
    "more than the flash takes": (lambda talker: blocks_without_end(talker, PACKAGE), 2, 5),
    "no package, without end": (lambda talker: blocks_without_end(talker, b""), 6, 1),
}  # fmt: skip


def drip(talker):
    yield CSM
    yield HEAR
    yield b"\xe0\x10\x00\x45"
    while True:
        yield b"x"
        yield 10.0


def blocks_without_end(talker, package):
    yield CSM
    num = 0
    while True:
        tokens = requests(talker)
        if not tokens:
            yield HEAR
        for token in tokens:
            part = package[num * 1024 : (num + 8) * 1024]
            yield block(num, 7, 1, part + bytes(8192 - len(part)), size=0)(token)
            num += 8


@pytest.mark.parametrize("transport", ["coap+tcp", "coaps+tcp"])
@pytest.mark.parametrize("name", FRAMES)
def test_frames(transport, name):
    script, result, seconds = FRAMES[name]
    origin = Origin(script, tls=transport == "coaps+tcp")
    end, took = pull(transport, origin)
    assert (end.state, end.result, end.version) == (0, result, "1.0")
    assert took <= seconds
    assert all(talker.ends for talker in origin.talkers)
