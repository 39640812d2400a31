"""Chance: streams that depend on seed, device and seam alone, and dice that fall evenly."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.entropy import Entropy, Shuffle, SmallDice, mix
from simulator.ports import Dice

SEEDS = st.integers(0, 2**64 - 1)


def chi_square(counts, expected):
    return sum((count - expected) ** 2 / expected for count in counts)


def limit(freedom):
    """A bound that even dice break about once in a million times (Wilson and Hilferty's approximation)."""
    return freedom * (1 - 2 / (9 * freedom) + 4.75 * math.sqrt(2 / (9 * freedom))) ** 3


def test_splitmix64_gives_its_published_sequence():
    dice = SmallDice(1234567)
    assert [dice.getrandbits(64) for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_small_dice_are_dice_as_the_ports_want_them():
    dice: Dice = SmallDice(1)
    assert 0 <= dice.random() < 1
    assert not hasattr(dice, "__dict__")


@pytest.mark.parametrize("faces", [2, 6, 100, 256, 1000])
def test_a_range_is_even(faces):
    dice = SmallDice(faces)
    throws = faces * 200
    counts = Counter(dice.randrange(faces) for _ in range(throws))
    assert chi_square((counts[face] for face in range(faces)), 200) < limit(faces - 1)


def test_floats_are_even_and_neighbours_independent():
    dice = SmallDice(3)
    throws = [dice.random() for _ in range(50_000)]
    cells = Counter((int(a * 20), int(b * 20)) for a, b in zip(throws[::2], throws[1::2], strict=True))
    assert chi_square((cells[x, y] for x in range(20) for y in range(20)), 25_000 / 400) < limit(399)


def test_first_throws_of_neighbouring_devices_are_even():
    """Loss, jitter and faults draw little from many streams, so the streams must differ at their start."""
    entropy = Entropy(5)
    counts = Counter(int(entropy.stream(device, "loss").random() * 50) for device in range(20_000))
    assert chi_square((counts[cell] for cell in range(50)), 400) < limit(49)


@given(SEEDS, st.integers(0, 300))
def test_bits_are_in_range(seed, bits):
    assert 0 <= SmallDice(seed).getrandbits(bits) < 1 << bits


@given(SEEDS, st.integers(1, 2**80), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_draws_are_in_range(seed, stop, a, b):
    dice = SmallDice(seed)
    assert 0 <= dice.randrange(stop) < stop
    assert min(a, b) - 1e-6 <= dice.uniform(a, b) <= max(a, b) + 1e-6


def test_impossible_draws_are_refused():
    for stop in (0, -1):
        with pytest.raises(ValueError, match="empty range"):
            SmallDice(1).randrange(stop)
    with pytest.raises(ValueError, match="must not be negative"):
        SmallDice(1).getrandbits(-1)


@given(SEEDS, st.integers(0, 10**6), st.text(max_size=10))
def test_a_stream_follows_from_seed_device_and_seam(seed, device, seam):
    first = Entropy(seed).stream(device, seam)
    second = Entropy(seed).stream(device, seam)
    assert [first.getrandbits(64) for _ in range(4)] == [second.getrandbits(64) for _ in range(4)]


def test_streams_of_other_seeds_devices_and_seams_differ():
    numbers = [
        Entropy(seed).number(device, seam)
        for seed in (0, 1, 2**64 - 1)
        for device in (-1, 0, 1, 256)
        for seam in ("", "a", "b", "ab")
    ]
    assert len(set(numbers)) == len(numbers)


def test_a_seed_comes_from_a_text_or_is_new():
    assert Entropy.draw("42") == 42
    assert Entropy.draw("c0ffee") == Entropy.draw("c0ffee") != Entropy.draw("c0ffef")
    assert 0 <= Entropy.draw("٣") < 2**63
    assert Entropy.draw() != Entropy.draw()
    for wrong in (str(2**64), "9" * 5000):
        with pytest.raises(ValueError, match="a seed is an integer"):
            Entropy.draw(wrong)


@given(st.integers(1, 2000), SEEDS)
def test_a_shuffle_is_an_order_of_all_things(size, seed):
    assert sorted(map(Shuffle(size, seed), range(size))) == list(range(size))


def test_a_shuffle_puts_each_thing_anywhere():
    size, seeds = 20, 4000
    for thing in (0, 1, 19):
        counts = Counter(Shuffle(size, mix(seed))(thing) for seed in range(seeds))
        assert chi_square((counts[place] for place in range(size)), seeds / size) < limit(size - 1)


def test_a_shuffle_knows_its_things():
    for index in (-1, 5):
        with pytest.raises(IndexError):
            Shuffle(5, random.Random(1).getrandbits(64))(index)
