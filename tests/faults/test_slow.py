"""Devices that answer late, or not at all, over each transport of the management."""

from __future__ import annotations

import pytest

from simulator.events import NOT_KNOWN, OperatorStepEnded, StateChanged
from simulator.faults.slow import code_of
from simulator.faults.triggers import MESSAGE, STATE, Place
from tests.faults.ordered import CELL, judged

MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def over(management):
    return {"management": management, "transport": management}


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("silent", [False, True])
def test_nobody_is_told_how_the_update_of_a_device_ends_that_answers_nothing(silent, delivery, management):
    run = judged(delivery, "answers-never", profile=CELL, settings=over(management), silent=silent, heals="never")
    assert (run.verdict.outcome, run.verdict.result) == ("unknown", NOT_KNOWN)
    assert [(event.state, event.result) for event in of(run, StateChanged)][-2:] == [(3, 0), (0, 1)]
    assert [each.fault for each in run.struck] == ["answers-never"]
    [step] = [event for event in of(run, OperatorStepEnded) if event.step == "execute"]
    assert step.outcome == "unknown"


def test_a_push_to_a_device_that_answers_nothing_is_lost():
    run = judged("push", "answers-never", profile=CELL, at=Place(STATE, "downloading"), heals="never")
    assert of(run, StateChanged)[-1].result == 4


@pytest.mark.parametrize("management", MANAGEMENT)
def test_answers_come_again_when_it_heals(management):
    run = judged("pull", "answers-never", profile=CELL, settings=over(management))
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [each.t - run.struck[0].t for each in run.struck] == pytest.approx([0.0, 60.0], abs=0.5)


def test_a_single_answer_may_be_missing():
    run = judged("pull", "answers-never", profile=CELL, at=Place(MESSAGE, 1), silent=True)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert len(run.struck) == 1


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("time", [1.0, 4.0])
def test_late_answers_do_no_harm(time, separate, delivery, management):
    settings = {**over(management), "block_size": 1024}
    run = judged(delivery, "answers-late", profile=CELL, settings=settings, time=time, separate=separate)
    assert (run.verdict.outcome, run.verdict.result, run.verdict.version) == ("ok", 1, "2.0")
    assert len(run.struck) == 1
    steps = [event for event in of(run, OperatorStepEnded) if event.step == "observe"]
    assert all(step.t - step.started >= time for step in steps)


def test_an_answer_may_take_minutes():
    run = judged("pull", "answers-late", profile=CELL, time=200.0)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)


@pytest.mark.parametrize(
    ("message", "framed", "code"),
    [
        (b"\x60\x45\x00\x01", False, 0x45),
        (b"\x01\x45\xaa", True, 0x45),
        (b"\xd1\x05\x45\xaa", True, 0x45),
        (b"\xe1\x00\x05\x44\xaa", True, 0x44),
        (b"\xf1\x00\x00\x00\x05\xe1\xaa", True, 0xE1),
    ],
)
def test_the_code_of_a_message(message, framed, code):
    assert code_of(message, framed=framed) == code
