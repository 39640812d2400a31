"""What a sound device makes of each variant of a package."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.firmware import HEADER_SIZE, Finding, check, early_check, generate, is_newer, parse_header
from simulator.firmware.variants import OLDER_VERSION, VARIANTS

DAMAGED = sorted(VARIANTS.keys() - {"older"})


def verdict(package):
    digest = hashlib.sha256(package[HEADER_SIZE:]).digest()
    return check(package[:HEADER_SIZE], digest, len(package), "model-a")


@pytest.mark.parametrize("name", DAMAGED)
@given(size=st.integers(HEADER_SIZE, 2000))
def test_a_damaged_variant_is_found_by_the_last_byte(name, size):
    package = generate(size, "model-a", "2.0", 1)
    assert verdict(package).ok
    assert verdict(VARIANTS[name](package)).finding is Finding.INTEGRITY


@pytest.mark.parametrize("name", DAMAGED)
def test_and_not_by_its_header(name):
    package = VARIANTS[name](generate(2000, "model-a", "2.0", 1))
    assert early_check(package[:HEADER_SIZE], "model-a").ok


def test_an_older_one_is_sound():
    package = VARIANTS["older"](generate(2000, "model-a", "2.0", 1))
    assert verdict(package).ok
    assert parse_header(package).version == OLDER_VERSION
    assert is_newer("0.0.1", OLDER_VERSION)
