from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.ceiling import LINK_RATE, ROUND_TRIP, Network, Retry, ceiling, round_trip_s

NB_IOT = Network(delay_s=0.7, jitter_s=0.6, loss=0.01, rate_bps=25e3, rate_up_bps=16e3, mtu=1358, burst_bytes=1358)
DELAY = Network(delay_s=0.25)
RATE = Network(rate_bps=1e6, rate_up_bps=1e6)
BLOCK_WISE = ["coap", "coaps", "coap+tcp", "coaps+tcp"]
SCHEMES = [*BLOCK_WISE, "http", "https"]


def top(scheme, network, block=1024, size=65_536, **more):
    return ceiling(scheme, network, size=size, block=block, **more)


def test_a_round_trip_by_hand():
    asks, carries = 7 + 28, 1024 + 8 + 28
    by_hand = 2 * 0.7 + 0.6 + asks * 8 / 16e3 + carries * 8 / 25e3
    assert round_trip_s("coap", NB_IOT, 1024) == pytest.approx(by_hand)
    assert round_trip_s("coaps", NB_IOT, 1024) == pytest.approx(by_hand + 29 * 8 / 16e3 + 29 * 8 / 25e3)


@pytest.mark.parametrize("scheme", BLOCK_WISE)
def test_where_only_the_delay_counts_a_block_takes_a_round_trip(scheme):
    found = top(scheme, DELAY, block=512)
    assert (found.bytes_per_s, found.limit) == (1024, ROUND_TRIP)
    assert top(scheme, DELAY, block=8192).bytes_per_s == 16_384


def test_nothing_limits_a_stream_that_is_only_delayed():
    assert top("http", DELAY) is top("https", DELAY) is None


def test_a_stream_has_the_rate_less_its_headers():
    """Of 1500 bytes, 1460 are payload."""
    found = top("http", RATE, size=1460 * 100)
    assert (found.bytes_per_s, found.limit) == (pytest.approx(1e6 / 8 * 1460 / 1500), LINK_RATE)
    assert top("https", RATE, size=1460 * 100).bytes_per_s < found.bytes_per_s
    lossy = top("http", replace(RATE, loss=0.1), size=1460 * 100)
    assert lossy.bytes_per_s == pytest.approx(0.9 * found.bytes_per_s)


def test_mean_wait_for_retransmissions_by_hand():
    """With a first time-out of 2.5 s on average: nothing, 2.5 s or 7.5 s, by how many were lost before."""
    wait_s = Retry(max_retransmit=2).wait_s(0.1)
    assert wait_s == pytest.approx((0.09 * 2.5 + 0.009 * 7.5) / (0.9 + 0.09 + 0.009))
    assert Retry().wait_s(0) == 0
    assert Retry().wait_s(1) == inf
    assert Retry(max_retransmit=0).wait_s(0.5) == 0


def test_losses_cost_the_time_out_of_whoever_asks():
    lost = 1 - 0.99**2
    for retry in (Retry(), Retry(ack_timeout_s=4.0, ack_random_factor=1.0)):
        cycle_s = round_trip_s("coap", NB_IOT, 1024) + retry.wait_s(lost)
        assert top("coap", NB_IOT, retry=retry).bytes_per_s == pytest.approx(1024 / cycle_s)
    assert top("coap", replace(NB_IOT, loss=1.0)).bytes_per_s == 0


def test_a_block_in_two_fragments_pays_for_another_header_and_is_lost_more_often():
    narrow = replace(NB_IOT, mtu=576, burst_bytes=576)
    longer_s = round_trip_s("coap", narrow, 1024) - round_trip_s("coap", NB_IOT, 1024)
    assert longer_s == pytest.approx(20 * 8 / 25e3)
    cycle_s = round_trip_s("coap", narrow, 1024) + Retry().wait_s(1 - 0.99**3)
    assert top("coap", narrow).bytes_per_s == pytest.approx(1024 / cycle_s)


def test_a_burst_leaves_at_once_after_a_pause_but_not_for_ever():
    bursts = replace(RATE, delay_s=0.1, burst_bytes=1500 + 1060)
    assert round_trip_s("coap", bursts, 1024) == pytest.approx(0.2)
    within = top("http", RATE, size=1460).bytes_per_s
    assert top("http", replace(RATE, burst_bytes=1501), size=1460).bytes_per_s > within
    assert top("http", replace(RATE, burst_bytes=3000), size=1460) is None
    # Without a pause between the blocks the bucket never fills.
    always = top("coap", replace(RATE, burst_bytes=3000), size=1024 * 1000)
    assert always.limit == LINK_RATE
    assert always.bytes_per_s == pytest.approx(1e6 / 8 * 1024 / 1060, rel=0.01)


def test_a_device_that_thinks_takes_longer_for_each_datagram():
    assert top("coap", DELAY, think_s=0.5).bytes_per_s == 1024
    assert top("coap+tcp", DELAY, think_s=0.5).bytes_per_s == 2048


@pytest.mark.parametrize(("scheme", "size"), [("ftp", 1000), ("", 1000), ("coap", 0), ("http", -1)])
def test_no_ceiling_of_what_is_not_known(scheme, size):
    assert top(scheme, NB_IOT, size=size) is None


@pytest.mark.parametrize(
    "figures",
    [{}, {"name": "ideal", "delay_s": 0.0, "rate_bps": None, "mtu": 65_535}, {"delay_s": "x"}, {"loss": 0.5}],
)
def test_no_ceiling_without_delay_and_rate(figures):
    assert Network.of(figures) is None


def test_figures_of_a_manifest():
    figures = {"name": "x", "delay_s": 0.1, "loss": 0.01, "rate_bps": 1e5, "rate_up_bps": None, "mtu": 1400}
    assert Network.of(figures) == Network(0.1, 0.0, 0.01, 1e5, 1e5, 1400, 1400)
    assert Network.of({**figures, "burst_bytes": 9000}).burst_bytes == 9000
    assert Retry.of({"ack_timeout_s": 1.5, "nstart": 1}) == Retry(ack_timeout_s=1.5)


NETWORKS = st.builds(
    Network,
    delay_s=st.floats(0, 2),
    jitter_s=st.floats(0, 2),
    loss=st.floats(0, 0.5),
    rate_bps=st.floats(1e3, 1e9),
    rate_up_bps=st.floats(1e3, 1e9),
    mtu=st.integers(576, 9000),
    burst_bytes=st.just(0),
).map(lambda one: replace(one, burst_bytes=one.mtu))


@given(NETWORKS, st.sampled_from(SCHEMES), st.integers(16, 70_000), st.sampled_from([16, 64, 512, 1024]))
def test_a_worse_network_never_raises_a_ceiling(network, scheme, size, block):
    found = top(scheme, network, block=block, size=size)
    assert 0 < found.bytes_per_s <= network.rate_bps / 8
    for worse in (
        replace(network, delay_s=network.delay_s + 0.1),
        replace(network, jitter_s=network.jitter_s + 0.1),
        replace(network, loss=network.loss + 0.1),
        replace(network, rate_bps=network.rate_bps / 2),
        replace(network, rate_up_bps=network.rate_up_bps / 2),
    ):
        assert top(scheme, worse, block=block, size=size).bytes_per_s <= found.bytes_per_s * (1 + 1e-9)


@given(NETWORKS, st.sampled_from(["coap", "coaps"]))
def test_security_and_small_blocks_cost_something(network, scheme):
    assert top(scheme, network, block=64).bytes_per_s < top(scheme, network, block=1024).bytes_per_s
    assert top("coaps", network).bytes_per_s < top("coap", network).bytes_per_s
