"""The notification schedule against the rules of pmin and pmax."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from simulator.lwm2m.attributes import AttributeStore
from simulator.lwm2m.notify import NotificationSchedule

STATE, RESULT = (5, 0, 3), (5, 0, 5)


def test_without_periods_each_change_is_due_at_once_in_order():
    schedule = NotificationSchedule()
    schedule.add("state", STATE, 0.0)
    schedule.add("result", RESULT, 0.0)
    assert schedule.changed(RESULT, 1.0) == ["result"]
    assert schedule.changed(STATE, 1.0) == ["state"]
    assert schedule.due(1.0) == ["result", "state"]
    schedule.sent("result", 1.0)
    assert schedule.due(1.0) == ["state"]
    schedule.sent("state", 1.0)
    assert schedule.due(1e9) == []
    assert schedule.deadline == inf


def test_pmin_merges_and_keeps_the_order_of_the_latest_changes():
    attributes = AttributeStore()
    schedule = NotificationSchedule(attributes)
    schedule.add("state", STATE, 0.0)
    schedule.add("result", RESULT, 0.0)
    attributes.write((5, 0), {"pmin": 10})
    assert schedule.changed(STATE, 1.0) == []
    assert schedule.changed(RESULT, 2.0) == []
    assert schedule.changed(STATE, 3.0) == []
    assert schedule.deadline == 10.0
    assert schedule.due(9.9) == []
    assert schedule.due(10.0) == ["result", "state"]


def test_pmax_repeats():
    schedule = NotificationSchedule(default_pmax=60.0)
    schedule.add("state", STATE, 0.0)
    assert schedule.deadline == 60.0
    assert schedule.due(60.0) == ["state"]
    schedule.sent("state", 61.0)
    assert schedule.deadline == 121.0
    schedule.remove("state")
    schedule.sent("state", 62.0)
    assert schedule.deadline == inf


def test_paths_above_and_below_and_composites():
    schedule = NotificationSchedule()
    schedule.add("instance", (5, 0), 0.0)
    schedule.add("root", (), 0.0)
    schedule.add("one of many", (3, 0, 11, 2), 0.0)
    schedule.add("composite", (STATE, (3, 0, 3)), 0.0)
    assert schedule.changed(STATE, 1.0) == ["instance", "root", "composite"]
    assert schedule.changed((3, 0, 11), 1.0) == ["root", "one of many"]
    assert schedule.changed((3, 0, 3), 1.0) == ["root", "composite"]
    assert "composite" in schedule
    schedule.clear()
    assert len(schedule) == 0


def test_a_composite_takes_the_longest_pmin_and_the_shortest_pmax():
    attributes = AttributeStore()
    attributes.write(STATE, {"pmin": 5, "pmax": 100})
    attributes.write(RESULT, {"pmin": 2, "pmax": 50})
    schedule = NotificationSchedule(attributes)
    schedule.add("both", (STATE, RESULT), 0.0)
    assert schedule.deadline == 50.0
    assert schedule.changed(RESULT, 1.0) == []
    assert schedule.deadline == 5.0


@given(
    st.integers(0, 20),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=1, max_size=40),
)
def test_against_a_plain_model(pmin, pmax, steps):
    """Never sooner than pmin after the last one, never silent beyond it while a change waits, never beyond pmax."""
    attributes = AttributeStore()
    attributes.write(STATE, {"pmin": pmin, "pmax": pmax})
    schedule = NotificationSchedule(attributes)
    schedule.add("key", STATE, 0.0)
    now, last, waiting = 0.0, 0.0, False
    longest = pmax if pmax and pmax >= pmin else inf
    for pause, change in steps:
        now += pause
        waiting |= change
        keys = schedule.changed(STATE, now) if change else []
        wanted = now - last >= (pmin if waiting else longest)
        assert schedule.due(now) == (["key"] if wanted else [])
        assert not keys or wanted
        assert (schedule.deadline <= now) is wanted
        if wanted:
            schedule.sent("key", now)
            last, waiting = now, False
