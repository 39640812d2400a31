"""What is written down of a fault, and that it strikes when its table says, in whole updates."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from simulator.events import FAULT_OVER, FaultApplied, StateChanged
from simulator.faults.kinds import FaultKind, Parameter
from simulator.faults.plan import FaultPlan
from simulator.faults.strikes import Strikes
from simulator.faults.triggers import Place, When
from simulator.faults.watch import Watch
from simulator.lwm2m.firmware_table import State
from simulator.network.profiles import NetworkProfile
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import update

CELL = NetworkProfile("cell", delay_s=0.05, rate_bps=200_000)
"""A package takes some ten seconds in blocks of 256 bytes."""
PARAMETERS = {
    "room": Parameter("size", "A size."),
    "lasts": Parameter("duration", "A time."),
    "rate": Parameter("share", "A share."),
    "how": Parameter("str", "A word."),
}
KIND = FaultKind("made-up", "flash", "A fault.", lambda _scene: None, parameters=PARAMETERS)


def rows(when, strikes, parameters=None, wait=0.0):
    """The details of what is told by so many strikes, and when."""

    async def work():
        told, loop = [], asyncio.get_running_loop()
        record = Strikes(KIND, parameters or {}, when, lambda *what: told.append((loop.time(), *what)))
        for number in range(strikes):
            record.struck(f"strike {number}")
        await asyncio.sleep(wait)
        assert all(row[1:3] == ("made-up", "flash") for row in told)
        return [(row[0], row[3]) for row in told]

    return run_virtual(work())


@pytest.mark.parametrize(
    ("times", "strikes", "details"),
    [
        (1, 1, ["strike 0"]),
        (1, 5, ["strike 0"]),
        (3, 2, ["strike 0 (3 times)", "strike 1 (3 times)"]),
        (2, 5, ["strike 0 (2 times)", "strike 1 (2 times)", "over: after 2 times (2 times)"]),
        (None, 5, ["strike 0 (repeated)"]),
    ],
)
def test_each_of_a_number_of_strikes_has_a_row_and_what_goes_on_has_one(times, strikes, details):
    assert [detail for _, detail in rows(When(times=times), strikes)] == details


def test_what_heals_has_a_row_when_it_does():
    found = rows(When(times=None, heals=5.0), 3, wait=10.0)
    assert [time for time, _ in found] == [0.0, 5.0]
    assert found[1][1] == f"{FAULT_OVER} healed (repeated, heals after 5 s)"


def test_parameters_are_told_with_their_units():
    given = {"room": 20_480, "lasts": 1.5, "rate": 0.05, "how": "silent"}
    [(_, detail)] = rows(When(Place("share", 0.5)), 1, given)
    assert detail == "strike 0 (room 20480 bytes, lasts 1.5 s, rate 5 %, how silent, 50 %)"


# -- in whole updates --------------------------------------------------------------------------------------------------


def times(end):
    """When the download began, and when it was struck."""
    [struck] = [event.t for event in end.log.events if isinstance(event, FaultApplied)]
    begun = next(e.t for e in end.log.events if isinstance(e, StateChanged) and e.state == State.DOWNLOADING)
    return begun, struck


@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("kind", ["flash-write-error", "out-of-memory"])
def test_a_time_after_the_start_of_the_transfer(kind, delivery):
    end = update(delivery, kind, profile=CELL, at=Place("time", 3.0))
    begun, struck = times(end)
    assert end.result in (2, 3)
    assert 3.0 <= struck - begun <= 3.5


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_time_that_the_transfer_does_not_take_never_comes(delivery):
    end = update(delivery, "flash-write-error", profile=CELL, at=Place("time", 600.0))
    assert (end.result, end.struck) == (1, [])


def test_a_trigger_sees_the_state_of_its_device():
    async def work():
        watch, told = Watch(1000), []
        watch.told = (lambda _device, state: told.append(state),)
        sight = watch.sight(When(Place("state", "updating")))
        assert watch.used
        seen = [sight.state()]
        for state in (State.DOWNLOADING, State.DOWNLOADING, State.DOWNLOADED, State.UPDATING):
            await asyncio.sleep(1)
            watch.changed(SimpleNamespace(), state)
            seen.append(sight.state())
        assert seen == ["idle", "downloading", "downloading", "downloaded", "updating"]
        assert told == ["downloading", "downloaded", "updating"], "an Update Result alone is no change"
        assert sight.started() == 1.0

    run_virtual(work())


def test_nobody_looks_on_where_no_fault_has_to():
    fault = SimpleNamespace(kind="flash-write-error", parameters={})
    plan = FaultPlan.build([fault], package_size=1000, dice=lambda _name: None, struck=lambda *_what: None)
    assert plan._watches == ()
    timed = SimpleNamespace(kind="flash-write-error", parameters={"at": Place("time", 1.0)})
    plan = FaultPlan.build([timed], package_size=1000, dice=lambda _name: None, struck=lambda *_what: None)
    assert len(plan._watches) == 1
