"""A link is pure: sizes and times in, times out. Its figures are held to what the profile says."""

import random
from dataclasses import replace
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.network.link import TCP_HEADERS, TRANSMISSIONS_MAX, UDP_HEADERS, Link
from simulator.network.profiles import IDEAL, NetworkProfile

PROBABILITIES = st.floats(0, 1)
TIMES = st.floats(0, 10)
PROFILES = st.builds(
    NetworkProfile,
    st.just("any"),
    delay_s=TIMES,
    jitter_s=TIMES,
    loss=PROBABILITIES,
    duplicate=PROBABILITIES,
    reorder=PROBABILITIES,
    rate_bps=st.floats(100, 1e9) | st.just(inf),
    mtu=st.integers(68, 9000),
    queue_s=TIMES | st.just(inf),
)
SENDINGS = st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1)), max_size=40)


def link(dice=None, direction="down", **figures):
    return Link(NetworkProfile("x", **figures), dice or random.Random(1), direction)


def history(profile, seed, sendings):
    each = Link(profile, random.Random(seed))
    now, planned = 0.0, []
    for size, wait in sendings:
        now += wait
        planned.append((now, size, each.plan(size, now)))
    return planned


@given(PROFILES, st.integers(0, 9), SENDINGS)
def test_the_same_dice_plan_the_same(profile, seed, sendings):
    assert history(profile, seed, sendings) == history(profile, seed, sendings)


@given(PROFILES, st.integers(0, 9), SENDINGS)
def test_nothing_comes_before_it_can(profile, seed, sendings):
    for now, size, times in history(profile, seed, sendings):
        assert len(times) <= 2
        soonest = now + 8 * (size + UDP_HEADERS) / profile.rate_bps + profile.delay_s
        assert all(at >= soonest - 1e-9 * max(1.0, soonest) for at in times)


@given(PROFILES, st.integers(0, 9), SENDINGS)
def test_without_reordering_the_order_is_kept(profile, seed, sendings):
    assume(not profile.reorder)
    first = [times[0] for _, _, times in history(profile, seed, sendings) if times]
    assert first == sorted(first)


@given(SENDINGS)
def test_an_ideal_link_takes_no_time_and_loses_nothing(sendings):
    assert all(times == [now] for now, _, times in history(IDEAL, 1, sendings))


def test_a_rate_makes_datagrams_wait_for_each_other():
    slow = link(rate_bps=8_000, delay_s=0.5)
    size = 1000 - UDP_HEADERS
    assert [slow.plan(size, 0.0) for _ in range(3)] == [[1.5], [2.5], [3.5]]
    assert slow.plan(size, 10.0) == [11.5], "the queue is empty again"


def test_the_way_up_has_its_own_rate():
    figures = {"rate_bps": 8_000, "rate_up_bps": 800}
    assert link(**figures).plan(1000 - UDP_HEADERS, 0.0) == [1.0]
    assert link(direction="up", **figures).plan(1000 - UDP_HEADERS, 0.0) == [10.0]


def test_a_full_queue_drops():
    slow = link(rate_bps=8_000, queue_s=2.5)
    planned = [slow.plan(1000 - UDP_HEADERS, 0.0) for _ in range(6)]
    assert planned == [[1.0], [2.0], [3.0], [], [], []]
    assert slow.plan(1000 - UDP_HEADERS, 1.0) == [4.0]


def test_a_long_datagram_pays_for_its_fragments():
    slow = link(rate_bps=8_000, mtu=500)
    assert slow.plan(2 * (500 - UDP_HEADERS), 0.0) == [1.0]
    assert link(rate_bps=8_000).plan(2 * (500 - UDP_HEADERS), 0.0) == [(1000 - UDP_HEADERS) / 1000]


@pytest.mark.parametrize(("size", "expected"), [(100, 0.2), (4 * 472, 1 - 0.8**4)])
def test_datagrams_are_lost_as_often_as_the_profile_says(size, expected):
    lossy = link(loss=0.2, mtu=500)
    lost = sum(not lossy.plan(size, float(i)) for i in range(20_000)) / 20_000
    assert lost == pytest.approx(expected, abs=0.015)


def test_datagrams_are_doubled_as_often_as_the_profile_says():
    doubling = link(duplicate=0.3, delay_s=1.0)
    planned = [doubling.plan(10, float(i)) for i in range(20_000)]
    assert sum(len(times) == 2 for times in planned) / 20_000 == pytest.approx(0.3, abs=0.015)
    assert all(times[0] <= times[-1] <= times[0] + 1.0 for times in planned)


def test_datagrams_overtake_each_other_as_often_as_the_profile_says():
    mixing = link(reorder=0.1, delay_s=1.0, jitter_s=0.1)
    delays = [mixing.plan(10, 10.0 * i)[0] - 10.0 * i for i in range(20_000)]
    assert sum(delay > 1.1 for delay in delays) / 20_000 == pytest.approx(0.1 * 2.1 / 2.2, abs=0.01)
    assert max(delays) <= 1 + 2 * 1.1


def test_jitter_is_even():
    jittering = link(delay_s=1.0, jitter_s=0.5)
    delays = [jittering.plan(10, 10.0 * i)[0] - 10.0 * i for i in range(20_000)]
    assert 1.0 <= min(delays) < 1.01 < 1.49 < max(delays) <= 1.5 + 1e-9
    assert sum(delays) / len(delays) == pytest.approx(1.25, abs=0.01)


def test_a_link_with_nothing_to_chance_throws_no_dice():
    class Untouched(random.Random):
        def random(self):
            raise AssertionError

    assert link(Untouched(), rate_bps=1e6, delay_s=1.0, queue_s=3.0).plan(10, 0.0)


@given(PROFILES, st.integers(0, 9), SENDINGS)
def test_segments_come_in_order_and_none_is_lost_short_of_giving_up(profile, seed, sendings):
    each = Link(profile, random.Random(seed))
    now, last = 0.0, 0.0
    for size, wait in sendings:
        now += wait
        at = each.plan_segment(min(size, each.segment), now)
        if at == inf:
            assert profile.loss
            continue
        assert at >= max(last, now + profile.delay_s)
        last = at


def test_a_segment_that_is_lost_comes_after_the_retransmission_time_out():
    class Losing(random.Random):
        throws = 0

        def random(self):
            self.throws += 1
            return 0.0 if self.throws <= 2 else 0.9

    twice = link(Losing(), loss=0.5, delay_s=0.1, mtu=1500)
    assert twice.plan_segment(100, 0.0) == pytest.approx(1 + 2 + 0.1)
    assert twice.plan_segment(100, 0.5) == pytest.approx(3.1), "held up by the first"
    assert twice.segment == 1500 - TCP_HEADERS


def test_a_sender_without_any_answer_gives_up():
    class Counting(random.Random):
        throws = 0

        def random(self):
            self.throws += 1
            return 0.0

    dice = Counting()
    assert link(dice, loss=1.0).plan_segment(0, 0.0) == inf
    assert dice.throws == TRANSMISSIONS_MAX


def test_replacing_one_figure_is_how_a_run_sets_its_own():
    own = replace(IDEAL, name="own", delay_s=0.25)
    assert Link(own, random.Random(1)).plan(1, 1.0) == [1.25]
