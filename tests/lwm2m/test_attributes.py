"""Notification attributes."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.lwm2m.attributes import (
    AttributeFormatError,
    AttributeStore,
    format_attributes,
    parse_attributes,
    passes,
    periods,
)


def test_parse():
    assert parse_attributes(["pmin=10", "pmax=60", "gt=42.2", "lt=-5", "st=0.5"]) == {
        "pmin": 10,
        "pmax": 60,
        "gt": 42.2,
        "lt": -5.0,
        "st": 0.5,
    }
    assert parse_attributes(["pmin"]) == {"pmin": None}
    assert parse_attributes(["epmin=1"]) == {"epmin": 1}


@pytest.mark.parametrize(
    "query",
    [
        ["pmin=-1"],
        ["pmin=1.5"],
        ["pmin="],
        ["foo=1"],
        ["pmin=1", "pmin=2"],
        ["gt=nan"],
        ["gt=1e3"],
        ["st=0"],
        ["st=-1"],
    ],
)
def test_bad_attributes(query):
    with pytest.raises(AttributeFormatError, match=query[0].partition("=")[0]):
        parse_attributes(query)


def test_evaluation_periods_came_with_1_1():
    with pytest.raises(AttributeFormatError, match="epmin"):
        parse_attributes(["epmin=1"], lwm2m_version="1.0")


@given(st.text(max_size=30))
def test_random_queries_raise_the_documented_error_only(text):
    for query in (text, "gt=" + text, "pmin=" + text):
        try:
            parse_attributes([query])
        except AttributeFormatError:
            continue


def test_inheritance_and_taking_away():
    store = AttributeStore()
    store.write((3,), {"pmin": 10})
    store.write((3, 0), {"pmax": 60})
    store.write((3, 0, 7), {"pmin": 1, "gt": 50.0})
    assert store.inherited((3, 0, 7)) == {"pmin": 1, "pmax": 60, "gt": 50.0}
    assert store.inherited((3, 0, 8)) == {"pmin": 10, "pmax": 60}
    assert store.at((3, 0, 8)) == {}
    store.write((3, 0, 7), {"pmin": None})
    assert store.inherited((3, 0, 7))["pmin"] == 10
    assert store.revision == 4
    assert format_attributes(store.inherited((3, 0, 7))) == ";pmin=10;pmax=60;gt=50"
    assert format_attributes({"gt": 1e-7, "lt": 0.25}) == ";gt=0.0000001;lt=0.25"


def test_contradicting_thresholds_change_nothing():
    store = AttributeStore()
    store.write((3, 0, 9), {"gt": 50.0})
    for changes in ({"lt": 50.0}, {"lt": 40.0, "st": 5.0}):
        with pytest.raises(AttributeFormatError, match="gt"):
            store.write((3, 0, 9), changes)
    assert store.at((3, 0, 9)) == {"gt": 50.0}
    store.write((3, 0, 9), {"lt": 39.0, "st": 5.0})


def test_periods():
    assert periods({}) == (0.0, inf)
    assert periods({"pmin": 10, "pmax": 5}) == (10, inf)
    assert periods({"pmax": 0}) == (0.0, inf)
    assert periods({"pmax": 60}, default_pmin=5) == (5, 60)
    assert periods({}, 1, 0) == (1, inf)


@pytest.mark.parametrize(
    ("attributes", "last", "value", "wanted"),
    [
        ({}, 1, 2, True),
        ({}, 1, 1, False),
        ({"gt": 50.0}, 40, 60, True),
        ({"gt": 50.0}, 60, 40, True),
        ({"gt": 50.0}, 60, 70, False),
        ({"gt": 50.0}, 40, 50, False),
        ({"lt": 10.0}, 20, 5, True),
        ({"lt": 10.0}, 20, 10, False),
        ({"st": 5.0}, 20, 24, False),
        ({"st": 5.0}, 20, 15, True),
        ({"gt": 50.0, "st": 5.0}, 20, 26, True),
    ],
)
def test_passes(attributes, last, value, wanted):
    assert passes(attributes, last, value) is wanted
