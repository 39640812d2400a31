"""Option lists and CoAP URIs (RFC 7252 §6.4, §5.10.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap.requests import parse_uri, put_option, request_options


@pytest.mark.parametrize(
    ("uri", "scheme", "host", "port", "path", "query"),
    [
        ("coap://127.0.0.1", "coap", "127.0.0.1", 5683, (), ()),
        ("COAPS://Example.com/", "coaps", "example.com", 5684, (), ()),
        ("coap://[::1]:61616/a//b/", "coap", "::1", 61616, ("a", "", "b", ""), ()),
        ("coap+tcp://h/%C3%A4%2Fb?x=1&y=%26", "coap+tcp", "h", 5683, ("ä/b",), ("x=1", "y=&")),
        ("https://h:8443/fw.bin", "https", "h", 8443, ("fw.bin",), ()),
    ],
)
def test_uris(uri, scheme, host, port, path, query):
    got = parse_uri(uri)
    assert (got.scheme, got.host, got.port, got.path, got.query) == (scheme, host, port, path, query)


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("", "scheme"),
        ("ftp://h/", "scheme"),
        ("coap:///a", "host"),
        ("coap://h/#part", "fragment"),
        ("coap://user@h/", "user information"),
        ("coap://h:0/", "port 0"),
        ("coap://h:65536/", "[Pp]ort"),
        ("coap://h:x/", "[Pp]ort"),
        ("coap://[::1/", "IPv6"),
        ("coap://h/" + "a" * 256, "longer"),
        ("coap://h/?" + "a" * 256, "longer"),
        ("coap://h/a/../b", "segment"),
        ("coap://h/%2e", "segment"),
    ],
)
def test_uris_that_are_refused(uri, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_uri(uri)


@given(st.text(max_size=40))
def test_no_text_raises_anything_but_value_error(text):
    for uri in (text, "coap://" + text, "coap://h/" + text):
        try:
            parse_uri(uri)
        except ValueError:
            continue


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=2))), st.integers(0, 9))
def test_put_option_keeps_the_order_and_replaces(options, number):
    options.sort(key=lambda option: option[0])
    before = list(options)
    got = put_option(options, number, b"new")
    assert options == before
    assert [o for o in got if o[0] == number] == [(number, b"new")]
    assert [o for o in got if o[0] != number] == [o for o in options if o[0] != number]
    assert got == sorted(got, key=lambda option: option[0])


def test_request_options_are_in_order():
    options = request_options(["5", "0"], ["b=U"], content_format=0, accept=11542, extra=[(c.IF_MATCH, b"")])
    assert options == [
        (c.IF_MATCH, b""),
        (c.URI_PATH, b"5"),
        (c.URI_PATH, b"0"),
        (c.CONTENT_FORMAT, b""),
        (c.URI_QUERY, b"b=U"),
        (c.ACCEPT, b"\x2d\x16"),
    ]
