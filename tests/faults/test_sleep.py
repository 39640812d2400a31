"""A device that sleeps in the middle, in queue mode or not, and one that sleeps over its registration."""

from __future__ import annotations

import pytest

from simulator.events import FAULT_OVER, RegistrationEnded, ServerSaw, StateChanged
from simulator.faults.triggers import SHARE, STATE, Place
from simulator.lwm2m.queue_mode import QueueMode
from simulator.network.profiles import NetworkProfile
from tests.faults import ordered
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, judged

MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]
SLOW = NetworkProfile("slow", delay_s=0.1, rate_bps=2000)
"""A package takes more than a minute."""


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def operations(run):
    return [event.operation for event in of(run, RegistrationEnded)]


def check(run, name, result):
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert run.verdict.result == result
    assert run.struck[0].fault == name
    return run


@pytest.mark.parametrize("transport", ORIGINS)
def test_a_pull_goes_on_after_a_short_sleep(transport):
    run = check(judged("pull", "device-sleeps", profile=CELL, settings={"transport": transport}), "device-sleeps", 1)
    asleep, awake = run.struck
    assert awake.t - asleep.t == pytest.approx(20.0)
    assert awake.detail.startswith(f"{FAULT_OVER} awake, with an Update")
    assert operations(run)[:2] == ["register", "update"]


@pytest.mark.parametrize("transport", ORIGINS)
@pytest.mark.parametrize(("retries", "result"), [(0, 4), (3, 1)])
def test_a_long_sleep_is_the_end_of_a_pull_that_is_not_taken_up_again(transport, retries, result):
    settings = {"transport": transport, "pull_retries": retries}
    check(judged("pull", "device-sleeps", profile=CELL, settings=settings, lasts=110.0), "device-sleeps", result)


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize(("lasts", "result"), [(20.0, 1), (110.0, 4)])
def test_a_push_to_a_device_that_sleeps_in_the_middle(management, lasts, result):
    settings = {"transport": management, "management": management}
    run = judged("push", "device-sleeps", profile=CELL, settings=settings, lasts=lasts)
    check(run, "device-sleeps", result)


@pytest.mark.parametrize("management", ["coap", "coaps"])
def test_a_server_pushes_again_to_a_device_in_queue_mode_that_slept(management, monkeypatch):
    """What the push without queue mode ends in is 0 / 4; here the server repeats it after the Update."""
    monkeypatch.setattr(ordered, "declared_end", lambda *_: (0, 1))
    settings = {"transport": management, "management": management, "queue": QueueMode(), "lifetime_s": 600.0}
    run = judged("push", "device-sleeps", profile=CELL, settings=settings, lasts=110.0)
    check(run, "device-sleeps", 1)
    assert "update" in operations(run)


@pytest.mark.parametrize("at", [Place(STATE, "downloaded"), Place(STATE, "updating")], ids=str)
def test_a_device_may_sleep_in_a_state(at):
    check(judged("pull", "device-sleeps", profile=CELL, settings={"install_time_s": 5.0}, at=at), "device-sleeps", 1)


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_device_that_sleeps_over_its_registration_registers_anew(delivery, management):
    settings = {"management": management, "transport": management, "lifetime_s": 30.0, "install_time_s": 60.0}
    at = Place(STATE, "updating")
    run = check(judged(delivery, "update-late", profile=CELL, settings=settings, at=at), "update-late", 1)
    assert operations(run)[:3] == ["register", "update", "register"]
    late = of(run, RegistrationEnded)[1]
    assert late.code == "4.04"
    assert late.started == pytest.approx(40.0, abs=1.0)


def test_a_registration_that_ends_in_a_download_is_no_end_of_it():
    settings = {"lifetime_s": 30.0}
    run = check(judged("pull", "update-late", profile=SLOW, settings=settings, at=Place(SHARE, 0.1)), "update-late", 1)
    assert "register" in operations(run)[1:]
    assert [event.state for event in of(run, StateChanged)].count(1) == 1
    assert of(run, ServerSaw)
