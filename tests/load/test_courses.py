"""Shapes of a load: never more devices than there are, and at the right time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.arrivals import due
from simulator.load.courses import COURSES, of_arrivals, point_at
from simulator.scenario import AtOnce, ConstantRate, loads


@pytest.mark.parametrize("name", COURSES)
@given(devices=st.integers(1, 100_000), lasts_s=st.floats(1.0, 1e6))
def test_a_course_is_in_order_and_within_the_fleet(name, devices, lasts_s):
    course = COURSES[name](devices, lasts_s)
    times = [point.at for point in course]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert times[-1] < lasts_s
    assert max(point.devices for point in course) == devices
    assert all(point.rate > 0 for point in course)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("steps", [20, 40, 60, 80, 100]),
        ("hold", [100, 100, 100, 100, 0]),
        ("spike", [10, 10, 100, 10, 10]),
        ("waves", [25, 75, 75, 50, 0]),
        ("storm", [100, 100, 0, 100, 100]),
    ],
)
def test_devices_on_the_way(name, counts):
    course = COURSES[name](100, 100.0)
    assert [point_at(course, t).devices for t in (5.0, 30.0, 50.0, 70.0, 95.0)] == counts


ARRIVALS = [
    AtOnce(kind="at-once"),
    ConstantRate(kind="rate", rate="7/s"),
    loads('[groups.g]\ncount = 1\n[arrivals]\nkind = "ramp"\nfrom = "0/s"\nto = "20/s"\nover = "10 s"\n').arrivals,
]


@pytest.mark.parametrize("arrivals", ARRIVALS, ids=lambda arrivals: arrivals.kind)
def test_the_arrivals_of_a_scenario_are_planned_before_they_are_due(arrivals):
    course = of_arrivals(arrivals, 300)
    assert course[-1].devices == 300
    for k in range(300):
        at = due(k, 300, arrivals)
        assert point_at(course, at).devices > k
