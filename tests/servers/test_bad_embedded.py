"""An embedded server that loses datagrams, is slow, restarts, numbers blocks wrongly, does not read a hint: over each
transport, with the defect and without it."""

from __future__ import annotations

import asyncio
import json

import pytest

from simulator.events import FaultApplied, OperatorStepEnded, RegistrationEnded, ServerSaw, StateChanged
from simulator.faults.triggers import BLOCK, Place
from simulator.servers.embedded.chaos import server_with
from tests.faults import faulty_device, ordered
from tests.faults.ordered import CELL, judged

MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]
DATAGRAMS = ["coap", "coaps"]


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


@pytest.fixture
def bad(monkeypatch):
    """Runs an update of a device under a server with defects; without any where there is no setting."""

    def update(delivery, management, *, fault="", settings=None, parameters=None, **chaos):
        acts = []

        def make(now, on_event):
            later = asyncio.get_running_loop().call_later
            return server_with(json.dumps(chaos) if chaos else "", now, on_event, acts.append, later)

        monkeypatch.setattr(faulty_device, "LwM2mServer", make)
        given = {"management": management, "transport": management, **(settings or {})}
        run = judged(delivery, fault, profile=CELL, settings=given, **(parameters or {}))
        return run, acts

    return update


@pytest.mark.parametrize("management", MANAGEMENT)
def test_a_sound_server_does_nothing_wrong(bad, management):
    run, acts = bad("push", management)
    assert run.verdict.outcome == "ok"
    assert acts == []


@pytest.mark.parametrize("management", DATAGRAMS)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_lost_datagrams_are_sent_again(bad, delivery, management):
    run, acts = bad(delivery, management, drops=0.1)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [act.act for act in acts] == ["drops"], "one row for what goes on"


@pytest.mark.parametrize("management", DATAGRAMS)
def test_a_server_that_hears_nothing_any_more_is_registered_at_in_vain(bad, management):
    run, _ = bad("pull", management, settings={"lifetime_s": 60.0}, drops=1.0)
    assert run.verdict.outcome == "unknown"
    later = of(run, RegistrationEnded)[1:]
    assert later
    assert {event.outcome for event in later} <= {"unknown"}


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_slow_server_gets_there(bad, delivery, management):
    run, acts = bad(delivery, management, slow_by=7.0)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    steps = [event for event in of(run, OperatorStepEnded) if event.step.startswith(("write", "observe", "execute"))]
    assert all(event.t - event.started >= 7.0 for event in steps)
    assert [act.act for act in acts] == ["slow_by"], "one row for what goes on"


@pytest.mark.parametrize("management", MANAGEMENT)
def test_a_server_that_restarts_has_forgotten_everybody(bad, management):
    settings = {"lifetime_s": 40.0, "install_time_s": 60.0}
    run, acts = bad("pull", management, settings=settings, restarts_after=5.0)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert [act.act for act in acts] == ["restarts_after"]
    registrations = of(run, RegistrationEnded)
    lost = [event for event in registrations if event.code == "4.04"]
    # Over a stream the device learns of it by the end of its connection, over datagrams by its next Update.
    assert bool(lost) == (management in DATAGRAMS)
    assert [event.operation for event in registrations].count("register") == 3
    assert [event.kind for event in of(run, ServerSaw)].count("registered") == 3


@pytest.mark.parametrize("management", DATAGRAMS)
def test_blocks_with_wrong_numbers_are_refused_until_the_server_has_enough(bad, management):
    run, acts = bad("push", management, skips_block=True)
    assert [act.act for act in acts] == ["skips_block"]
    [step] = [event for event in of(run, OperatorStepEnded) if event.step == "write_package"]
    assert (step.outcome, step.code) == ("fail", "4.08")
    assert (run.verdict.state, run.verdict.result) == (0, 4)
    assert [event.state for event in of(run, StateChanged)].count(2) == 0


@pytest.mark.parametrize("management", DATAGRAMS)
@pytest.mark.parametrize("ignores", [False, True])
def test_a_hint_at_smaller_blocks_is_read_or_not(bad, ignores, management, monkeypatch):
    monkeypatch.setattr(ordered, "declared_end", lambda *_: (0, 1))
    chaos = {"ignores_413": True} if ignores else {}
    refusal = {"code": "4.13", "at": Place(BLOCK, 1)}
    settings = {"block_size": 128}
    run, acts = bad("push", management, fault="push-block-refused", settings=settings, parameters=refusal, **chaos)
    assert [event.fault for event in of(run, FaultApplied)] == ["push-block-refused"]
    assert [act.act for act in acts] == ["ignores_413"] * ignores
    assert (run.verdict.outcome, run.verdict.result) == (("fail", 4) if ignores else ("ok", 1))


@pytest.mark.parametrize("management", DATAGRAMS)
@pytest.mark.parametrize("ignores", [False, True])
def test_a_push_begins_anew_after_a_408_or_not(bad, ignores, management, monkeypatch):
    monkeypatch.setattr(ordered, "declared_end", lambda *_: (0, 1))
    chaos = {"ignores_408": True} if ignores else {}
    refusal = {"code": "4.08", "at": Place(BLOCK, 5)}
    run, acts = bad("push", management, fault="push-block-refused", parameters=refusal, **chaos)
    assert [act.act for act in acts] == ["ignores_408"] * ignores
    assert (run.verdict.outcome, run.verdict.result) == (("fail", 4) if ignores else ("ok", 1))


def test_it_meets_the_share_of_the_devices_that_it_should(bad):
    run, acts = bad("push", "coap", share=0.0, drops=1.0, skips_block=True, slow_by=5.0, restarts_after=1.0)
    assert run.verdict.outcome == "ok"
    assert acts == []
