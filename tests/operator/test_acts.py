"""What the operator does in the middle of an update: when it does it, and how that is judged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.events import FaultApplied
from simulator.operator.acts import Act
from simulator.operator.driver import Answer
from tests.operator.scripted import RESULT, Device, Rig, order


def act(do, state, code="2.04", uri=""):
    return Act("made-up", state, do, uri, Path("good.bin"), code)


def run(*acts, end=(0, 1), delivery="pull", kind=Device, **tactics):
    rig = Rig(**tactics)
    rig.add(kind, ordered=replace(order(delivery, *end), acts=acts))
    return rig, rig.run()[0]


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize(("do", "result"), [("cancel", 10), ("uri", 0)])
def test_what_ends_an_update_is_its_end(do, result, state):
    rig, verdict = run(act(do, state), end=(0, result))
    assert (verdict.outcome, verdict.state, verdict.result) == ("ok", 0, result)
    assert rig.driver.times("execute") == []
    assert verdict.t < 2
    [struck] = rig.of(FaultApplied)
    assert (struck.fault, struck.seam, struck.detail) == ("made-up", "order", f"{do} in State {state}: 2.04")


@pytest.mark.parametrize("state", [0, 3])
def test_what_is_refused_changes_nothing(state):
    rig, verdict = run(act("cancel", state, "4.05"), kind=Device)
    assert (verdict.outcome, verdict.result) == ("ok", 1)
    [struck] = rig.of(FaultApplied)
    assert struck.detail == f"cancel in State {state}: 4.05"


def test_after_an_order_that_restarts_a_device_the_write_waits_for_the_new_observations():
    class Restarts(Device):
        async def observe(self, path):
            answer = await super().observe(path)
            await asyncio.sleep(0.5)
            return answer

        async def cancel(self):
            self.result = 5
            self.register()
            return Answer("4.05")

    rig, verdict = run(act("cancel", 0, "4.05"), kind=Restarts)
    # The Update Result that it brought along is not that of the order.
    assert "5" in rig.told(RESULT)
    assert (verdict.outcome, verdict.reason) == ("ok", "")


@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("state", [0, 1])
def test_an_update_too_soon_is_refused_and_the_update_goes_on(state, delivery):
    rig, verdict = run(act("update", state, "4.05"), delivery=delivery)
    assert (verdict.outcome, verdict.result) == ("ok", 1)
    assert len(rig.driver.times("execute")) == 2
    assert len(rig.of(FaultApplied)) == 1


def test_another_answer_than_the_declared_one_is_a_failure():
    _, verdict = run(act("cancel", 0, "2.04"))
    assert verdict.outcome == "fail"
    assert verdict.reason == "cancel in State 0 was answered with 4.05; declared was 2.04"


def test_a_cancel_that_came_too_late_is_a_failure_of_the_declared_end():
    class Quick(Device):
        async def write(self):
            self.set(2, 0)
            return await super().value("/5/0/3")

    rig, verdict = run(act("cancel", 1), end=(0, 10), kind=Quick)
    assert verdict.outcome == "fail"
    assert rig.of(FaultApplied) == []


@pytest.mark.parametrize(("delivery", "detail"), [("pull", "coap://127.0.0.1:5683/good.bin"), ("push", "good.bin")])
def test_what_is_wrong_with_an_order_is_written_down(delivery, detail):
    rig = Rig()
    rig.add(ordered=replace(order(delivery), fault="made-up"))
    assert rig.run()[0].outcome == "ok"
    assert [(row.fault, row.seam, row.detail) for row in rig.of(FaultApplied)] == [("made-up", "order", detail)]


def test_several_acts_each_in_its_state():
    rig, verdict = run(act("cancel", 0, "4.05"), act("update", 1, "4.05"), act("cancel", 2), end=(0, 10))
    assert (verdict.outcome, verdict.result) == ("ok", 10)
    assert len(rig.of(FaultApplied)) == 3


def test_nothing_is_asked_after_the_end():
    rig, verdict = run(act("cancel", 2), act("update", 2, "4.05"), act("uri", 2), end=(0, 10))
    assert (verdict.outcome, verdict.result) == ("ok", 10)
    assert [row.detail for row in rig.of(FaultApplied)] == ["cancel in State 2: 2.04"]
