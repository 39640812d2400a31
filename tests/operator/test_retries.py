"""Orders of which nothing came are given again, as often as the campaign allows; and no others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from simulator.operator.driver import Answer, NoAnswerError
from tests.operator.scripted import PATIENCE, RESULT, Device, Rig, order


class Interrupted(Device):
    """The first push is not answered: the device vanishes in the middle of it, and takes the next one."""

    pushes = 0

    async def push(self):
        self.pushes += 1
        self.set(1, 0)
        if self.pushes == 1:
            raise NoAnswerError("nothing was heard")
        await self.download()
        return Answer("2.04")


@pytest.mark.parametrize(("retries", "outcome", "writes"), [(0, "unknown", 1), (1, "ok", 2), (3, "ok", 2)])
def test_a_push_that_was_not_answered_is_written_again(retries, outcome, writes):
    rig = Rig(patience=replace(PATIENCE, retries=retries))
    rig.add(Interrupted, ordered=order("push"))
    assert rig.run()[0].outcome == outcome
    assert len(rig.steps("write_package")) == writes


def test_a_push_whose_answer_alone_is_lost_is_not_written_again():
    class Unheard(Device):
        async def push(self):
            self.set(1, 0)
            await self.download()
            raise NoAnswerError("nothing was heard")

    rig = Rig(patience=replace(PATIENCE, retries=3))
    rig.add(Unheard, ordered=order("push"))
    assert rig.run()[0].outcome == "ok"
    assert len(rig.steps("write_package")) == 1


class Forgetful(Device):
    """A restart in the middle of the first download, over which nothing is kept."""

    async def download(self):
        if self.registrations > 1:
            await super().download()
            return
        await asyncio.sleep(1.0)
        self.state, self.result = 0, 0
        self.register(replaces="1")


@pytest.mark.parametrize(("retries", "outcome", "writes"), [(0, "unknown", 1), (1, "ok", 2)])
def test_what_a_device_forgot_over_a_restart_is_ordered_again(retries, outcome, writes):
    rig = Rig(patience=replace(PATIENCE, retries=retries))
    rig.add(Forgetful)
    assert rig.run()[0].outcome == outcome
    assert len(rig.steps("write_uri")) == writes


def test_a_device_that_registers_anew_and_goes_on_is_left_alone():
    class Renewed(Device):
        async def download(self):
            self.register(replaces="1")
            await super().download()

    rig = Rig(patience=replace(PATIENCE, retries=3))
    rig.add(Renewed)
    assert rig.run()[0].outcome == "ok"
    assert len(rig.steps("write_uri")) == 1


def test_a_failure_between_two_observations_is_not_taken_for_a_device_that_forgot():
    class Corrupt(Device):
        """Its download ends between the observations of Update Result and of State, and no notification comes."""

        async def download(self):
            await asyncio.sleep(1.0)
            self.register(replaces="1")

        async def observe(self, path):
            answer = await super().observe(path)
            if path == RESULT and self.registrations > 1:
                self.state, self.result = 0, 5
            return answer

    rig = Rig(patience=replace(PATIENCE, retries=3))
    rig.add(Corrupt, ordered=order(result=5))
    assert rig.run()[0].outcome == "ok"
    assert len(rig.steps("write_uri")) == 1


def test_no_push_is_written_again_when_the_time_is_over():
    class Deaf(Device):
        async def push(self):
            await asyncio.sleep(1000.0)

    rig = Rig(patience=replace(PATIENCE, retries=1000))
    rig.add(Deaf, ordered=order("push"))
    assert rig.run()[0].outcome == "unknown"
    assert len(rig.steps("write_package")) == PATIENCE.update_s / PATIENCE.request_s
