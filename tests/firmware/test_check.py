"""The device's judgement of a package."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.firmware import HEADER_SIZE, Finding, check, early_check, generate

PACKAGE = generate(5000, "meter-a", "1.1.10", 3)


def judge(package: bytes, model: str = "meter-a", received: int | None = None):
    digest = hashlib.sha256(package[HEADER_SIZE:]).digest()
    return check(package[:HEADER_SIZE], digest, len(package) if received is None else received, model)


def test_a_sound_package_passes_and_tells_what_it_is():
    verdict = judge(PACKAGE)
    assert verdict.ok
    assert (verdict.finding, verdict.model, verdict.version) == (Finding.OK, "meter-a", "1.1.10")


def test_another_model_is_unsupported_as_soon_as_the_header_is_in():
    verdict = early_check(PACKAGE[:HEADER_SIZE], "meter-b")
    assert verdict.finding is Finding.UNSUPPORTED
    assert verdict.reason == "the package is for the model 'meter-a', this device is a 'meter-b'"
    assert judge(PACKAGE, "meter-b") == verdict


def test_the_early_check_passes_a_good_header_without_the_rest():
    assert early_check(PACKAGE[:HEADER_SIZE], "meter-a").ok


@pytest.mark.parametrize("package", [PACKAGE[:-1], PACKAGE + b"x", PACKAGE[:HEADER_SIZE]])
def test_a_wrong_length_is_an_integrity_failure(package):
    verdict = judge(package)
    assert verdict.finding is Finding.INTEGRITY
    assert f"{len(package)} bytes arrived, the header says 5000" in verdict.reason


@given(st.integers(0, len(PACKAGE) * 8 - 1))
def test_no_flipped_bit_passes(bit):
    damaged = bytearray(PACKAGE)
    damaged[bit // 8] ^= 1 << (bit % 8)
    verdict = judge(bytes(damaged))
    assert verdict.finding is (Finding.UNSUPPORTED if bit < 64 else Finding.INTEGRITY)
    assert verdict.reason


@pytest.mark.parametrize(
    ("package", "finding"),
    [
        (b"", Finding.INTEGRITY),
        (b"\0", Finding.UNSUPPORTED),
        (b"LWM2", Finding.INTEGRITY),
        (b"ELF" * 99, Finding.UNSUPPORTED),
    ],
)
def test_fragments_and_foreign_files(package, finding):
    assert judge(package).finding is finding


@given(st.binary(max_size=300), st.binary(max_size=40), st.integers(0, 1 << 40), st.text(max_size=8))
def test_a_check_never_raises(header, digest, received, model):
    assert not check(header, digest, received, model).ok
