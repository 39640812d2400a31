"""Due times: they never go back, and the integral of the rate up to the time of device k is k."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.arrivals import due
from simulator.scenario import AtOnce, ConstantRate, Ramp


def ramp(start, end, over):
    return Ramp.model_validate({"kind": "ramp", "from": f"{start}/s", "to": f"{end}/s", "over": f"{over} ms"})


RATES = st.decimals("0.001", 100_000, places=3)
ARRIVALS = st.one_of(
    st.just(AtOnce(kind="at-once")),
    RATES.map(lambda rate: ConstantRate.model_validate({"rate": f"{rate}/s"})),
    st.builds(ramp, st.one_of(st.just(0), RATES), RATES, st.integers(1, 10**8)),
)
COUNTS = st.integers(0, 10**7)


def started(t, arrivals):
    """Devices started up to ``t``: the integral of the rate, written without the formula under test."""
    inside = min(t, arrivals.over)
    at_end = arrivals.from_ + (arrivals.to - arrivals.from_) * inside / arrivals.over
    return inside * (arrivals.from_ + at_end) / 2 + max(0.0, t - arrivals.over) * arrivals.to


def test_all_at_once_is_at_zero():
    assert {due(k, 10, AtOnce(kind="at-once")) for k in range(10)} == {0.0}


def test_a_constant_rate_has_equal_distances():
    arrivals = ConstantRate.model_validate({"rate": "200/s"})
    assert [due(k, 1000, arrivals) for k in (0, 1, 200, 999)] == [0, 0.005, 1, 4.995]


def test_a_ramp_from_nothing():
    arrivals = ramp(0, 100, 10_000)
    assert [due(k, 1000, arrivals) for k in (0, 5, 125, 500, 600)] == [0, 1, 5, 10, 11]


def test_a_ramp_downwards():
    arrivals = ramp(100, 50, 10_000)
    assert due(750, 1000, arrivals) == 10
    assert due(800, 1000, arrivals) == 11


@given(ARRIVALS, COUNTS, COUNTS)
def test_due_times_never_go_back(arrivals, one, other):
    first, last = sorted((one, other))
    assert 0 <= due(first, last + 1, arrivals) <= due(last, last + 1, arrivals)


@given(ARRIVALS, COUNTS)
def test_due_times_of_neighbours_never_go_back(arrivals, k):
    assert due(k, k + 2, arrivals) <= due(k + 1, k + 2, arrivals)


@given(st.builds(ramp, st.one_of(st.just(0), RATES), RATES, st.integers(1, 10**8)), COUNTS)
def test_the_integral_of_the_rate_is_the_number_of_devices(arrivals, k):
    assert started(due(k, k + 1, arrivals), arrivals) == pytest.approx(k, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("k", [-1, 5])
def test_there_is_no_device_outside_the_plan(k):
    with pytest.raises(IndexError):
        due(k, 5, AtOnce(kind="at-once"))
