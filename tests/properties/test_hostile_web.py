"""Whole devices against web servers that lie, dawdle and flood: each ends with its Update Result, in time."""

from __future__ import annotations

import random

import pytest

from tests.faults.faulty_device import ORIGINS, PACKAGE
from tests.properties.hostile_origins import CLOSE, HEAR, RESET, Origin, endless, lost, pull, says
from tests.transport.http_rig import chunked, response

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = response(200, PACKAGE, "Content-Encoding: gzip")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
WEB = {
    # script, Update Result, seconds at most
    "content-length too long": (says(response(200, PACKAGE, length=len(PACKAGE) + 1), CLOSE), 4, 1),
    "content-length that no flash has": (says(response(200, PACKAGE, length=10**15)), 2, 1),
    "content-length too long, then silence": (says(response(200, PACKAGE, length=len(PACKAGE) + 1)), 4, 61),
    "content-length too short": (says(response(200, PACKAGE, length=len(PACKAGE) - 1), CLOSE), 5, 1),
    "two content-lengths": (says(response(200, PACKAGE, "Content-Length: 5")), 4, 1),
    "negative content-length": (says(response(200, PACKAGE, length="-5")), 4, 1),
    "more than the flash takes": (endless(response(200, PACKAGE, length=10**12), bytes(50_000), 0.02), 2, 10),
    "endless body without length": (endless(OK + b"\r\n" + PACKAGE, bytes(50_000), 0.02), 2, 10),
    "no package, without end": (endless(response(200, length=10**6), bytes(50_000), 0.02), 6, 1),
    "endless headers": (endless(OK, b"X-More: and more\r\n" * 20), 4, 10),
    "one endless header": (endless(OK + b"X-More: ", b"more" * 100), 4, 10),
    "endless status line": (endless(b"HTTP/1.1 200 ", b"OK" * 100), 4, 10),
    "endless chunk extensions": (endless(CHUNKS + b"5;", b"more=yes;" * 50), 4, 10),
    "a chunk of 2^64 bytes": (says(CHUNKS + b"1" + b"0" * 16 + b"\r\nx"), 4, 61),
    "a chunk with a length of 1 MB": (endless(CHUNKS, b"0" * 1000), 4, 10),
    "endless trailers": (endless(CHUNKS + b"0\r\n", b"X-More: and more\r\n" * 20), 4, 10),
    "no chunks where they are told": (says(CHUNKS + PACKAGE), 4, 61),
    "redirect to itself": (says(response(302, b"", "Location: good"), CLOSE), 4, 1),
    "redirect to nowhere": (says(response(302, b"")), 4, 1),
    "redirect to another scheme": (says(response(302, b"", "Location: ftp://10.200.0.2/good")), 4, 1),
    "redirect to what is no uri": (says(response(302, b"", "Location: http://[")), 4, 1),
    "1xx without end": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2), 4, 5),
    "101 switching protocols": (says(SWITCHING), 4, 61),
    "gzip though identity was asked for": (says(GZIP), 4, 1),
    "garbage": (says(random.Random(1).randbytes(5000)), 4, 1),
    "HTTP/0.9": (says(PACKAGE, CLOSE), 4, 1),
    "HTTP/2": (says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 4, 61),
    "another protocol": (says(b"220 mail.example ESMTP\r\n"), 4, 1),
    "no answer": (says(), 4, 61),
    "a reset in place of an answer": (says(RESET), 4, 1),
    "a drip of body": (endless(response(200, length=len(PACKAGE)), b"x", 10.0), 4, 601),
    "a drip of head": (endless(OK, b"x", 10.0), 4, 601),
    "a drip of 1-byte chunks": (endless(CHUNKS, b"1\r\nx\r\n", 10.0), 4, 601),
    "206 where nothing was held": (says(response(206, PACKAGE, "Content-Range: bytes 5-9/10")), 4, 1),
    "204": (says(response(204, b"")), 4, 1),
    "304": (says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), 4, 1),
}  # fmt: skip


@pytest.mark.parametrize("transport", ["http", "https"])
@pytest.mark.parametrize("name", WEB)
def test_web(transport, name):
    script, result, seconds = WEB[name]
    origin = Origin(script, tls=transport == "https")
    end, took = pull(transport, origin)
    assert (end.state, end.result, end.version) == (0, result, "1.0")
    assert took <= seconds
    assert origin.talkers
    assert all(talker.ends for talker in origin.talkers), "the device has let go of the connection"


def test_the_package_in_chunks_is_taken():
    assert pull("http", Origin(says(chunked(PACKAGE, size=7), CLOSE)))[0].result == 1


def test_a_loop_of_redirects_ends():
    def script(talker):
        yield HEAR
        to = b"/a" if b" /b " in talker.heard else b"/b"
        yield response(302, b"", "Location: " + to.decode())

    origin = Origin(script)
    end, took = pull("http", origin)
    assert lost(end)
    assert took < 1
    assert len(origin.talkers) == 3


def test_redirects_to_ever_new_places_end():
    def script(talker):
        yield HEAR
        yield response(302, b"", f"Location: /{len(origin.talkers)}")

    origin = Origin(script)
    end, _ = pull("http", origin)
    assert lost(end)
    assert len(origin.talkers) == 6


@pytest.mark.parametrize("protocols", [("https",), ("https", "http")])
def test_a_redirect_to_a_scheme_without_security_is_not_followed(protocols):
    origin = Origin(says(response(302, b"", f"Location: http://{ORIGINS['http']}/good")), tls=True)
    end, took = pull("https", origin, protocols=protocols)
    assert lost(end)
    assert took < 1


def test_a_redirect_to_a_scheme_that_the_device_has_not_is_another_result():
    end, _ = pull("http", Origin(says(response(302, b"", f"Location: https://{ORIGINS['https']}/good"))))
    assert (end.state, end.result) == (0, 9)
