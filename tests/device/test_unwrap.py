"""A Package comes out of every format byte by byte, however the body is cut."""

from __future__ import annotations

import base64

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.device.unwrap import UnwrapError, unwrapper


def tlv(body: bytes) -> bytes:
    if len(body) < 8:
        return bytes((0xC0 | len(body), 0)) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((0xC0 | size << 3, 0)) + len(body).to_bytes(size, "big") + body


WRAPS = {
    -1: bytes,
    c.FORMAT_OPAQUE: bytes,
    c.FORMAT_TEXT: base64.b64encode,
    c.FORMAT_CBOR: cbor2.dumps,
    c.FORMAT_TLV: tlv,
}


@given(body=st.binary(max_size=600), size=st.integers(1, 64), kind=st.sampled_from(sorted(WRAPS)))
def test_any_cut_gives_the_body_back(body, size, kind):
    wrapped = WRAPS[kind](body)
    unwrap = unwrapper(kind)
    out = b"".join(unwrap.feed(wrapped[i : i + size]) for i in range(0, len(wrapped), size))
    assert out + unwrap.end() == body


@pytest.mark.parametrize("kind", sorted(WRAPS))
def test_a_block_without_a_byte_changes_nothing(kind):
    unwrap, wrapped = unwrapper(kind), WRAPS[kind](b"a package")
    out = b"".join(unwrap.feed(part) for part in (b"", wrapped[:1], b"", wrapped[1:], b""))
    assert out + unwrap.end() == b"a package"


@pytest.mark.parametrize(
    ("kind", "wrapped"),
    [
        (c.FORMAT_TEXT, b"!!!!"),
        (c.FORMAT_TEXT, b"abc"),
        (c.FORMAT_TLV, b"\xc3\x01abc"),  # resource 1
        (c.FORMAT_TLV, b"\xc3\x00ab"),  # too short
        (c.FORMAT_TLV, b"\xc3\x00abcd"),  # too long
        (c.FORMAT_TLV, b"\x03\x00abc"),  # an object instance
        (c.FORMAT_CBOR, b"\x63abc"),  # a text string
        (c.FORMAT_CBOR, b"\x5fxx"),  # of indefinite length
        (c.FORMAT_CBOR, b""),
    ],
)
def test_malformed_bodies(kind, wrapped):
    unwrap = unwrapper(kind)
    with pytest.raises(UnwrapError):
        (unwrap.feed(wrapped) if wrapped else b"") + unwrap.end()


def test_other_formats_cannot_carry_a_package():
    assert unwrapper(c.FORMAT_LINK) is None


@given(body=st.binary(max_size=40), kind=st.sampled_from(sorted(WRAPS)))
def test_hostile_bytes_raise_nothing_else(body, kind):
    unwrap = unwrapper(kind)
    try:
        unwrap.feed(body)
        unwrap.end()
    except UnwrapError:
        pass
