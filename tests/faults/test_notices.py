"""Notifications that become one, and observations that a device forgets, by campaigns in virtual time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from simulator.events import OperatorStepEnded, RegistrationEnded, ServerReported
from simulator.faults.triggers import STATE, Place
from tests.faults.ordered import CELL, judged

MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]


def notified(run, path="/5/0/3"):
    """Time and value of each notification of a path."""
    reports = [event for event in run.log.events if isinstance(event, ServerReported)]
    return [(event.t, event.value) for event in reports if event.path == path and event.source == "notify"]


def steps(run, name):
    return [event for event in run.log.events if isinstance(event, OperatorStepEnded) and event.step == name]


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("confirmable", [True, False])
def test_states_in_quick_succession_become_the_newest_one(delivery, management, confirmable):
    settings = {"management": management, "confirmable_notifications": confirmable}
    run = judged(delivery, "notifications-merged", settings=settings, hold=30.0)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    times, values = zip(*notified(run), strict=True)
    assert values[:2] == ("1", "2"), "the first at once, the newest when the time is over"
    assert times[1] - times[0] == pytest.approx(30.0, abs=0.5)
    assert run.struck[0].detail.startswith("a notification of b'2' is held back")


def test_what_is_no_longer_true_is_never_told():
    run = judged("pull", "notifications-merged", profile=CELL, settings={"install_time_s": 0.1}, hold=600.0)
    assert run.verdict.outcome == "ok"
    assert [value for _, value in notified(run)] == ["1"]
    assert steps(run, "read"), "which is why the operator reads"


def test_a_hold_that_is_shorter_than_each_state_merges_nothing():
    run = judged("pull", "notifications-merged", profile=CELL, settings={"install_time_s": 30.0}, hold=0.2)
    assert [value for _, value in notified(run)] == ["1", "2", "3"]


def test_a_hold_may_begin_in_a_state_and_heal():
    run = judged("pull", "notifications-merged", profile=CELL, hold=40.0, after=Place(STATE, "downloaded"), heals=10.0)
    assert [value for _, value in notified(run)][:2] == ["1", "2"]
    assert run.verdict.outcome == "ok"


def test_notifications_of_a_resource_keep_their_distance():
    run = judged("pull", "notifications-merged", profile=CELL, settings={"install_time_s": 60.0}, hold=7.0)
    for path in ("/5/0/3", "/5/0/5"):
        for (earlier, _), (later, _) in pairwise(notified(run, path)):
            assert later - earlier > 6.5


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_server_reads_what_a_device_that_forgot_it_does_not_tell(delivery, management):
    run = judged(delivery, "observations-lost", profile=CELL, settings={"management": management}, after=0.5)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [value for _, value in notified(run)] == ["1"]
    assert steps(run, "read")
    operations = [event.operation for event in run.log.events if isinstance(event, RegistrationEnded)]
    assert operations == ["register"] * 2, "the one of the beginning, and that of the new image"


def test_a_device_of_another_stack_forgets_as_well():
    run = judged("pull", "observations-lost", profile=CELL, settings={"stack": "aiocoap"}, after=0.5)
    assert run.verdict.outcome == "ok"
    assert [value for _, value in notified(run)] == ["1"]


def test_a_device_that_boots_into_the_state_has_nobody_to_forget():
    run = judged("pull", "observations-lost", profile=CELL, at=Place(STATE, "idle"))
    assert [value for _, value in notified(run)] == ["1", "2", "3"]
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)


def test_observations_are_lost_in_a_state():
    run = judged("pull", "observations-lost", profile=CELL, at=Place(STATE, "updating"))
    assert [value for _, value in notified(run)] == ["1", "2"], "it forgets before it tells"
    assert run.verdict.outcome == "ok"
