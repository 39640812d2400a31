import random

from hypothesis import given
from hypothesis import strategies as st

from simulator.faults.triggers import AfterBytes, Chance, Nth

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
