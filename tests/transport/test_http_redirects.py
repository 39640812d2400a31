"""Redirects, without any network."""

import pytest

from simulator.coap.exchange import Failure
from tests.transport.http_rig import URI, Pure, partial, response

BODY = bytes(range(200))
PROTOCOL = (Failure.PROTOCOL, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status):
    pure = Pure(held=BODY[:50], etag=b'"v1"').answer(response(status, b"elsewhere", "Location: /b"))
    assert pure.disconnects == [False]
    pure.answer(partial(BODY[50:], 50, 199, 200, '"v1"'))
    assert pure.connects == [URI, "http://10.9.0.1/b"]
    assert b"GET /b HTTP/1.1\r\n" in pure.requests[1]
    assert b"Range: bytes=50-" in pure.requests[1]
    assert (bytes(pure.sink.data), pure.sink.ended, pure.download.redirects) == (BODY, "complete", 1)


def test_five_redirects_are_followed_and_six_are_not():
    for count, ended in ((5, "complete"), (6, PROTOCOL)):
        pure = Pure()
        for number in range(count):
            pure.answer(response(302, b"", f"Location: /{number}"))
        if pure.sink.ended is None:
            pure.answer(response(200, BODY))
        assert pure.sink.ended == ended
    assert pure.download.reason == "redirect: more than 5"


@pytest.mark.parametrize(
    ("uri", "location", "words"),
    [
        (URI, "Location: " + URI, "this is a loop"),
        (URI, "Location: ?", "this is a loop"),
        (URI, "X: y", "names no Location"),
        (URI, "Location: ftp://a/b", "not http or https"),
        (URI, "Location: http://a:1x/b", "redirect: "),
        ("https://10.9.0.1/fw.bin", "Location: " + URI, "from https to http is not followed"),
    ],
)
def test_redirects_that_are_not_followed(uri, location, words):
    pure = Pure(uri).answer(response(302, b"", location))
    assert pure.sink.ended == PROTOCOL
    assert words in pure.download.reason
    assert len(pure.connects) == 1


def test_a_loop_of_three():
    pure = Pure("http://a/0")
    for target in ("/1", "/2", "/0"):
        pure.answer(response(302, b"", f"Location: {target}"))
    assert pure.sink.ended == PROTOCOL
    assert pure.connects == ["http://a/0", "http://a/1", "http://a/2"]
