"""Every class of misbehaviour of a server, with the defect and without it: no good server is accused."""

from dataclasses import replace

import pytest

from reports.case import Case, Ended, Held, Order, Registration, Report, Transfer
from reports.misconduct import CLASSES

RULES = {name: rule for name, _, rule in CLASSES}
SOUND = Case(
    index=3,
    endpoint="vd-3",
    group="push",
    delivery="push",
    fault="",
    hides_downloading=False,
    declared="0/1",
    driven=True,
    shaped=False,
    struck=False,
    grace_s=10.0,
    lifetime_s=300.0,
    request_s=60.0,
    held=[Held(2, 1, 0), Held(20, 2, 0), Held(32, 3, 0), Held(50, 0, 1)],
    states=[Report(1, 0, "observe"), *(Report(t + 0.1, s, "notify") for t, s in ((2, 1), (20, 2), (32, 3))),
            Report(52, 0, "observe")],
    results=[Report(1, 0, "observe"), Report(51.5, 1, "observe")],
    registrations=[Registration(0.5, "register", "ok", "2.01"), Registration(51, "register", "ok", "2.01")],
    ended=[],
    orders=[Order(19, "write_package", 1.5, "ok", "2.04")],
    transfers=[Transfer(20, "push", 2, 65536, 65536, "ok", 19.9, 64)],
    judged_at=90.0,
)  # fmt: skip


def found(name, **changes):
    """What a rule finds: whether each finding is clear, its time and message."""
    return [(one.clear, one.t, one.message) for one in RULES[name](replace(SOUND, **changes))]


def clear(name, **changes):
    return [sure for sure, _, _ in found(name, **changes)]


@pytest.mark.parametrize("name", RULES)
def test_a_sound_server_is_accused_of_nothing(name):
    assert found(name) == []
    empty = replace(SOUND, held=[], states=[], results=[], registrations=[], orders=[], transfers=[], judged_at=None)
    assert list(RULES[name](empty)) == []


def without(reports, value):
    return [report for report in reports if report.value != value]


def test_s1_names_a_state_that_was_held_and_in_no_notification():
    message = "State 3 (Updating), which the device held for 18 s, was in no notification"
    missed = without(SOUND.states, 3)
    assert found("S1", states=missed) == [(True, 32, message)]
    # A person who reads the value has found what the server has missed.
    assert clear("S1", states=[*missed, Report(45, 3, "read")]) == [True]


def test_s1_leaves_alone_what_need_not_be_told():
    missed = without(SOUND.states, 3)
    superseded = [*SOUND.held[:3], Held(41, 0, 1)]
    assert found("S1", states=missed, held=superseded) == []
    # Nobody observed it: the device had registered anew, and this registration was observed late.
    anew = [SOUND.registrations[0], Registration(33, "register", "ok", "2.01"), SOUND.registrations[1]]
    assert found("S1", states=missed, registrations=anew) == []
    assert found("S1", states=[]) == []
    assert found("S1", states=without(SOUND.states, 1), hides_downloading=True) == []


def test_s1_is_unclear_where_a_notification_may_have_been_lost():
    missed = without(SOUND.states, 3)
    assert clear("S1", states=missed, shaped=True) == [False]
    assert clear("S1", states=missed, struck=True) == [False]


def test_s1_names_a_state_in_which_the_device_stayed():
    stuck = {"held": SOUND.held[:2], "states": without(without(SOUND.states, 2), 3)[:2]}
    stuck["registrations"] = SOUND.registrations[:1]
    assert clear("S1", **stuck) == [True]


def test_s2_names_a_result_that_is_an_earlier_one():
    late = [*SOUND.results, Report(80, 0, "read")]
    message = "Update Result 0 was reported (read), which was an earlier one: the device had 1 for 30 s"
    assert found("S2", results=late) == [(True, 80, message)]
    assert clear("S2", results=late, shaped=True) == [False]
    never = found("S2", results=[*SOUND.results, Report(80, 7, "read")])
    assert "which the device never had" in never[0][2]


def test_s2_leaves_alone_what_was_on_its_way():
    assert found("S2", results=[*SOUND.results, Report(55, 0, "notify")]) == []
    # Before the first change nobody knows what the device had.
    assert found("S2", results=[Report(1, 5, "observe")]) == []


def test_s3_names_an_end_that_stood_and_was_never_told():
    heard = SOUND.results[:1]
    message = "Update Result 1, which the device had 39 s before the operator stopped looking, was never reported"
    assert found("S3", results=heard) == [(True, 51, message)]
    assert clear("S3", results=heard, shaped=True) == [False]


def test_s3_leaves_alone_a_device_that_was_not_there():
    heard = SOUND.results[:1]
    assert found("S3", results=heard, judged_at=55) == []
    # Not registered since the restart, or refused.
    assert found("S3", results=heard, registrations=SOUND.registrations[:1]) == []
    refused = [*SOUND.registrations, Registration(60, "register", "fail", "5.03")]
    assert found("S3", results=heard, registrations=refused) == []


def downloads(times, result=2):
    rows = [row for k in range(times) for row in (Held(10 * k, 1, 0), Held(10 * k + 5, 0, result))]
    return {"held": rows}


def test_s4_names_downloads_without_end():
    accused = found("S4", **downloads(5))
    assert [(sure, t) for sure, t, _ in accused] == [(True, 40)]
    assert "4 times more" in accused[0][2]
    assert found("S4", **downloads(4)) == []


def test_s4_counts_what_was_ordered_and_minds_who_gives_the_orders():
    assert found("S4", **downloads(5), orders=SOUND.orders * 2) == []
    assert found("S4", **downloads(8), orders=[], driven=False) == []
    assert clear("S4", **downloads(12), orders=[], driven=False) == [True]
    # One good update after another is a long campaign.
    assert found("S4", **downloads(12, result=1), orders=[], driven=False) == []


GIVEN_UP = {
    "orders": [Order(13.5, "write_package", 1.5, "unknown", "")],
    "transfers": [Transfer(300, "push", 2, 65536, 20480, "fail", 13.2, 20)],
}


def test_s5_names_a_push_given_up_while_the_device_answered():
    message = (
        "the push was given up after 12 s of the 60 s that it had, at block 20, 300 ms after the device had answered"
    )
    assert found("S5", **GIVEN_UP) == [(True, 13.5, message)]
    assert clear("S5", **GIVEN_UP, struck=True) == [False]


def test_s5_leaves_alone_who_waited_long_enough_or_had_no_answer():
    assert found("S5", **GIVEN_UP, request_s=12.0) == []
    silent = [GIVEN_UP["transfers"][0]._replace(last_block=5)]
    assert found("S5", orders=GIVEN_UP["orders"], transfers=silent) == []
    refused = [GIVEN_UP["orders"][0]._replace(outcome="fail", code="4.13")]
    assert found("S5", orders=refused, transfers=GIVEN_UP["transfers"]) == []
    again = [*SOUND.registrations[:1], Registration(13.4, "register", "ok", "2.01")]
    assert found("S5", **GIVEN_UP, registrations=again) == []
    # What the device answered was no answer to what it had been sent.
    assert found("S5", **GIVEN_UP, fault="packet-loss+push-block-misnumbered") == []


def updates(*rows):
    return {"registrations": [Registration(0.5, "register", "ok", "2.01"), *(Registration(*row) for row in rows)]}


def test_s6_names_a_registration_that_was_forgotten():
    message = "an Update was answered with 4.04, 99.5 s after the registration had been accepted for 300 s"
    assert found("S6", **updates((100, "update", "fail", "4.04"))) == [(True, 100, message)]
    assert "a De-register was answered" in found("S6", **updates((100, "deregister", "fail", "4.04")))[0][2]
    assert clear("S6", ended=[Ended(200, "expired")], registrations=SOUND.registrations) == [True]


def test_s6_leaves_alone_what_was_over():
    assert found("S6", **updates((301, "update", "fail", "4.04"))) == []
    assert found("S6", **updates((90, "deregister", "ok", "2.02"), (100, "update", "fail", "4.04"))) == []
    # Nobody knows whether the second Register arrived, and took the place of the first one.
    assert found("S6", **updates((90, "register", "unknown", ""), (100, "update", "fail", "4.04"))) == []
    assert found("S6", **updates((100, "update", "fail", "4.00"))) == []
    assert found("S6", ended=[Ended(51 + 295, "expired"), Ended(90, "deregister")]) == []


def test_s7_names_a_push_that_is_not_the_package():
    spoilt = [Held(2, 1, 0), Held(20, 0, 5)]
    assert [(sure, t) for sure, t, _ in found("S7", held=spoilt)] == [(True, 20)]
    assert found("S7", held=spoilt, fault="image-corrupt") == []
    assert found("S7", held=spoilt, declared="0/5") == []
    assert found("S7", held=spoilt, delivery="pull") == []
    assert found("S7", held=[Held(2, 1, 0), Held(20, 0, 2)]) == []
