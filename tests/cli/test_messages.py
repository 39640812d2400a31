"""Messages in one line each, whatever a peer sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cli.messages import CoapStream, HttpStream, datagram_line
from simulator.coap.message import encode
from simulator.coap.tcp import frame

PATH = [(11, b"5"), (11, b"0"), (11, b"3")]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (encode(0, 0, 7, b"", [], b""), "CON 0.00 Empty mid=7, 4 B"),
        (encode(3, 0, 7, b"", [], b""), "RST 0.00 Empty mid=7, 4 B"),
        (
            encode(0, 1, 7, b"\xab", [(6, b""), *PATH, (17, b"")], b""),
            "CON 0.01 GET /5/0/3 mid=7 token=ab Observe=0 Accept=0, 13 B",
        ),
        (
            encode(1, 3, 1, b"", [*PATH, (15, b"pmin=1"), (15, b"pmax=9")], b""),
            "NON 0.03 PUT /5/0/3?pmin=1&pmax=9 mid=1, 24 B",
        ),
        (encode(2, 0x5F, 1, b"", [(27, b"\x1e")], b""), "ACK 2.31 mid=1 Block1=1/1/1024, 7 B"),
        (
            encode(2, 0x45, 1, b"", [(4, b"\x01\x02"), (23, b"\x00\x00\x00\x00")], b"x"),
            "ACK 2.05 mid=1 ETag=0102 Block2=00000000 payload 1 B, 15 B",
        ),
        (encode(2, 0x44, 1, b"", [(9, b"\x01")], b"x"), "ACK 2.04 mid=1 OSCORE payload 1 B, 8 B"),
        (b"\xc0\x00\x00\x00", "no CoAP (version is not 1), 4 B"),
    ],
)
def test_datagrams(data, line):
    assert datagram_line(data) == line


@given(st.binary(max_size=64))
def test_nothing_that_comes_raises(data):
    assert datagram_line(data).endswith(f"{len(data)} B")
    for stream in (CoapStream(), HttpStream()):
        assert all(list(stream.lines(piece)) is not None for piece in (data, data))


def test_messages_of_a_stream_are_told_when_they_are_whole():
    stream = CoapStream()
    data = frame(0xE1, b"", [(2, b"\x04\x80")], b"") + frame(1, b"\x01", PATH, b"")
    lines = [line for at in range(len(data)) for line in stream.lines(data[at : at + 1])]
    assert lines == ["7.01 CSM", "0.01 GET /5/0/3 token=01"]


def test_a_stream_that_is_no_coap_is_told_once_and_then_counted():
    stream = CoapStream()
    (line,) = stream.lines(b"HTTP/1.1 400 Bad Request")
    assert line.startswith("no CoAP from here on")
    assert list(stream.lines(b"more")) == ["4 B that cannot be read"]


def test_http():
    stream = HttpStream()
    assert list(stream.lines(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")) == ["GET /a HTTP/1.1, 28 B"]
    assert list(stream.lines(b"HTTP/1.1 200 OK\r\n\r\nabc")) == ["HTTP/1.1 200 OK, 22 B, of them body 3 B"]
    assert list(stream.lines(b"rest")) == ["body, 4 B"]
