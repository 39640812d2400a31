"""Quantities: what is taken, what it becomes, and what is said about the rest."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from simulator.scenario import units
from simulator.scenario.units import DURATION, POSITIVE_DURATION, RATE, SHARE, SIZE, THROUGHPUT, Range, RangeOf

UNITS = [SIZE, DURATION, POSITIVE_DURATION, RATE, units.RATE_OR_NONE, SHARE, THROUGHPUT]


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        (SIZE, "64 KiB", 65536),
        (SIZE, "64KiB", 65536),
        (SIZE, "1.5 kB", 1500),
        (SIZE, "1 MB", 1_000_000),
        (SIZE, "1 GiB", 2**30),
        (SIZE, "0 B", 0),
        (DURATION, "250 ms", 0.25),
        (DURATION, " 5 min ", 300.0),
        (DURATION, "1 h", 3600.0),
        (DURATION, "2 d", 172800.0),
        (DURATION, "0.1 s", 0.1),
        (RATE, "200/s", 200.0),
        (RATE, "30/min", 0.5),
        (RATE, "36 / h", 0.01),
        (SHARE, "50 %", 0.5),
        (SHARE, "0.1%", 0.001),
        (THROUGHPUT, "1 MB/s", 1e6),
        (THROUGHPUT, "64 KiB/s", 65536.0),
    ],
)
def test_a_quantity_becomes_its_base_unit(unit, text, value):
    assert unit.parse(text) == value
    assert re.search(unit.pattern, text.strip())


@pytest.mark.parametrize(
    ("unit", "value", "message", "mend"),
    [
        (SIZE, 65536, "a size needs a unit, 65536 has none", 'write a unit, as in "64 KiB"'),
        (SIZE, "64", "a size needs a unit, 64 has none", 'write a unit, as in "64 KiB"'),
        (SIZE, "64 KB", "'KB' is no unit of a size", "did you mean `kB`"),
        (SIZE, "64 kib", "'kib' is no unit of a size", "did you mean `KiB`"),
        (SIZE, "1.5 B", "'1.5 B' is not a whole number of bytes", "choose a smaller unit"),
        (SIZE, "2 GiB", "'2 GiB' is too much", "at most 1 GiB"),
        (SIZE, "-1 B", "not a size: '-1 B'", 'write it as "64 KiB"'),
        (SIZE, True, "not a size: True", 'write it as "64 KiB"'),
        (SIZE, [], "not a size: []", 'write it as "64 KiB"'),
        (DURATION, "5 m", "'m' is no unit of a duration", "units are ms, s, min, h, d"),
        (DURATION, 2.5, "a duration needs a unit, 2.5 has none", 'write a unit, as in "30 s"'),
        (DURATION, "٣ s", "not a duration: '٣ s'", 'write it as "30 s"'),
        (POSITIVE_DURATION, "0 s", "a duration of zero is not possible here", 'write it as "30 s"'),
        (RATE, "200", "a rate needs a unit, 200 has none", 'write a unit, as in "200/s"'),
        (RATE, "0/s", "a rate of zero is not possible here", 'write it as "200/s"'),
        (SHARE, "101 %", "'101 %' is too much", "at most 100 %"),
        (SHARE, 0.5, "a share needs a unit, 0.5 has none", 'write a unit, as in "50 %"'),
        (THROUGHPUT, "3 MB", "'MB' is no unit of a throughput", "did you mean `MB/s`"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_how_to_mend_it(unit, value, message, mend):
    with pytest.raises(PydanticCustomError) as caught:
        unit.parse(value)
    assert caught.value.context["message"] == message
    assert mend in caught.value.context["mend"]


@given(unit=st.sampled_from(UNITS), data=st.data())
def test_parser_and_pattern_agree(unit, data):
    number = data.draw(st.from_regex(units.NUMBER, fullmatch=True))
    text = number + data.draw(st.sampled_from(["", " ", "  "])) + data.draw(st.sampled_from([*unit.factors, "x", ""]))
    matches = re.search(unit.pattern, text) is not None
    try:
        unit.parse(text)
    except PydanticCustomError as error:
        reason = error.context["message"]
        assert not matches or "too much" in reason or "whole number" in reason or "of zero" in reason
    else:
        assert matches


@given(unit=st.sampled_from(UNITS), value=st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.binary()))
def test_nothing_but_a_refusal_is_raised(unit, value):
    with contextlib.suppress(PydanticCustomError):
        assert unit.parse(value) >= 0


@given(st.integers(0, 10**9))
def test_whole_milliseconds_are_exact(count):
    assert DURATION.parse(f"{count} ms") == count / 1000


def test_a_range_has_two_ends_in_order():
    assert RangeOf().parse("2 s") == Range(2.0, 2.0)
    assert RangeOf().parse({"min": "1 s", "max": "3 s"}) == Range(1.0, 3.0)
    for wrong in ({"min": "3 s", "max": "1 s"}, {"min": "1 s"}, {"min": "1 s", "max": 3}, 5, {}):
        with pytest.raises(PydanticCustomError):
            RangeOf().parse(wrong)
