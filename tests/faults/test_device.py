"""Faults of the device as a whole by campaigns in virtual time: power, registration, notifications, refused blocks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from simulator.coap.codes import REQUEST_ENTITY_TOO_LARGE
from simulator.events import FAULT_OVER, OperatorStepEnded, RegistrationEnded, ServerSaw, StateChanged, TransferEnded
from simulator.faults.plan import FaultPlan
from simulator.faults.triggers import BLOCK, STATE, Place
from simulator.fleet.entropy import SmallDice
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import ORIGINS, PACKAGE
from tests.faults.ordered import CELL, judged

TRANSPORTS = list(ORIGINS)
MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]


def check(run, name, result):
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert run.verdict.result == result
    assert run.struck[0].fault == name
    return run


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def over(scheme):
    return {"transport": scheme, "management": scheme}


# -- power -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("after", [0.0, 0.5, 0.9])
def test_a_pull_goes_on_after_a_power_cut(transport, after):
    run = check(
        judged("pull", "power-cut", profile=CELL, settings={"transport": transport}, after=after), "power-cut", 1
    )
    assert [event.operation for event in of(run, RegistrationEnded)] == ["register"] * 3
    assert sum(event.received for event in of(run, TransferEnded)) >= len(PACKAGE)
    assert not [event for event in of(run, ServerSaw) if event.kind == "deregistered"]


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("profile", ["oma", "anjay"])
def test_an_installation_goes_on_after_a_power_cut(management, profile):
    settings = {"management": management, "install_time_s": 10.0, "profile": profile}
    check(judged("pull", "power-cut", profile=CELL, settings=settings, at=Place(STATE, "updating")), "power-cut", 1)


# -- registration ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("after", [0.3, 0.9])
def test_a_transfer_goes_on_while_the_device_leaves_its_server(delivery, management, after):
    run = check(judged(delivery, "deregisters", profile=CELL, settings=over(management), after=after), "deregisters", 1)
    assert [event.kind for event in of(run, ServerSaw)].count("deregistered") == 1
    assert [event.operation for event in of(run, RegistrationEnded)][:3] == ["register", "deregister", "register"]
    assert len(of(run, TransferEnded)) == 1


@pytest.mark.parametrize("state", ["downloading", "downloaded", "updating"])
def test_a_device_may_leave_in_any_state(state):
    settings = {"install_time_s": 20.0}
    run = judged("pull", "deregisters", profile=CELL, settings=settings, at=Place(STATE, state))
    check(run, "deregisters", 1)


# -- consent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("name", ["update-deferred", "battery-low"])
def test_an_update_is_put_off(name, delivery, management):
    run = judged(delivery, name, settings=over(management))
    assert (run.verdict.outcome, run.verdict.state, run.verdict.result) == ("ok", 2, 11)
    assert [each.fault for each in run.struck] == [name]


@pytest.mark.parametrize("name", ["update-deferred", "battery-low"])
def test_an_update_that_was_put_off_is_installed_when_there_is_consent(name):
    run = check(judged("pull", name, lasts=90.0), name, 1)
    [began, ended] = run.struck
    assert ended.t - began.t == pytest.approx(90.0)
    assert ended.detail.startswith(f"{FAULT_OVER} the update may go on")
    assert [event.result for event in of(run, StateChanged)].count(11) == 1


# -- blocks of a push --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("management", MANAGEMENT)
def test_a_push_begins_anew_after_a_4_08(management):
    run = check(judged("push", "push-block-refused", profile=CELL, settings=over(management)), "push-block-refused", 1)
    assert [event.outcome for event in of(run, TransferEnded)] == ["fail", "ok"]
    assert [event.received for event in of(run, TransferEnded)][1] == len(PACKAGE)


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("code", ["4.13", "5.03"])
def test_a_push_that_is_refused_is_given_up(management, code):
    run = judged("push", "push-block-refused", profile=CELL, settings=over(management), code=code)
    check(run, "push-block-refused", 4)
    [step] = [event for event in of(run, OperatorStepEnded) if event.step == "write_package"]
    assert (step.outcome, step.code) == ("fail", code)
    lost = next(event for event in of(run, StateChanged) if event.result == 4)
    assert lost.t - run.struck[0].t == pytest.approx(247, abs=1)


def test_how_long_a_push_is_waited_for_is_told_from_outside():
    kind = SimpleNamespace(kind="push-block-refused", parameters={"code": "4.13"})
    gone = []

    async def work():
        plan = FaultPlan.build(
            [kind],
            package_size=100,
            dice=lambda _name: SmallDice(1),
            struck=lambda *_told: None,
            exchange_lifetime_s=12.5,
        )
        upload = plan.wrap_upload(SimpleNamespace(abandon=gone.append))
        assert upload.write(bytes(60), 0.0) == REQUEST_ENTITY_TOO_LARGE
        await asyncio.sleep(100)

    run_virtual(work())
    assert gone == [12.5]


def test_any_block_can_be_the_one_that_is_refused():
    run = judged("push", "push-block-refused", profile=CELL, at=Place(BLOCK, 3))
    check(run, "push-block-refused", 1)
    assert of(run, TransferEnded)[0].blocks == 2


@pytest.mark.parametrize("at", [Place(BLOCK, 1), Place(BLOCK, 40)])
def test_a_block_that_is_answered_as_another_ends_a_push(at):
    run = check(judged("push", "push-block-misnumbered", profile=CELL, at=at), "push-block-misnumbered", 4)
    [step] = [event for event in of(run, OperatorStepEnded) if event.step == "write_package"]
    assert step.outcome == "unknown"
    lost = next(event for event in of(run, StateChanged) if event.result == 4)
    assert lost.t - run.struck[0].t == pytest.approx(247, abs=1)


# -- notifications -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_the_operator_reads_what_it_is_not_told(delivery, management):
    run = check(
        judged(delivery, "notifications-lost", profile=CELL, settings=over(management)), "notifications-lost", 1
    )
    assert [event for event in of(run, OperatorStepEnded) if event.step == "read"]
    assert len(run.struck) == 1, "one row for what goes on"


def test_some_notifications_get_through():
    check(judged("pull", "notifications-lost", profile=CELL, seed=3, rate=0.5), "notifications-lost", 1)
