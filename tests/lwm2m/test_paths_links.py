"""Paths, and link format for registration and Discover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.lwm2m.definitions import OBJECT_0, OBJECT_1, OBJECT_3, OBJECT_5_V1_0, OBJECT_5_V1_1
from simulator.lwm2m.links import (
    Link,
    LinkFormatError,
    format_discover,
    format_registration,
    parse_links,
    parse_registration,
)
from simulator.lwm2m.paths import PathError, format_path, overlaps, parse_path


@given(st.lists(st.integers(0, 65534), max_size=4).map(tuple))
def test_paths_survive_their_text(path):
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize("text", ["", "5/0", "//", "/5/", "/05", "/65535", "/-1", "/1/2/3/4/5", "/²", "/x", "/100000"])
def test_bad_paths(text):
    with pytest.raises(PathError):
        parse_path(text)


def test_overlaps():
    assert overlaps((5, 0), (5, 0, 3))
    assert overlaps((5, 0, 3), (5,))
    assert overlaps((), (5,))
    assert not overlaps((5, 0, 3), (5, 0, 5))


def test_registration_links_name_the_version_with_the_object_and_hide_security():
    instances = [(OBJECT_5_V1_1, 0), (OBJECT_0, 0), (OBJECT_1, 0), (OBJECT_3, 0)]
    payload = format_registration(instances, (110, 112))
    assert payload == b'</>;rt="oma.lwm2m";ct="110 112",</1/0>,</3/0>,</5>;ver=1.1,</5/0>'
    assert format_registration([(OBJECT_5_V1_0, 0)], (112,)) == b'</>;rt="oma.lwm2m";ct=112,</5>;ver=1.0,</5/0>'
    found = parse_registration(payload)
    assert found == ("/", (110, 112), (1, 3, 5), ((1, 0), (3, 0), (5, 0)), {5: "1.1"})


def test_an_alternate_root_and_links_of_others():
    found = parse_registration(
        b'</lwm2m>;rt="x oma.lwm2m",</lwm2m/3/0>,</3303/0>,</sensors/temp>;if="a,b;c",</lwm2m/9>'
    )
    assert found.root == "/lwm2m"
    assert found.objects == (3, 9)
    assert found.instances == ((3, 0),)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"</5/0>;ver=1.0", "</5/0>: the version belongs"),
        (b"</5>;ver=one", "no version"),
        (b"</5>;ver", "no version"),
        (b"</3/0/1>", "nothing below"),
        (b"</65535>", "65535"),
        (b"</3/0>,</3/0>", "twice"),
        (b"</3/0>,", "character 6"),
        (b"</3/0></4>", "character 6"),
        (b"3/0", "character 0"),
        (b"</3/0>;a=1;a=2", "two"),
        (b'</3/0>;a="b', "character 8"),
        (b"\xff", "byte 0"),
        (b'</>;rt="oma.lwm2m";ct=x', "content formats"),
    ],
)
def test_bad_registrations_are_told_with_their_place(payload, says):
    with pytest.raises(LinkFormatError, match=says):
        parse_registration(payload)


@given(st.binary(max_size=60) | st.text('<>/;,="\\ 0123ver.', max_size=40).map(str.encode))
def test_random_links_raise_the_documented_error_only(payload):
    try:
        parse_registration(payload)
    except LinkFormatError as error:
        assert "links:" in str(error)


def test_discover():
    payload = format_discover([((3,), ";pmin=10"), ((3, 0), ""), ((3, 0, 7), ";dim=8;gt=50")])
    assert payload == b"</3>;pmin=10,</3/0>,</3/0/7>;dim=8;gt=50"
    assert parse_links(payload)[2] == Link("/3/0/7", {"dim": "8", "gt": "50"})
    assert parse_links(b'</a>;t="a\\"b"') == [Link("/a", {"t": 'a"b'})]
