"""Faults of the order by whole campaigns in virtual time: what is ordered, how it ends, and what the operator says."""

from __future__ import annotations

import pytest

from simulator.events import OperatorStepEnded
from simulator.faults.order import INTERFERENCES, cannot, declared
from simulator.faults.registry import FAULTS
from simulator.lwm2m.profiles import PROFILES
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, judged

URIS = [
    name
    for name, kind in FAULTS.items()
    if kind.seam == "order" and kind.order not in INTERFERENCES and kind.expected != (0, 1)
]
ACTS = {name: kind.order for name, kind in FAULTS.items() if kind.order in INTERFERENCES}


def check(run, name):
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert [each.fault for each in run.struck] == [name]
    assert run.struck[0].seam == "order"
    return run


@pytest.mark.parametrize("transport", list(ORIGINS))
@pytest.mark.parametrize("name", URIS)
def test_each_order_ends_as_declared_over_each_transport(name, transport):
    run = check(judged("pull", name, profile=CELL, settings={"transport": transport}), name)
    assert run.verdict.result != 1 or FAULTS[name].expected is None


@pytest.mark.parametrize("profile", ["anjay", "zephyr"])
@pytest.mark.parametrize("name", URIS)
def test_each_order_ends_as_declared_with_each_profile(name, profile):
    check(judged("pull", name, profile=CELL, settings={"profile": profile, "lwm2m": "1.0"}), name)


@pytest.mark.parametrize("transport", list(ORIGINS))
def test_a_package_that_is_replaced_is_fetched_anew(transport):
    settings = {"transport": transport, "pull_retries": 2}
    run = check(judged("pull", "package-replaced", profile=CELL, settings=settings), "package-replaced")
    assert run.verdict.result == 1


LWM2M = {"oma": "1.1", "anjay": "1.1", "zephyr": "1.0"}

CASES = [
    (name, state, delivery, profile)
    for name in ACTS
    for state in FAULTS[name].parameters["state"].choices
    for delivery in ("pull", "push")
    for profile in PROFILES
    if not cannot(ACTS[name], state, delivery, PROFILES[profile], LWM2M[profile])
]


@pytest.mark.parametrize(("name", "state", "delivery", "profile"), CASES)
def test_each_interference_is_answered_and_ends_as_declared(name, state, delivery, profile):
    settings = {"profile": profile, "lwm2m": LWM2M[profile], "install_time_s": 5.0}
    run = check(judged(delivery, name, profile=CELL, settings=settings, state=state), name)
    code, ends = declared(ACTS[name], state, PROFILES[profile])
    assert run.struck[0].detail.endswith(f": {code}")
    assert (run.verdict.result != 1) == ends


@pytest.mark.parametrize("transport", list(ORIGINS))
@pytest.mark.parametrize("state", ["downloading", "downloaded"])
def test_cancel_ends_a_pull_over_each_transport(transport, state):
    run = check(
        judged("pull", "update-cancelled", profile=CELL, settings={"transport": transport}, state=state),
        "update-cancelled",
    )
    assert (run.verdict.state, run.verdict.result, run.verdict.version) == (0, 10, "1.0")
    assert [step.step for step in run.log.events if isinstance(step, OperatorStepEnded)].count("execute") == 0


@pytest.mark.parametrize("management", ["coap", "coaps", "coap+tcp", "coaps+tcp"])
def test_cancel_ends_a_push_over_each_transport(management):
    settings = {"management": management, "transport": management}
    run = check(judged("push", "update-cancelled", profile=CELL, settings=settings), "update-cancelled")
    assert (run.verdict.state, run.verdict.result) == (0, 10)


def test_what_a_server_answers_is_held_against_the_table_of_the_profile():
    assert declared("cancel", "downloading", PROFILES["oma"]) == ("2.04", True)
    assert declared("cancel", "updating", PROFILES["oma"]) == ("4.05", False)
    assert declared("second-uri", "downloaded", PROFILES["oma"]) == ("4.00", False)
    assert declared("second-uri", "downloading", PROFILES["zephyr"]) == ("2.04", False)


@pytest.mark.parametrize(
    ("order", "state", "delivery", "profile", "reason"),
    [
        ("cancel", "downloaded", "pull", "zephyr", "needs object 5 in version 1.1"),
        ("cancel", "downloading", "push", "oma", "writes it again from its first block"),
        ("early-update", "downloading", "push", "anjay", "does not show this state during a push"),
        ("clear-package", "idle", "pull", "zephyr", "takes one NUL for an image"),
    ],
)
def test_what_makes_no_sense_has_a_reason(order, state, delivery, profile, reason):
    assert reason in cannot(order, state, delivery, PROFILES[profile], LWM2M[profile])
    assert cannot("early-update", "idle", delivery, PROFILES[profile], LWM2M[profile]) == ""
