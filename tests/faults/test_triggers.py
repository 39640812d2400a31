import random
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults.kinds import FaultKind, Parameter
from simulator.faults.triggers import ALWAYS, ONCE, AfterBytes, Chance, FromNth, Nth, Place, Sight, When, compiled

SIZES = st.lists(st.integers(0, 2000), max_size=50)


@given(st.integers(0, 20_000), SIZES)
def test_after_bytes_strikes_from_the_datagram_that_goes_beyond_on(count, sizes):
    trigger, total = AfterBytes(count), 0
    for size in sizes:
        total += size
        assert trigger.strikes(size) == (total > count)


@given(st.integers(1, 60), SIZES)
def test_nth_strikes_once(number, sizes):
    trigger = Nth(number)
    struck = [i for i, size in enumerate(sizes, 1) if trigger.strikes(size)]
    assert struck == [number][: len(sizes) >= number]


@given(st.integers(0, 2**32))
def test_chance_is_that_of_the_dice(seed):
    rate, dice = random.Random(seed).random(), random.Random(seed + 1)
    trigger, again = Chance(rate, dice), random.Random(seed + 1)
    assert [trigger.strikes(1) for _ in range(50)] == [again.random() < rate for _ in range(50)]


def test_chance_of_none_and_of_all():
    assert not any(Chance(0.0, random.Random(1)).strikes(1) for _ in range(1000))
    assert all(Chance(1.0, random.Random(1)).strikes(1) for _ in range(1000))


@given(st.integers(1, 60), SIZES)
def test_from_the_nth_on(number, sizes):
    trigger = FromNth(number)
    assert [trigger.strikes(size) for size in sizes] == [i >= number for i in range(1, len(sizes) + 1)]


# -- what a scenario says, compiled ------------------------------------------------------------------------------------


class Device:
    """What a trigger sees, moved by hand."""

    def __init__(self):
        self.now, self.started, self.state = 0.0, inf, "idle"

    def compiled(self, when, seed=1):
        sight = Sight(1000, lambda: self.now, lambda: self.started, lambda: self.state)
        return compiled(when, sight, random.Random(seed))


def test_nothing_said_is_once_and_at_once():
    trigger = Device().compiled(ONCE)
    assert [trigger.strikes(1) for _ in range(3)] == [True, False, False]


def test_repeated_without_conditions_costs_nothing():
    assert Device().compiled(When(times=None)) is ALWAYS
    assert isinstance(Device().compiled(When(probability=0.5, times=None)), Chance)
    assert isinstance(Device().compiled(When(Place("share", 0.5), times=None)), AfterBytes)


@pytest.mark.parametrize(
    ("place", "first"), [(Place("bytes", 250), 3), (Place("share", 0.5), 6), (Place("block", 4), 4)]
)
@pytest.mark.parametrize(("times", "count"), [(1, 1), (2, 2), (None, 10)])
def test_a_place_is_where_it_begins(place, first, times, count):
    trigger = Device().compiled(When(place, times=times))
    struck = [i for i in range(1, 11) if trigger.strikes(100)]
    assert struck == list(range(first, 11))[:count]


def test_a_time_counts_from_the_start_of_the_transfer():
    device = Device()
    trigger = device.compiled(When(Place("time", 5.0), times=None))
    device.now = 100.0
    assert not trigger.strikes(1)
    device.started = 98.0
    assert not trigger.strikes(1)
    device.now = 103.0
    assert trigger.strikes(1)


def test_a_state_holds_as_long_as_it_lasts():
    device = Device()
    trigger = device.compiled(When(Place("state", "updating"), times=None))
    seen = []
    for device.state in ("idle", "updating", "updating", "idle"):
        seen.append(trigger.strikes(1))
    assert seen == [False, True, True, False]


def test_it_heals_some_time_after_the_first_strike():
    device = Device()
    trigger = device.compiled(When(Place("message", 2), times=None, heals=3.0))
    seen = []
    for device.now in (0.0, 10.0, 12.9, 13.0, 20.0):
        seen.append(trigger.strikes(1))
    assert seen == [False, True, True, False, False]


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_the_dice_are_thrown_from_the_place_on(seed, times):
    trigger = Device().compiled(When(Place("message", 4), probability=0.5, times=times), seed)
    dice = random.Random(seed)
    expected = [i for i in range(1, 31) if i >= 4 and dice.random() < 0.5][:times]
    assert [i for i in range(1, 31) if trigger.strikes(1)] == expected


@pytest.mark.parametrize(
    ("place", "text", "offset"),
    [
        (Place("bytes", 20_480), "20480 bytes", 20_480),
        (Place("share", 0.6), "60 %", 600),
        (Place("block", 12), "block 12", None),
        (Place("message", 7), "message 7", None),
        (Place("time", 5.0), "5 s", None),
        (Place("state", "updating"), "in state updating", None),
    ],
)
def test_places(place, text, offset):
    assert str(place) == text
    assert place.problem() == ""
    if offset is None:
        with pytest.raises(ValueError, match="no place among the bytes"):
            place.offset(1000)
    else:
        assert place.offset(1000) == offset


@pytest.mark.parametrize(
    "place",
    [Place("share", 1.1), Place("bytes", -1), Place("block", 0), Place("message", 0), Place("state", "asleep"),
     Place("time", -1.0), Place("bytes", "many"), Place("time", float("nan"))],
)  # fmt: skip
def test_impossible_places(place):
    assert place.problem()


def test_when_is_told_in_words():
    when = When(Place("share", 0.5), probability=0.25, times=3, heals=60.0)
    assert str(when) == "50 %, probability 25 %, 3 times, heals after 60 s"
    assert str(When(times=None)) == "repeated"
    assert str(ONCE) == ""


# -- out of a table ----------------------------------------------------------------------------------------------------

TAKES = frozenset({"bytes", "share", "block", "probability", "times", "heals"})
KIND = FaultKind(
    "made-up",
    "flash",
    "A fault.",
    lambda _scene: None,
    takes=TAKES,
    when=When(Place("share", 0.5), times=None),
)
RENAMED = FaultKind(
    "renamed",
    "datagram",
    "A fault.",
    lambda _scene: None,
    parameters={"rate": Parameter("share", "A rate.", default=0.1), "lasts": Parameter("duration", "How long.")},
    same={"probability": "rate", "heals": "lasts"},
)


@pytest.mark.parametrize(
    ("given_", "when"),
    [
        ({}, When(Place("share", 0.5), times=None)),
        ({"after": 0.25}, When(Place("share", 0.25), times=None)),
        ({"at": Place("bytes", 100)}, When(Place("bytes", 100), times=1)),
        ({"at": Place("block", 3), "times": 2}, When(Place("block", 3), times=2)),
        ({"times": "repeated", "heals": "never"}, When(Place("share", 0.5), times=None)),
        ({"times": 3, "heals": 2.5, "probability": 0.5}, When(Place("share", 0.5), 0.5, 3, 2.5)),
    ],
)
def test_what_a_table_says(given_, when):
    assert KIND.timing(KIND.complete(given_)) == when


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ({"at": 0.5, "after": 0.5}, "at and after are two places"),
        ({"at": Place("time", 5.0)}, "at cannot be told by time"),
        ({"at": 1.5}, "at is from 0 to 1, not 1.5"),
        ({"at": "half"}, "at 'half' is no place"),
        ({"times": 0}, "times is from 1 to inf, not 0"),
        ({"times": "often"}, "times is not a int"),
        ({"heals": -1.0}, "heals is from 0 to inf"),
        ({"probability": 1.5}, "probability is from 0 to 1"),
        ({"rate": 0.5}, "no parameter 'rate'; there are at, after, probability, times, heals"),
    ],
)
def test_what_no_table_says(given_, problem):
    with pytest.raises(ValueError, match=problem):
        KIND.complete(given_)


def test_a_trigger_may_be_another_word_for_a_parameter():
    assert RENAMED.trigger_keys() == ["probability", "heals"]
    assert RENAMED.complete({"probability": 0.2, "heals": 5.0}) == {"rate": 0.2, "lasts": 5.0}
    assert RENAMED.complete({"heals": "never"}) == {"rate": 0.1}
    assert RENAMED.timing(RENAMED.complete({"probability": 0.2})) == ONCE
    with pytest.raises(ValueError, match="probability is rate by another name"):
        RENAMED.complete({"rate": 0.1, "probability": 0.2})
    with pytest.raises(ValueError, match="rate is from 0 to 1"):
        RENAMED.complete({"probability": 2.0})
