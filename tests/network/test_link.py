"""A link is pure: sizes and times in, times out. Its figures are held to what the profile says."""

import random
from dataclasses import replace
from math import inf
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulator.network.link import IP_HEADER, RTO_MIN_S, TCP_HEADERS, TRANSMISSIONS_MAX, UDP_HEADER, Bucket, Link
from simulator.network.profiles import IDEAL, NetworkProfile

UDP_HEADERS = IP_HEADER + UDP_HEADER
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
    burst_bytes=st.none() | st.integers(9000, 100_000),
)
SIZES = st.integers(0, 5000)
WAITS = st.floats(0, 1)
SENDINGS = st.lists(st.tuples(SIZES, WAITS), max_size=40)


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
        # What is above one packet in the bucket may leave at once.
        slow = max(0, size + UDP_HEADERS - (profile.bucket_bytes - profile.mtu))
        soonest = now + 8 * slow / profile.rate_bps + profile.delay_s
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
    # 480 bytes fit behind an IP header of each fragment; the UDP header is in the first.
    longest = 2 * 480 - UDP_HEADER
    assert link(rate_bps=8_000, mtu=500).plan(longest, 0.0) == [1.0]
    assert link(rate_bps=8_000, mtu=500).plan(longest + 1, 0.0) == [pytest.approx(1.0 + (1 + IP_HEADER) / 1000)]
    assert link(rate_bps=8_000).plan(longest, 0.0) == [1.0 - IP_HEADER / 1000]
    assert link(rate_bps=8_000, mtu=500).plan(500 - UDP_HEADERS, 0.0) == [0.5], "what just fits is not cut"


@given(
    st.floats(1e3, 1e7),
    st.integers(0, 20_000),
    st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from(["datagram", "segment", "acknowledgement"]), SIZES, WAITS), max_size=60),
    st.floats(0, 0.5),
)
def test_no_more_than_rate_times_t_and_the_burst_leaves_in_any_time(rate, more, seed, sendings, loss):
    """Everything that shares a link: datagrams, segments of two connections, and acknowledgements."""
    mtu = 600
    profile = NetworkProfile("x", rate_bps=rate, mtu=mtu, burst_bytes=mtu + more, loss=loss)
    each = Link(profile, random.Random(seed))
    flows = [each.flow(), each.flow()]
    recorded, now = [], 0.0
    send = each._bucket.send
    each._bucket = SimpleNamespace(send=lambda size, at: note(recorded, size, send(size, at)), wait=each._bucket.wait)
    for k, (what, size, wait) in enumerate(sendings):
        now += wait
        if what == "datagram":
            each.plan(min(size, mtu - UDP_HEADERS), now)
        elif what == "segment":
            flows[k % 2].plan(min(size, each.segment), now)
        else:
            each.send(TCP_HEADERS, now)
    for first, (_, begin) in enumerate(recorded):
        carried = 0
        for size, left in recorded[first:]:
            carried += size
            assert carried <= rate / 8 * (left - begin) + profile.burst_bytes + 1e-6 * carried


def note(recorded, size, left):
    recorded.append((size, left))
    return left


def test_a_bucket_of_one_packet_is_a_line():
    line = Bucket(8000, 1500, 1500)
    assert [line.send(1000, now) for now in (5.0, 5.0, 50.0)] == [6.0, 7.0, 51.0]


def test_a_deeper_bucket_lets_a_burst_pass_after_a_pause_and_no_second_one():
    deep = Bucket(8000, 3500, 1500)
    assert [deep.send(1000, 9.0) for _ in range(4)] == [9.0, 9.0, 10.0, 11.0]
    assert deep.send(1000, 11.0) == 12.0, "no pause, no tokens"
    assert deep.send(1000, 13.0) == 13.0, "one second has one kilobyte"
    assert [deep.send(1000, 99.0) for _ in range(3)] == [99.0, 99.0, 100.0], "never more than the depth"


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
    flow = each.flow()
    now, last = 0.0, 0.0
    for size, wait in sendings:
        now += wait
        left, at = flow.plan(min(size, each.segment), now)
        assert left >= now
        if at == inf:
            assert profile.loss
            continue
        assert at >= max(last, left + profile.delay_s)
        last = at


class Losing(random.Random):
    """Loses the first packets, and no more."""

    def __init__(self, losses):
        super().__init__(1)
        self.losses = losses
        self.throws = 0

    def random(self):
        self.throws += 1
        return 0.0 if self.throws <= self.losses else 0.9


def test_a_segment_that_is_lost_comes_after_the_retransmission_time_out():
    flow = link(Losing(2), loss=0.5, delay_s=0.1, mtu=1500).flow()
    assert flow.plan(100, 0.0) == (0.0, pytest.approx(1 + 2 + 0.1))
    assert flow.plan(100, 0.5) == (0.5, pytest.approx(3.1)), "held up by the first"


def test_the_time_out_grows_with_the_round_trip():
    assert link(delay_s=0.1, jitter_s=0.1, rate_bps=1e6).rto_s == RTO_MIN_S
    far = link(delay_s=1.0, jitter_s=0.3, rate_bps=8000, mtu=1000)
    assert far.rto_s == pytest.approx(2.0 + 0.3 + 4 * 0.1 + 1.0)


def test_what_is_sent_again_takes_its_bytes_again():
    each = link(Losing(2), loss=0.5, rate_bps=8000, mtu=1000)
    flow = each.flow()
    assert flow.plan(960, 0.0)[0] == 1.0
    assert flow.plan(960, 0.0)[0] == 4.0, "behind the first and its two retransmissions"


def test_a_loss_in_one_connection_holds_up_no_other_and_no_datagram():
    each = link(Losing(1), loss=0.5, delay_s=0.1)
    first, second = each.flow(), each.flow()
    assert first.plan(100, 0.0)[1] == pytest.approx(1.1)
    assert second.plan(100, 0.0)[1] == pytest.approx(0.1)
    assert each.plan(100, 0.0) == [pytest.approx(0.1)]


def test_a_segment_fills_an_mtu_with_its_headers():
    assert link(mtu=1500).segment == 1500 - TCP_HEADERS


def test_a_sender_without_any_answer_gives_up():
    dice = Losing(1000)
    assert link(dice, loss=1.0).flow().plan(0, 0.0) == (0.0, inf)
    assert dice.throws == TRANSMISSIONS_MAX


def test_replacing_one_figure_is_how_a_run_sets_its_own():
    own = replace(IDEAL, name="own", delay_s=0.25)
    assert Link(own, random.Random(1)).plan(1, 1.0) == [1.25]
