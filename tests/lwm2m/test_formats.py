"""All codecs behind one interface: what is written is read again, and hostile bytes raise only what is documented."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.lwm2m.formats import ContentFormatError, Record, UnsupportedFormatError, decode, encode
from simulator.lwm2m.objects import ObjectLink, ResourceType

ALL = (c.FORMAT_TEXT, c.FORMAT_OPAQUE, c.FORMAT_CBOR, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR, c.FORMAT_TLV)
TREES = (c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR, c.FORMAT_TLV)
TYPES = [t for t in ResourceType if t is not ResourceType.NONE]

ids = st.integers(0, 65534)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
signed = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    ResourceType.STRING: text,
    ResourceType.INTEGER: signed,
    ResourceType.UNSIGNED: st.integers(0, 2**64 - 1),
    ResourceType.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    ResourceType.BOOLEAN: st.booleans(),
    ResourceType.OPAQUE: st.binary(max_size=300),
    ResourceType.TIME: st.integers(-(2**40), 2**33),
    ResourceType.OBJLNK: st.builds(ObjectLink, st.integers(0, 65535), st.integers(0, 65535)),
}


@st.composite
def single_records(draw):
    type_ = draw(st.sampled_from(TYPES))
    path = tuple(draw(st.lists(ids, min_size=3, max_size=4)))
    return Record(path, type_, draw(VALUES[type_]))


@st.composite
def resource_sets(draw):
    """Records under one object, each resource of one type, single or multiple; in the order of a read."""
    object_id = draw(ids)
    records = []
    for instance in sorted(draw(st.sets(ids, min_size=1, max_size=3))):
        for resource in sorted(draw(st.sets(ids, min_size=1, max_size=4))):
            type_ = TYPES[resource % len(TYPES)]
            path = (object_id, instance, resource)
            if draw(st.booleans()):
                records.append(Record(path, type_, draw(VALUES[type_])))
            else:
                inner = sorted(draw(st.sets(ids, min_size=1, max_size=3)))
                records.extend(Record((*path, i), type_, draw(VALUES[type_])) for i in inner)
    return records


def type_by_id(path):
    return TYPES[path[2] % len(TYPES)]


@example(Record((0, 0, 0), ResourceType.TIME, -62135596801))  # before the first year of the calendar
@given(single_records())
def test_a_single_value_survives_every_format(record):
    for content_format in ALL:
        if content_format == c.FORMAT_OPAQUE and record.type is not ResourceType.OPAQUE:
            with pytest.raises(UnsupportedFormatError):
                encode(content_format, record.path, [record])
            continue
        payload = encode(content_format, record.path, [record])
        assert decode(content_format, record.path, payload, lambda path: record.type) == [record]


@given(resource_sets(), st.integers(0, 2))
def test_many_values_survive_the_tree_formats(records, depth):
    base = records[0].path[:depth]
    if depth == 2:
        records = [record for record in records if record.path[:2] == base]
    for content_format in TREES:
        if content_format == c.FORMAT_TLV and not depth:
            with pytest.raises(UnsupportedFormatError):
                encode(content_format, base, records)
            continue
        payload = encode(content_format, base, records)
        assert decode(content_format, base, payload, type_by_id) == records


@given(resource_sets(), st.lists(st.integers(0, 2**31).map(float), min_size=1, max_size=40))
def test_times_survive_senml(records, times):
    timed = [record._replace(time=times[i % len(times)]) for i, record in enumerate(records)]
    for content_format in (c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR):
        payload = encode(content_format, (), timed)
        assert decode(content_format, (), payload, type_by_id) == timed


@given(
    st.sampled_from(ALL),
    st.lists(ids, max_size=4).map(tuple),
    st.binary(max_size=200),
    st.sampled_from([*TYPES, ResourceType.NONE, None]),
)
def test_random_bytes_raise_the_documented_errors_only(content_format, base, payload, type_):
    try:
        records = decode(content_format, base, payload, lambda path: type_)
    except (ContentFormatError, UnsupportedFormatError):
        return
    for record in records:
        assert record.path[: len(base)] == base
        assert record.value is None or not isinstance(record.value, float) or math.isfinite(record.value)


@given(resource_sets(), st.sampled_from(TREES), st.data())
def test_damaged_payloads_raise_the_documented_errors_only(records, content_format, data):
    base = records[0].path[:1]
    payload = bytearray(encode(content_format, base, records))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    for damaged in (bytes(payload), bytes(payload[:cut])):
        with contextlib.suppress(ContentFormatError, UnsupportedFormatError):
            decode(content_format, base, damaged, type_by_id)


@pytest.mark.parametrize(
    ("type_", "payload", "value"),
    [
        (ResourceType.INTEGER, b"-17", -17),
        (ResourceType.FLOAT, b"-1.5e3", -1500.0),
        (ResourceType.FLOAT, b"7", 7.0),
        (ResourceType.BOOLEAN, b"1", True),
        (ResourceType.OPAQUE, b"AAEC", b"\x00\x01\x02"),
        (ResourceType.OBJLNK, b"3:0", ObjectLink(3, 0)),
        (ResourceType.TIME, b"1367491215", 1367491215),
        (ResourceType.STRING, b"", ""),
    ],
)
def test_text_values(type_, payload, value):
    assert decode(c.FORMAT_TEXT, (3, 0, 1), payload, lambda path: type_) == [Record((3, 0, 1), type_, value)]


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        (ResourceType.INTEGER, b""),
        (ResourceType.INTEGER, b"1.0"),
        (ResourceType.INTEGER, b" 1"),
        (ResourceType.INTEGER, b"1_0"),
        (ResourceType.INTEGER, b"\xd9\xa1"),
        (ResourceType.INTEGER, b"9223372036854775808"),
        (ResourceType.UNSIGNED, b"-1"),
        (ResourceType.FLOAT, b"nan"),
        (ResourceType.FLOAT, b"1e999"),
        (ResourceType.FLOAT, b"."),
        (ResourceType.BOOLEAN, b"true"),
        (ResourceType.OPAQUE, b"A"),
        (ResourceType.OPAQUE, b"\x00"),
        (ResourceType.OBJLNK, b"3"),
        (ResourceType.OBJLNK, b"3:65536"),
        (ResourceType.STRING, b"\xff"),
        (ResourceType.NONE, b"1"),
    ],
)
def test_bad_text_values(type_, payload):
    with pytest.raises(ContentFormatError, match="/3/0/1"):
        decode(c.FORMAT_TEXT, (3, 0, 1), payload, lambda path: type_)


def test_float_text_has_no_exponent():
    record = Record((3, 0, 1), ResourceType.FLOAT, 1e-7)
    assert encode(c.FORMAT_TEXT, (3, 0, 1), [record]) == b"0.0000001"


def test_unknown_formats_and_misfits():
    record = Record((3, 0, 1), ResourceType.INTEGER, 1)
    for content_format in (c.FORMAT_LINK, c.FORMAT_LWM2M_JSON, 50):
        with pytest.raises(UnsupportedFormatError, match=str(content_format)):
            encode(content_format, (3, 0, 1), [record])
        with pytest.raises(UnsupportedFormatError, match=str(content_format)):
            decode(content_format, (3, 0, 1), b"1", lambda path: None)
    for content_format in (c.FORMAT_TEXT, c.FORMAT_OPAQUE, c.FORMAT_CBOR):
        with pytest.raises(UnsupportedFormatError, match="one resource"):
            encode(content_format, (3, 0), [record])
        with pytest.raises(UnsupportedFormatError, match="one resource"):
            decode(content_format, (3, 0), b"1", lambda path: None)
    with pytest.raises(UnsupportedFormatError, match="not an opaque"):
        decode(c.FORMAT_OPAQUE, (3, 0, 1), b"1", lambda path: ResourceType.STRING)
    with pytest.raises(ContentFormatError, match="/3/0/1"):
        encode(c.FORMAT_TLV, (3, 0, 1), [record._replace(value="1")])


def test_types_that_are_not_known_are_taken_as_they_are_shown():
    pack = encode(c.FORMAT_SENML_CBOR, (9, 0), [Record((9, 0, 1), ResourceType.OPAQUE, b"\x01")])
    assert decode(c.FORMAT_SENML_CBOR, (9, 0), pack, lambda path: None)[0].value == b"\x01"
    assert decode(c.FORMAT_TLV, (9, 0), b"\xc1\x01\x07", lambda path: None)[0].value == b"\x07"
    assert decode(c.FORMAT_TEXT, (9, 0, 1), b"7", lambda path: None)[0].value == "7"


def test_cbor_time_with_and_without_tag():
    for payload in (
        "c11a5182428f",
        "1a5182428f",
        "c1fb41d46090a3c00000",
        "c074323031332d30352d30325431303a34303a31355a",
    ):
        records = decode(c.FORMAT_CBOR, (3, 0, 13), bytes.fromhex(payload), lambda path: ResourceType.TIME)
        assert records[0].value == 1367491215
