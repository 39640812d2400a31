"""What a scenario orders beside the update, and the course that it declares: when, and how that is judged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.events import FaultApplied, ServerReported
from simulator.operator.acts import AT_END, Act
from simulator.operator.course import Course
from simulator.operator.driver import DriverError
from tests.operator.scripted import Device, Rig, order

SOUND = Course((0, 1, 2, 3, 0), (0, 1), "2.04", "2.04")


def ordered(do, state, path, value=None, code=None):
    return Act("", state, do, "", Path("nul.bin"), code or ("2.05" if do == "read" else "2.04"), path, value)


def read(state, path, value=None, code=None):
    return ordered("read", state, path, value, code)


def run(*acts, end=(0, 1), delivery="pull", kind=Device, course=None, rig=None, play=None, **tactics):
    rig = rig or Rig(**tactics)
    rig.add(kind, ordered=replace(order(delivery, *end), acts=acts, course=course))
    return rig, rig.run(play)[0]


READS = [
    read(state, path, value)
    for state, pair in ((0, "00"), (1, "10"), (2, "20"), (3, "30"), (AT_END, "01"))
    for path, value in zip(("/5/0/3", "/5/0/5"), pair, strict=True)
]


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_what_is_read_in_each_state(delivery):
    rig, verdict = run(*READS, delivery=delivery)
    assert (verdict.outcome, verdict.reason) == ("ok", "")
    steps = rig.steps("order_read")
    assert [step.outcome for step in steps] == ["ok"] * len(READS)
    assert [step.t for step in steps] == sorted(step.t for step in steps)
    assert rig.of(FaultApplied) == []
    told = [row.value for row in rig.of(ServerReported) if row.source == "read"]
    assert len(told) >= len(READS)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (read(0, "/5/0/3", "1"), "read of /5/0/3 in State 0 gave '0'; declared was '1'"),
        (read(2, "/5/0/5", "8"), "read of /5/0/5 in State 2 gave '0'; declared was '8'"),
        (read(AT_END, "/5/0/3", "2"), "read of /5/0/3 at the end gave '0'; declared was '2'"),
        (read(0, "/5/0/3", code="4.05"), "read of /5/0/3 in State 0 was answered with 2.05; declared was 4.05"),
        (
            ordered("execute", 0, "/5/0/2"),
            "execute of /5/0/2 in State 0 was answered with 4.05; declared was 2.04",
        ),
    ],
)
def test_another_answer_is_a_failure(act, reason):
    _, verdict = run(act)
    assert (verdict.outcome, verdict.reason) == ("fail", reason)


def test_each_is_asked_once():
    rig, verdict = run(
        ordered("write", 0, "/5/0/1", "", "4.05"),  # as the script has it in Idle
        ordered("execute", 0, "/5/0/2", code="4.05"),
        ordered("execute", 2, "/5/0/10"),
        end=(0, 10),
    )
    assert (verdict.outcome, verdict.reason) == ("ok", "")
    assert [len(rig.steps(f"order_{do}")) for do in ("write", "execute")] == [1, 2]
    assert len(rig.driver.times("execute")) == len(rig.driver.times("cancel")) == 1


def test_what_brings_the_device_back_to_idle_ends_the_update():
    rig, verdict = run(ordered("execute", 2, "/5/0/10"), read(AT_END, "/5/0/5", "10"), end=(0, 10))
    assert verdict.outcome == "ok"
    assert rig.driver.times("execute") == []


def test_a_package_is_written_from_the_file():
    rig, verdict = run(ordered("write", 0, "/5/0/0", "\0"), end=(2, 0), execute="never")
    assert len(rig.driver.times("push")) == 1
    assert verdict.state == 2


def test_an_order_without_an_answer_leaves_the_end_unknown():
    class Silent(Device):
        asked = 0

        async def value(self, path):
            if path == "/3/0/3" and not self.asked:
                self.asked = 1
                await asyncio.sleep(60)
            return await super().value(path)

    _, verdict = run(read(0, "/3/0/3"), kind=Silent)
    assert (verdict.outcome, verdict.reason) == ("unknown", "read of /3/0/3 in State 0 had no answer: no answer")


def test_why_an_order_had_no_answer_is_told_before_what_came_of_that():
    class Stuck(Device):
        async def value(self, path):
            if path == "/3/0/3":
                raise DriverError("no such value")
            return await super().value(path)

        async def download(self):
            await asyncio.sleep(1e6)

    _, verdict = run(read(0, "/3/0/3"), kind=Stuck)
    assert (verdict.outcome, verdict.reason) == ("unknown", "read of /3/0/3 in State 0 had no answer: no such value")


def test_an_order_for_a_state_that_never_came_is_a_failure():
    _, verdict = run(read(3, "/5/0/3", "3"), kind=lambda *args: Device(*args, after_download=(0, 5)), end=(0, 5))
    assert verdict.outcome == "fail"
    assert verdict.reason == ("read of /5/0/3 in State 3 was never asked: the server did not tell that State in time")


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_an_update_that_nobody_executes(delivery):
    rig, verdict = run(end=(2, 0), delivery=delivery, course=Course((0, 1, 2), (0,), "2.04"), execute="never")
    assert (verdict.outcome, verdict.state, verdict.result) == ("ok", 2, 0)
    assert rig.driver.times("execute") == []


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_the_course_of_an_update_that_goes_well(delivery):
    _, verdict = run(delivery=delivery, course=SOUND)
    assert (verdict.outcome, verdict.reason) == ("ok", "")


@pytest.mark.parametrize(
    ("course", "reason"),
    [
        (Course(states=(0, 1, 2, 0)), "the server told State 0, 1, 2, 3, 0; declared was 0, 1, 2, 0"),
        (Course(results=(0,)), "the server told Update Result 0, 1; declared was 0"),
        (Course(write="2.05"), "Write of Package URI was answered with 2.04; declared was 2.05"),
        (Course(execute="4.05"), "Execute of Update was answered with 2.04; declared was 4.05"),
    ],
)
def test_another_course_is_a_failure(course, reason):
    _, verdict = run(course=course)
    assert (verdict.outcome, verdict.reason) == ("fail", reason)


def test_a_state_that_the_server_missed_is_missing_in_the_course():
    class Deaf(Device):
        def notify(self, path, value):
            if value != 3:
                super().notify(path, value)

    _, verdict = run(kind=Deaf, course=SOUND)
    assert verdict.reason == "the server told State 0, 1, 2, 0; declared was 0, 1, 2, 3, 0"


def test_a_wrong_end_is_told_before_a_wrong_course():
    _, verdict = run(kind=lambda *args: Device(*args, after_install=(2, 8)), course=SOUND)
    assert verdict.reason == "ended in State 2, Result 8; declared were 0, 1"


def test_nothing_is_kept_where_no_course_is_declared():
    rig, _ = run()
    assert [watch.told for watch in rig.campaign.watches.values()] == [None]
