"""Datagrams that are no messages, and URIs at the edge of what the resource holds, by campaigns in virtual time."""

from __future__ import annotations

import pytest

from simulator.events import OperatorStepEnded, RegistrationEnded, StateChanged
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, judged


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


@pytest.mark.parametrize("management", ["coap", "coaps"])
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_server_ignores_what_keeps_a_binding(delivery, management):
    settings = {"management": management, "install_time_s": 30.0}
    run = judged(delivery, "keepalive-unreadable", profile=CELL, settings=settings, every=0.05)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [strike.fault for strike in run.struck] == ["keepalive-unreadable"], "one row for what goes on"
    assert [event.operation for event in of(run, RegistrationEnded)] == ["register"] * 2


def test_a_connection_outlives_half_an_hour_of_them():
    settings = {"management": "coaps", "install_time_s": 1800.0}
    run = judged("push", "keepalive-unreadable", settings=settings)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [event.outcome for event in of(run, RegistrationEnded)] == ["ok"] * 2
    assert run.ended_at > 1800


@pytest.mark.parametrize("transport", list(ORIGINS))
def test_the_longest_uri_leads_to_the_package(transport):
    run = judged("pull", "uri-longest", settings={"transport": transport})
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert len(run.struck[0].detail.encode()) == 255


@pytest.mark.parametrize("profile", ["oma", "anjay", "zephyr"])
def test_a_longer_uri_is_refused_and_tells_why(profile):
    settings = {"profile": profile, "lwm2m": "1.0" if profile == "zephyr" else "1.1"}
    run = judged("pull", "uri-too-long", settings=settings)
    assert (run.verdict.outcome, run.verdict.state, run.verdict.result) == ("ok", 0, 7)
    assert len(run.struck[0].detail.encode()) == 256
    [step] = [event for event in of(run, OperatorStepEnded) if event.step == "write_uri"]
    assert (step.outcome, step.code) == ("fail", "4.00")
    assert [event.state for event in of(run, StateChanged)] == [0], "nothing is downloaded"
