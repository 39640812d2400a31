"""Mutated responses: nothing raises, a download ends at most once, and what it keeps is bounded."""

import random

import pytest

from simulator.coap.exchange import Failure
from tests.transport.http_rig import Pure, chunked, response

BODY = bytes(range(120))
SEEDS = [
    response(200, BODY, 'ETag: "v1"'),
    response(206, BODY[50:], 'ETag: "v1"', "Content-Range: bytes 50-119/120"),
    chunked(BODY, 'ETag: "v1"', size=33),
    chunked(BODY[50:], 'ETag: "v1"', "Content-Range: bytes 50-119/120", status=206, size=9),
    response(302, b"", "Location: /elsewhere"),
    response(416, b"", "Content-Range: bytes */50"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + response(200, BODY, length=-1),
]
SPICE = [
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b":",
    b"0\r\n\r\n",
    b"-1",
    b"9" * 25,
    b"\xff",
    b" ",
    b"Content-Length: 3\r\n",
    b"HTTP/1.1 ",
]


def mutate(dice, data):
    data = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(5)
        if kind == 0:
            del data[at : at + dice.randrange(1, 20)]
        elif kind == 1:
            data[at:at] = dice.choice(SPICE)
        elif kind == 2 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 3:
            data[at:at] = data[dice.randrange(len(data) + 1) :][: dice.randrange(60)]
        else:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("first", range(0, 20_000, 2000))
def test_mutated_responses(first):
    dice = random.Random(first)
    for _ in range(2000):
        held = BODY[:50] if dice.random() < 0.7 else b""
        pure = Pure(held=held, etag=b'"v1"')
        for _ in range(3):
            if not pure.download.done:
                pure.answer(mutate(dice, dice.choice(SEEDS)), piece=dice.choice([None, 1, 13]))
        pure.download.expire(1e9)
        ended = pure.sink.ended
        assert ended == "complete" or ended[0] in (None, Failure.PROTOCOL, Failure.UNREACHABLE, Failure.TIMEOUT)
        assert len(pure.sink.data) <= 1000
        assert pure.download.done
        assert pure.download.requests <= 4
        if ended == "complete":
            assert len(pure.sink.data) == pure.download.received
        else:
            assert pure.download.reason


def test_noise():
    dice = random.Random(1)
    for _ in range(5000):
        pure = Pure().answer(b"HTTP/1.1 " * dice.randrange(2) + dice.randbytes(dice.randrange(1, 200)))
        assert pure.sink.ended[0] in (Failure.PROTOCOL, Failure.UNREACHABLE)
