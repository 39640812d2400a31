"""The package format: round trip, exact sizes, and every kind of damage told apart."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.firmware import (
    HEADER_SIZE,
    Header,
    PackageError,
    PackageIntegrityError,
    UnsupportedPackageError,
    build,
    generate,
    parse_header,
)

NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8)


def with_fields(package: bytes, at: int, new: bytes) -> bytes:
    """The package with bytes of its header replaced and a CRC that fits."""
    head = package[:at] + new + package[at + len(new) : HEADER_SIZE - 4]
    return head + zlib.crc32(head).to_bytes(4, "big") + package[HEADER_SIZE:]


@given(NAMES, NAMES, st.binary(max_size=300))
def test_round_trip(model, version, payload):
    package = build(model, version, payload)
    header = parse_header(package)
    assert header == Header(model, version, len(payload), hashlib.sha256(payload).digest())
    assert header.total_length == len(package)
    assert package[HEADER_SIZE:] == payload


def test_layout_is_the_documented_one():
    package = build("meter-a", "2.0.1", b"xyz")
    assert package[:8] == b"LWM2MFW\x1a"
    assert package[8:12] == bytes([0, 1, 0, 128])
    assert package[12:44] == b"meter-a".ljust(32, b"\0")
    assert package[44:76] == b"2.0.1".ljust(32, b"\0")
    assert package[76:84] == (3).to_bytes(8, "big")
    assert package[84:116] == hashlib.sha256(b"xyz").digest()
    assert package[116:124] == bytes(8)
    assert package[124:128] == zlib.crc32(package[:124]).to_bytes(4, "big")


@pytest.mark.parametrize("size", [HEADER_SIZE, HEADER_SIZE + 1, 1024, 65_537, 1 << 20])
def test_generated_packages_have_the_exact_size_and_are_whole(size):
    package = generate(size, "m", "1.0", 7)
    header = parse_header(package)
    assert len(package) == header.total_length == size
    assert hashlib.sha256(package[HEADER_SIZE:]).digest() == header.payload_sha256


def test_generated_packages_depend_on_every_argument_and_on_nothing_else():
    base = generate(4096, "m", "1.0", 7)
    assert base == generate(4096, "m", "1.0", 7)
    others = [generate(4096, "n", "1.0", 7), generate(4096, "m", "1.1", 7), generate(4096, "m", "1.0", 8)]
    assert len({package[HEADER_SIZE:] for package in [base, *others]}) == 4
    assert len(zlib.compress(base)) > 3900


def test_generated_bytes_stay_the_same_from_release_to_release():
    digest = hashlib.sha256(generate(1000, "meter", "1.2.3", 42)).hexdigest()
    assert digest == "7801ad3c7505d1732515d0a7a951c0e9970981e8285dd12d52cc44e5c89b2cbe"


def test_a_size_without_room_for_the_header_is_refused():
    with pytest.raises(ValueError, match=r"at least 128 bytes, its header; 127 are too few"):
        generate(127, "m", "1", 0)


@pytest.mark.parametrize("text", ["", "x" * 33, "ä" * 17, "a\0b", "line\nbreak"])
def test_texts_that_do_not_fit_are_refused(text):
    with pytest.raises(ValueError, match="the model of a package has 1 to 32 bytes of printable UTF-8"):
        build(text, "1", b"")
    with pytest.raises(ValueError, match="the version of a package"):
        build("m", text, b"")


@given(st.integers(0, HEADER_SIZE * 8 - 1))
def test_a_flipped_bit_of_the_header_is_always_found(bit):
    package = bytearray(build("m", "1.0", b"payload"))
    package[bit // 8] ^= 1 << (bit % 8)
    expected = UnsupportedPackageError if bit < 64 else PackageIntegrityError
    with pytest.raises(expected):
        parse_header(bytes(package))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 127])
def test_a_header_that_ends_early_is_an_integrity_failure(length):
    with pytest.raises(PackageIntegrityError, match=rf"after {length} of 128 bytes"):
        parse_header(build("m", "1.0", b"")[:length])


@pytest.mark.parametrize(
    ("at", "new"),
    [(8, b"\0\2"), (10, b"\1\0"), (12, bytes(32)), (12, b"\xff\xfe"), (44, b"\n"), (44, bytes(32))],
    ids=["format version", "header length", "no model", "model not UTF-8", "version not printable", "no version"],
)
def test_headers_that_are_whole_but_of_another_kind_are_unsupported(at, new):
    with pytest.raises(UnsupportedPackageError):
        parse_header(with_fields(build("m", "1.0", b""), at, new))


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda b: b"LWM2MFW\x1a" + b)))
def test_hostile_bytes_raise_the_documented_errors_only(data):
    with pytest.raises(PackageError):
        parse_header(data)


@given(st.binary(min_size=116, max_size=116))
def test_hostile_fields_under_a_good_crc_raise_the_documented_errors_only(fields):
    data = with_fields(build("m", "1.0", b""), 8, fields)
    try:
        header = parse_header(data)
    except UnsupportedPackageError:
        return
    assert header.model
    assert header.version
