"""URIs, and where redirects lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.transport.http_uri import URI_LENGTH_MAX, parse_http_uri


@pytest.mark.parametrize(
    ("uri", "parts", "authority"),
    [
        ("http://a.example", ("http", "a.example", 80, "/"), "a.example"),
        ("HTTP://A.Example/Fw", ("http", "a.example", 80, "/Fw"), "a.example"),
        ("http://a:80/x?y=1&z", ("http", "a", 80, "/x?y=1&z"), "a"),
        ("https://a:80/", ("https", "a", 80, "/"), "a:80"),
        ("https://a/%20%C3%A4", ("https", "a", 443, "/%20%C3%A4"), "a"),
        ("http://[::1]:8080/x", ("http", "::1", 8080, "/x"), "[::1]:8080"),
        ("http://a?q", ("http", "a", 80, "/?q"), "a"),
    ],
)
def test_parts(uri, parts, authority):
    found = parse_http_uri(uri)
    assert tuple(found) == parts
    assert found.authority == authority
    assert parse_http_uri(str(found)) == found


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("coap://a/x", "'coap' is not http or https"),
        ("fw.bin", "'' is not http or https"),
        ("http:///x", "names no host"),
        ("http://a/x#y", "no fragment"),
        ("http://user:pass@a/x", "no user information"),
        ("http://a:0/x", "port 0"),
        ("http://a:99999/x", "Port out of range"),
        ("http://[::1/x", "Invalid IPv6"),
        ("http://a/x y", "escape it"),
        ("http://a/\r\nEvil: 1", "escape it"),
        ("http://a/\u00e4", "escape it"),
        ("http://a/" + "x" * URI_LENGTH_MAX, "8009 characters; 8000 are the most"),
    ],
)
def test_what_cannot_be_fetched_is_told(uri, words):
    with pytest.raises(ValueError, match=words):
        parse_http_uri(uri)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/y", "http://a:8080/y"),
        (b"y?z", "http://a:8080/d/y?z"),
        (b"../y", "http://a:8080/y"),
        (b"?q", "http://a:8080/d/x?q"),
        (b"//b/y", "http://b/y"),
        (b"https://b/y", "https://b/y"),
        (b"http://b/y#part", "http://b/y"),
        (b"/m\xc3\xbcll y", "http://a:8080/m%C3%BCll%20y"),
    ],
)
def test_a_redirect_leads_somewhere(location, target):
    assert str(parse_http_uri("http://a:8080/d/x").redirected(location)) == target


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (b"", "names no Location"),
        (b"http://b/y", "from https to http is not followed"),
        (b"ftp://b/y", "'ftp' is not http"),
        (b"https://u@b/y", "no user information"),
        (b"https://[b/y", "IPv6"),
    ],
)
def test_a_redirect_that_is_not_followed(location, words):
    with pytest.raises(ValueError, match=words):
        parse_http_uri("https://a/x").redirected(location)


@given(st.binary(max_size=60))
def test_any_location_is_a_uri_or_a_value_error(location):
    try:
        found = parse_http_uri("http://a/d/x").redirected(location)
    except ValueError:
        return
    assert parse_http_uri(str(found)) == found
    assert found.target.startswith("/")


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_a_value_error(text):
    try:
        found = parse_http_uri("http://" + text)
    except ValueError:
        return
    assert found.target.isascii()
    assert found.target.isprintable()
