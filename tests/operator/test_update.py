"""One update against a scripted server: every way in which it can end, and what it costs to find out."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from simulator.events import OperatorStepEnded
from simulator.operator.driver import Answer, DriverError, NoAnswerError, Notified, UnknownEndpointError
from simulator.operator.requests import Patience
from tests.operator.scripted import RESULT, STATE, VERSION, Device, Rig, order


def test_a_good_pull():
    rig = Rig()
    rig.add()
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.state, verdict.result, verdict.version) == ("ok", 0, 1, "2.0.0")
    assert verdict.reason == ""
    assert verdict.due == 0.0
    assert 0.0 < verdict.started < verdict.t
    assert rig.driver.times("push") == []
    # The first observations, the download, the installation, then the observations after the reboot.
    assert rig.told(STATE)[:4] == ["0", "1", "2", "3"]
    assert {step.outcome for step in rig.of(OperatorStepEnded)} == {"ok"}


def test_a_good_push():
    rig = Rig()
    rig.add(ordered=order("push"))
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.delivery) == ("ok", "push")
    assert rig.driver.times("write") == []
    assert [step.code for step in rig.steps("write_package")] == ["2.04"]


def test_the_write_waits_for_the_observations():
    class Slow(Device):
        async def observe(self, path):
            await asyncio.sleep(1.0)
            return await super().observe(path)

    rig = Rig()
    rig.add(Slow)
    assert rig.run()[0].outcome == "ok"
    assert rig.driver.times("write")[0] > 2.0
    assert rig.told(STATE)[:4] == ["0", "1", "2", "3"]


def test_observations_that_cannot_be_had_do_not_stop_an_update():
    class Blind(Device):
        async def observe(self, path):
            return Answer("4.05")

    rig = Rig()
    rig.add(Blind)
    assert rig.run()[0].outcome == "ok"
    assert {step.outcome for step in rig.steps("observe")} == {"fail"}


@pytest.mark.parametrize("result", [2, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("notifies", [True, False])
def test_a_failure_of_the_download_that_was_declared_is_ok(delivery, result, notifies):
    rig = Rig()
    rig.add(ordered=order(delivery, 0, result), after_download=(0, result), notifies=notifies)
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.state, verdict.result) == ("ok", 0, result)
    assert rig.driver.times("execute") == []
    # Missed notifications cost a poll interval and no more.
    assert verdict.t < (2.0 if notifies else 1.0 + 2 * rig.patience.poll_s)


@pytest.mark.parametrize(("state", "result"), [(2, 8), (0, 8), (0, 5), (0, 2)])
@pytest.mark.parametrize("notifies", [True, False])
def test_a_failure_of_the_installation_that_was_declared_is_ok(state, result, notifies):
    rig = Rig()
    rig.add(ordered=order("pull", state, result), after_install=(state, result), notifies=notifies)
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.state, verdict.result) == ("ok", state, result)
    assert len(rig.driver.times("execute")) == 1


def test_a_deferral_is_an_end_only_where_it_was_declared():
    rig = Rig()
    rig.add(ordered=order("pull", 2, 11), after_install=(2, 11))
    rig.add(after_install=(2, 11))
    verdicts = rig.run()
    assert verdicts[0].outcome == "ok"
    assert verdicts[1].outcome == "unknown"
    assert verdicts[1].t >= rig.patience.update_s


@pytest.mark.parametrize("result", [2, 5, 6, 9])
def test_a_refused_write_may_leave_a_result_behind(result):
    class Refuses(Device):
        async def write(self):
            self.set(0, result)
            return Answer("4.00")

    rig = Rig()
    rig.add(Refuses, ordered=order("pull", 0, result), notifies=False)
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.result) == ("ok", result)
    assert verdict.t < rig.patience.poll_s, "a refusal is no reason to wait"
    assert [step.outcome for step in rig.steps("write_uri")] == ["fail"]


def test_a_refused_write_without_a_result_is_judged_at_once():
    class Refuses(Device):
        async def write(self):
            return Answer("4.01")

    rig = Rig()
    rig.add(Refuses)
    verdict = rig.run()[0]
    assert verdict.outcome == "fail"
    assert verdict.reason == (
        "ended in State 0, Result 0; declared were 0, 1; Write of Package URI was refused with 4.01"
    )
    assert verdict.t < rig.patience.poll_s


def test_the_refusal_of_a_repeated_write_is_no_end():
    class Repeated(Device):
        async def write(self):
            await super().write()
            return Answer("4.00")

    rig = Rig()
    rig.add(Repeated)
    assert rig.run()[0].outcome == "ok"


def test_a_success_that_was_declared_a_failure_is_a_failure():
    rig = Rig()
    rig.add(ordered=order("pull", 0, 5))
    verdict = rig.run()[0]
    assert verdict.outcome == "fail"
    assert verdict.reason == "ended in State 0, Result 1; declared were 0, 5"


def test_result_1_with_the_old_version_is_a_failure():
    rig = Rig()
    rig.add(ordered=order(version="3.0.0"))
    verdict = rig.run()[0]
    assert verdict.outcome == "fail"
    assert verdict.reason == "Result 1, but Firmware Version is '2.0.0' and not '3.0.0'"


def test_missed_notifications_are_made_good_by_reads():
    rig = Rig()
    rig.add(notifies=False)
    verdict = rig.run()[0]
    assert verdict.outcome == "ok"
    assert len(rig.steps("read")) > 3
    assert verdict.t < 4 * rig.patience.poll_s


def test_polls_become_rarer_the_longer_nothing_happens():
    """A thousand slow downloads must not be a load of their own."""
    rig = Rig(patience=Patience(update_s=1000.0, request_s=5.0, poll_s=4.0))
    rig.add(download_s=900.0)
    assert rig.run()[0].outcome == "ok"
    reads = [step.started for step in rig.steps("read")][::2]
    gaps = [round(later - earlier) for earlier, later in pairwise(reads)]
    assert gaps[:4] == [8, 16, 32, 32]
    assert set(gaps[2:20]) == {32}


def test_notifications_out_of_order():
    class Shuffled(Device):
        async def download(self):
            await asyncio.sleep(1.0)
            self.state = 2
            for state in (2, 1, 2):
                self.notify(STATE, state)

    rig = Rig()
    rig.add(Shuffled)
    assert rig.run()[0].outcome == "ok"
    assert rig.told(STATE)[1:5] == ["1", "2", "1", "2"]


def test_an_old_state_that_comes_last_does_not_hide_the_new_one():
    class Late(Device):
        async def download(self):
            await asyncio.sleep(1.0)
            self.state = 2
            self.notify(STATE, 2)
            self.notify(STATE, 1)

    rig = Rig()
    rig.add(Late)
    assert rig.run()[0].outcome == "ok"


def test_a_lost_answer_of_execute_that_did_work():
    class Lost(Device):
        async def execute(self):
            await super().execute()
            raise NoAnswerError("lost")

    rig = Rig()
    rig.add(Lost)
    assert rig.run()[0].outcome == "ok"
    assert [step.outcome for step in rig.steps("execute")] == ["unknown"]


def test_an_execute_that_is_refused_because_it_was_done_already():
    """The answer was lost, the server said it again, and by then the new firmware runs."""

    class Again(Device):
        async def execute(self):
            if self.registrations == 1:
                await super().execute()
                await asyncio.sleep(3.0)
            return Answer("4.05")

    rig = Rig()
    rig.add(Again)
    assert rig.run()[0].outcome == "ok"
    assert [step.code for step in rig.steps("execute")] == ["4.05"]


def test_an_execute_that_is_refused_while_it_works():
    class Again(Device):
        async def execute(self):
            await super().execute()
            return Answer("4.05")

    rig = Rig()
    rig.add(Again, install_s=10.0)
    assert rig.run()[0].outcome == "ok"


def test_an_execute_that_is_refused_for_good():
    class Refuses(Device):
        async def execute(self):
            return Answer("4.05")

    rig = Rig()
    rig.add(Refuses)
    verdict = rig.run()[0]
    assert verdict.outcome == "fail"
    assert verdict.reason == "ended in State 2, Result 0; declared were 0, 1; Execute of Update was refused with 4.05"
    assert verdict.t < rig.patience.update_s


def test_a_write_that_got_no_answer_and_did_nothing_is_unknown_in_time():
    class Deaf(Device):
        async def write(self):
            raise NoAnswerError("no answer")

    rig = Rig()
    rig.add(Deaf)
    verdict = rig.run()[0]
    assert verdict.outcome == "unknown"
    assert verdict.reason == "wait_downloaded: not reached in time; the server last told State 0, Result 0"
    assert rig.patience.update_s <= verdict.t < rig.patience.update_s + 5 * rig.patience.request_s


def test_a_device_that_falls_silent_is_unknown_and_costs_a_bounded_time():
    rig = Rig()
    device = rig.add(download_s=1e6)

    async def play(rig):
        device.register()
        await asyncio.sleep(5.0)
        rig.driver.mute.add(device.endpoint)

    verdict = rig.run(play)[0]
    assert verdict.outcome == "unknown"
    assert verdict.state == 1
    assert verdict.t < rig.patience.update_s + 5 * rig.patience.request_s


def test_the_last_read_counts():
    """The notification is lost, and the time is over before the next poll: one more read finds the end."""

    class Silent(Device):
        async def download(self):
            await asyncio.sleep(59.0)
            self.set(0, 7)

    rig = Rig()
    rig.add(Silent, ordered=order("pull", 0, 7), notifies=False)
    assert rig.run()[0].outcome == "ok"


def test_a_device_that_registers_anew_in_the_middle_of_the_download():
    rig = Rig()
    device = rig.add(download_s=3.0)

    async def play(rig):
        device.register()
        await asyncio.sleep(2.0)
        device.register(replaces="1")

    assert rig.run(play)[0].outcome == "ok"
    assert len(rig.steps("observe")) == 6, "observed again after each of three registrations"
    assert rig.told(STATE) == ["0", "1", "1", "2", "3", "0", "0"]


def test_an_order_to_a_device_that_is_just_not_registered_is_given_again():
    rig = Rig()
    device = rig.add()

    async def play(rig):
        device.register()
        await asyncio.sleep(0.015)  # between the two observations
        device.registered = False
        await asyncio.sleep(10.0)
        device.register()

    assert rig.run(play)[0].outcome == "ok"
    assert [step.outcome for step in rig.steps("write_uri")] == ["fail", "ok"]


def test_an_order_to_a_device_that_never_registers_again():
    rig = Rig()
    device = rig.add()

    async def play(rig):
        device.register()
        await asyncio.sleep(0.015)
        device.registered = False

    verdict = rig.run(play)[0]
    assert verdict.outcome == "unknown"
    assert verdict.reason == "write_uri: the device is not registered at the server"
    assert rig.patience.update_s <= verdict.t < rig.patience.update_s + rig.patience.request_s


def test_the_end_is_read_again_from_a_device_that_is_rebooting():
    """It tells the failure, and only then reboots into the old firmware."""

    class Reboots(Device):
        async def install(self):
            await asyncio.sleep(1.0)
            self.set(0, 8)
            self.registered = False
            await asyncio.sleep(6.0)
            self.register()

    rig = Rig()
    rig.add(Reboots, ordered=order("pull", 0, 8))
    verdict = rig.run()[0]
    assert (verdict.outcome, verdict.version) == ("ok", "1.0.0")


def test_a_device_that_will_not_tell_its_version_is_unknown():
    class Secretive(Device):
        async def value(self, path):
            return Answer("4.04") if path == VERSION else await super().value(path)

    rig = Rig()
    rig.add(Secretive)
    verdict = rig.run()[0]
    assert verdict.outcome == "unknown"
    assert verdict.reason == "the end could not be read: /3/0/3 was answered with 4.04"
    assert verdict.t < rig.patience.update_s


def test_a_push_has_the_time_of_one_request():
    rig = Rig()
    rig.add(ordered=order("push"), download_s=rig.patience.request_s + 1.0)
    rig.run()
    step = rig.steps("write_package")[0]
    assert step.outcome == "unknown"
    assert step.t - step.started == pytest.approx(rig.patience.request_s, abs=0.1)


@pytest.mark.parametrize("error", [DriverError("the server is gone"), UnknownEndpointError("nobody")])
def test_a_server_that_is_gone_leaves_everything_unknown(error):
    rig = Rig()
    for _ in range(3):
        rig.add(download_s=1e6)

    async def play(rig):
        for device in rig.driver.devices.values():
            device.register()
        await asyncio.sleep(5.0)
        rig.driver.error = error

    verdicts = rig.run(play)
    assert {verdict.outcome for verdict in verdicts.values()} == {"unknown"}
    assert max(verdict.t for verdict in verdicts.values()) < rig.patience.update_s + 2.0


@pytest.mark.parametrize("value", ["", "--5", "\uff11", "9" * 5000, "0x1", "1.5", "\ud800", "-", "NaN"])
def test_values_that_are_no_numbers_are_recorded_and_otherwise_ignored(value):
    rig = Rig()
    device = rig.add(download_s=2.0)

    async def play(rig):
        device.register()
        await asyncio.sleep(1.0)
        for path in (STATE, RESULT):
            rig.driver.on_event(Notified(device.endpoint, path, value))

    assert rig.run(play)[0].outcome == "ok"
    assert value in rig.told(STATE)


def test_requests_under_way_at_once_are_limited():
    rig = Rig(max_in_flight=3)
    for _ in range(30):
        rig.add()
    assert {verdict.outcome for verdict in rig.run().values()} == {"ok"}
    assert rig.driver.busiest == 3
