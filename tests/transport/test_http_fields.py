"""Fields and status codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes
from simulator.transport.http_fields import (
    FieldError,
    byte_range,
    coap_code,
    content_range,
    entity_tag,
    field,
    is_strong,
    listed_tags,
)


def test_a_field_is_found_by_its_name():
    fields = [(b"a", b"1"), (b"b", b"2"), (b"b", b"2")]
    assert (field(fields, b"a"), field(fields, b"b"), field(fields, b"c")) == (b"1", b"2", b"")
    with pytest.raises(FieldError, match="a comes 2 times"):
        field([(b"a", b"1"), (b"a", b"2")], b"a")


@pytest.mark.parametrize(
    ("value", "kept", "strong"),
    [
        (b'"abc"', True, True),
        (b'""', True, True),
        (b'W/"abc"', True, False),
        (b"abc", False, False),
        (b'w/"abc"', False, False),
        (b'"a"b"', False, False),
        (b'"a b"', False, False),
        (b'"\xe4"', True, True),
        (b'"' + b"x" * 300 + b'"', False, False),
        (b"", False, False),
    ],
)
def test_entity_tags(value, kept, strong):
    assert entity_tag([(b"etag", value)]) == (value if kept else b"")
    assert is_strong(value) is strong


def test_two_entity_tags_are_none():
    assert entity_tag([(b"etag", b'"a"'), (b"etag", b'"b"')]) == b""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"bytes 0-0/1", (0, 0, 1)),
        (b"Bytes 5-9/*", (5, 9, -1)),
        (b"bytes */100", (-1, -1, 100)),
    ],
)
def test_content_ranges(value, found):
    assert content_range([(b"content-range", value)]) == found


@pytest.mark.parametrize(
    "value", [b"bytes 5-4/9", b"bytes 5-9/9", b"bytes */*", b"bytes 1-2", b"items 0-1/2", b"0-1/2", b"bytes 0-x/2", b""]
)
def test_content_ranges_that_mean_nothing(value):
    with pytest.raises(FieldError, match="Content-Range"):
        content_range([(b"content-range", value)] if value else [])


@given(st.binary(max_size=40))
def test_any_bytes_are_a_content_range_or_an_error(value):
    try:
        first, last, size = content_range([(b"content-range", b"bytes " + value)])
    except FieldError:
        return
    assert (-1 <= first <= last) and (size > last or size == -1)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes=0-", (0, 9)),
        ("bytes=3-5", (3, 5)),
        ("bytes=3-99", (3, 9)),
        ("bytes=-4", (6, 9)),
        ("bytes=-99", (0, 9)),
        ("bytes=9-9", (9, 9)),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=10-", "416"),
        ("bytes=10-20", "416"),
        ("bytes=-0", "416"),
    ],
)
def test_ranges_of_ten_bytes(value, found):
    if found == "416":
        with pytest.raises(FieldError):
            byte_range(value, 10)
    else:
        assert byte_range(value, 10) == found


def test_lists_of_entity_tags():
    assert listed_tags('"a", W/"b" ,"c,d"') == ['"a"', 'W/"b"', '"c,d"']
    assert listed_tags("*") == ["*"]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "4.00"),
        (401, "4.01"),
        (403, "4.03"),
        (404, "4.04"),
        (405, "4.05"),
        (406, "4.06"),
        (409, "4.09"),
        (410, "4.04"),
        (412, "4.12"),
        (413, "4.13"),
        (415, "4.15"),
        (422, "4.22"),
        (429, "4.29"),
        (418, "4.00"),
        (500, "5.00"),
        (501, "5.01"),
        (502, "5.02"),
        (503, "5.03"),
        (504, "5.04"),
        (511, "5.00"),
        (999, "5.00"),
    ],
)
def test_status_codes_have_a_twin_in_coap(status, text):
    assert codes.code_text(coap_code(status)) == text
