"""The order of versions, which servers get wrong in the field (1.1.1 to 1.1.10 that never starts)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.firmware import is_newer, version_key

ASCENDING = [
    "",
    "alpha",
    "0.9",
    "1.0-alpha",
    "1.0-alpha.2",
    "1.0-alpha.10",
    "1.0-rc1",
    "1.0",
    "1.0.1",
    "1.1.1",
    "1.1.9",
    "1.1.10",
    "2",
]


def test_ascending():
    backwards = ASCENDING[::-1]
    assert sorted(backwards, key=version_key) == ASCENDING
    for older, newer in pairwise(ASCENDING):
        assert is_newer(newer, older)
        assert not is_newer(older, newer)


@pytest.mark.parametrize(
    ("a", "b"), [("1.2", "1.2.0"), ("v1.2", "1.2"), ("1.2+build7", "1.2"), ("01.002", "1.2"), ("0", "0.0")]
)
def test_equal(a, b):
    assert version_key(a) == version_key(b)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_dotted_numbers_are_ordered_as_numbers(a, b):
    width = max(len(a), len(b))
    padded = [part + [0] * (width - len(part)) for part in (a, b)]
    texts = [".".join(map(str, part)) for part in (a, b)]
    assert is_newer(*texts) == (padded[0] > padded[1])


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_every_text_has_a_place_in_one_total_order(a, b, c):
    x, y, z = sorted((a, b, c), key=version_key)
    assert not is_newer(x, y)
    assert not is_newer(y, z)
    assert not is_newer(x, z)


def test_a_number_of_any_length_is_compared():
    assert is_newer("1." + "9" * 5000, "1." + "8" * 5000)
