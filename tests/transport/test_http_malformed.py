"""Errors of an origin, and responses that are none; without any network."""

import pytest

from simulator.coap import codes
from simulator.coap.exchange import Failure
from tests.transport.http_rig import Pure, partial, response

BODY = bytes(range(200))
PROTOCOL = (Failure.PROTOCOL, 0)
UNREACHABLE = (Failure.UNREACHABLE, 0)


@pytest.mark.parametrize(("status", "code"), [(404, codes.NOT_FOUND), (503, codes.SERVICE_UNAVAILABLE)])
def test_an_error_of_the_origin_is_told_in_coaps_terms(status, code):
    pure = Pure().answer(response(status, b"<h1>no</h1>"))
    assert pure.sink.ended == (None, code)
    assert pure.download.reason == f"status {status} of 10.9.0.1"
    assert not pure.sink.begun


@pytest.mark.parametrize(
    "answer",
    [
        response(204, length=-1),
        response(304, length=-1),
        response(300),
        partial(BODY[50:], 50, 199, 200, '"v1"'),
        partial(BODY, 0, 199, 200, '"v1"'),
    ],
)
def test_an_answer_that_nothing_asked_for(answer):
    pure = Pure().answer(answer)
    assert pure.sink.ended == PROTOCOL


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 000 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    ],
)
@pytest.mark.parametrize("piece", [None, 1])
def test_malformed_responses(garbage, piece):
    pure = Pure().answer(garbage, eof=False, piece=piece)
    assert pure.sink.ended == PROTOCOL
    assert pure.download.reason


def endless(start, more, limit=40_000, piece=1000):
    """How many bytes of an endless response are taken before the download gives up."""
    pure = Pure()
    pure.download.connected(0.0)
    pure.download.receive(start, 0.0)
    taken = len(start)
    while pure.sink.ended is None and taken < limit:
        chunk = (more * (piece // len(more) + 1))[:piece]
        pure.download.receive(chunk, 0.0)
        taken += len(chunk)
    assert pure.sink.ended == PROTOCOL
    return taken


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Fill: yes\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"e"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: yes\r\n"),
    ],
)
def test_endless_heads_are_bounded(start, more):
    assert endless(start, more) < 16_384 + 2000


def test_endless_interim_responses_are_bounded():
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert endless(interim, interim, piece=len(interim)) == 9 * len(interim)


@pytest.mark.parametrize("fields", [["A: b"] * 100, ["A: " + "b" * 17_000]])
def test_a_head_that_comes_at_once_is_held_to_the_limits_too(fields):
    assert Pure().answer(response(200, BODY, *fields)).sink.ended == PROTOCOL
    assert Pure().answer(response(200, BODY, *["A: b"] * 99)).sink.ended == "complete"


def test_interim_responses_are_skipped():
    pure = Pure().answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(200, BODY))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")


def test_a_content_length_that_is_too_short_ends_the_package_there():
    pure = Pure().answer(response(200, BODY, length=150))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY[:150], "complete")


def test_a_content_length_that_is_too_long_is_a_cut_off_package():
    pure = Pure().answer(response(200, BODY, length=250))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, UNREACHABLE)


def test_an_origin_that_speaks_first():
    pure = Pure()
    pure.download.receive(response(200, BODY), 0.0)
    assert pure.sink.ended == PROTOCOL
