"""When starts are due while Locust adds users in batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load.ramp import Ramp


def test_starts_are_due_at_a_steady_rate():
    ramp = Ramp()
    ramp.begin(10.0, 4, 2.0)
    assert ramp.take(3, 10.2) == [10.0, 10.5, 11.0]
    assert ramp.take(1, 10.2) == [11.5]


def test_a_start_that_nobody_has_planned_is_due_now():
    ramp = Ramp()
    ramp.begin(0.0, 1, 1.0)
    assert ramp.take(2, 7.0) == [0.0, 7.0]


def test_a_new_ramp_takes_over_what_the_old_one_had_to_add():
    ramp = Ramp()
    ramp.begin(0.0, 10, 1.0)
    assert ramp.take(2, 1.0) == [0.0, 1.0]
    ramp.begin(2.0, 2, 4.0)
    assert ramp.take(3, 2.0) == [2.0, 2.25, 2.0]


@pytest.mark.parametrize("missing", [0, -5])
def test_a_ramp_down_plans_no_start(missing):
    ramp = Ramp()
    ramp.begin(0.0, 3, 1.0)
    ramp.begin(1.0, missing, 1.0)
    assert ramp.take(1, 3.0) == [3.0]


@given(st.lists(st.integers(1, 20), max_size=8), st.floats(0.1, 1000))
def test_how_many_are_taken_at_once_changes_nothing(counts, rate):
    ramp = Ramp()
    ramp.begin(5.0, sum(counts), rate)
    dues = [due for count in counts for due in ramp.take(count, 0.0)]
    assert dues == pytest.approx([5.0 + k / rate for k in range(sum(counts))])
