"""The campaign in virtual time: whom it updates when, what it records, and that it always ends."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.events import ServerReported, ServerSaw
from simulator.operator.campaign import CUT_SHORT
from simulator.operator.driver import Answer, Deregistered, DriverError, NoAnswerError, Notified, NotifyFailed, Updated
from simulator.operator.requests import Patience
from tests.operator.scripted import STATE, Device, Rig, order


def register_every(seconds):
    async def play(rig):
        for device in rig.driver.devices.values():
            device.register()
            await asyncio.sleep(seconds)

    return play


def endpoints(rig, what):
    return [endpoint for _, name, endpoint in rig.driver.calls if name == what]


# -- when ------------------------------------------------------------------------------------------------------------


def test_each_device_is_updated_when_it_has_registered():
    rig = Rig()
    for _ in range(5):
        rig.add()
    verdicts = rig.run(register_every(6.0))
    assert [verdicts[k].due for k in range(5)] == [0.0, 6.0, 12.0, 18.0, 24.0]
    assert all(0 < verdicts[k].started - verdicts[k].due < 0.1 for k in range(5))


def test_all_wait_until_all_have_registered():
    rig = Rig(start="all-registered")
    for _ in range(3):
        rig.add()
    verdicts = rig.run(register_every(5.0))
    assert [verdicts[k].due for k in range(3)] == [10.0] * 3
    assert min(rig.driver.times("write")) >= 10.0


def test_all_that_have_registered_start_without_the_one_that_does_not():
    rig = Rig(start="all-registered")
    devices = [rig.add() for _ in range(3)]

    async def play(_rig):
        for device in devices[:2]:
            device.register()

    verdicts = rig.run(play)
    assert [verdicts[k].outcome for k in range(3)] == ["ok", "ok", "unknown"]
    assert verdicts[0].due == pytest.approx(rig.tactics.registration_timeout_s)


def test_a_campaign_after_some_seconds():
    rig = Rig(start="after", start_after_s=7.0)
    rig.add()
    late = rig.add()

    async def play(rig):
        rig.driver.devices["ep-0"].register()
        await asyncio.sleep(9.0)
        late.register()

    verdicts = rig.run(play)
    assert (verdicts[0].due, verdicts[1].due) == (7.0, 9.0)
    assert min(rig.driver.times("write")) >= 7.0


def test_a_device_that_never_registers():
    rig = Rig()
    rig.add()

    async def nobody(_rig):
        pass

    verdict = rig.run(nobody)[0]
    assert (verdict.outcome, verdict.started) == ("unknown", -1)
    assert verdict.reason == "the device never appeared at the server"
    assert rig.ended_at == pytest.approx(rig.tactics.registration_timeout_s)
    assert rig.driver.calls == []


# -- how many --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 3, 7])
def test_no_more_updates_are_open_than_allowed(concurrency):
    open_now, most = set(), 0

    class Counted(Device):
        async def write(self):
            nonlocal most
            open_now.add(self.endpoint)
            most = max(most, len(open_now))
            return await super().write()

        async def value(self, path):
            if path == "/3/0/3":
                open_now.discard(self.endpoint)
            return await super().value(path)

    rig = Rig(concurrency=concurrency)
    for _ in range(10):
        rig.add(Counted)
    assert {verdict.outcome for verdict in rig.run().values()} == {"ok"}
    assert most == concurrency


@pytest.mark.parametrize("concurrency", [1, 2, 100])
def test_nothing_is_executed_before_all_have_downloaded(concurrency):
    rig = Rig(execute="all-downloaded", concurrency=concurrency)
    for k in range(6):
        rig.add(download_s=1.0 + k)
    rig.add(ordered=order("pull", 0, 4), after_download=(0, 4))
    never = rig.add(Device)

    async def play(rig):
        for device in rig.driver.devices.values():
            if device is not never:
                device.register()

    verdicts = rig.run(play)
    assert [verdicts[k].outcome for k in range(8)] == ["ok"] * 7 + ["unknown"]
    assert min(rig.driver.times("execute")) > max(rig.driver.times("write"))
    assert min(rig.driver.times("execute")) >= rig.tactics.registration_timeout_s


def test_a_wait_for_all_does_not_use_up_the_time_of_an_update():
    rig = Rig(execute="all-downloaded", patience=Patience(update_s=20.0, request_s=5.0, poll_s=4.0))
    rig.add()
    late = rig.add(download_s=18.0)

    async def play(rig):
        rig.driver.devices["ep-0"].register()
        await asyncio.sleep(25.0)
        late.register()

    assert {verdict.outcome for verdict in rig.run(play).values()} == {"ok"}


def test_execute_after_a_delay_that_is_longer_than_an_update():
    rig = Rig(execute="delay", execute_delay_s=100.0)
    rig.add()
    assert rig.run()[0].outcome == "ok"
    assert rig.driver.times("execute")[0] - rig.driver.times("write")[0] > 100.0


def test_the_rate_of_starts():
    rig = Rig(rate=4.0)
    for _ in range(9):
        rig.add()
    rig.run()
    writes = rig.driver.times("write")
    # The first of them still wait for their observations.
    assert [t - writes[0] for t in writes] == pytest.approx([k / 4 for k in range(9)], abs=0.03)


def test_the_order_of_the_targets_is_the_order_of_the_updates():
    rig = Rig(start="all-registered", concurrency=1)
    for _ in range(8):
        rig.add()
    random.Random(5).shuffle(rig.targets)
    rig.run()
    assert endpoints(rig, "write") == [target.endpoint for target in rig.targets]
    assert endpoints(rig, "write") != sorted(endpoints(rig, "write"))


# -- what it records ---------------------------------------------------------------------------------------------------


def test_what_the_server_tells_is_recorded():
    rig = Rig()
    device = rig.add(ordered=None)

    async def play(rig):
        device.register()
        device.register(replaces="1")
        for event in (
            Updated("ep-0", "2"),
            Notified("ep-0", STATE, "1"),
            NotifyFailed("ep-0", STATE, "gone"),
            Deregistered("ep-0", "2", "expired"),
            Notified("a stranger", STATE, "1"),
        ):
            rig.driver.on_event(event)
        await asyncio.sleep(1.0)

    rig.run(play, cut_after=2.0)
    assert [(row.kind, row.cause) for row in rig.of(ServerSaw)] == [
        ("registered", ""),
        ("registered", "replaced"),
        ("updated", ""),
        ("deregistered", "expired"),
    ]
    assert [row.value for row in rig.of(ServerReported) if row.source == "notify"] == ["1"]


def test_a_device_without_an_order_is_watched_and_never_ordered():
    rig = Rig()
    rig.add()
    rig.add(ordered=None)
    assert set(rig.run()) == {0}
    assert endpoints(rig, "write") == ["ep-0"]
    assert endpoints(rig, "observe").count("ep-1") == 2


def test_a_campaign_without_targets_ends_at_once():
    rig = Rig()
    rig.add(ordered=None)
    assert rig.run() == {}
    assert rig.ended_at == 0.0


def test_progress_counts():
    rig = Rig()
    rig.add()
    rig.add(ordered=order("pull", 0, 4))
    rig.add(after_download=(0, 4))
    rig.run()
    progress = rig.campaign.progress
    assert (progress.targets, progress.registered, progress.started, progress.downloaded) == (3, 3, 3, 2)
    assert (progress.ok, progress.fail, progress.unknown) == (1, 2, 0)


# -- ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 0.5, 1.02, 1.5, 2.2, 2.6])
@pytest.mark.parametrize("execute", ["downloaded", "all-downloaded"])
def test_a_campaign_cut_short_leaves_what_is_open_unknown(seconds, execute):
    rig = Rig(execute=execute, concurrency=2)
    for _ in range(4):
        rig.add()
    verdicts = rig.run(cut_after=seconds)
    assert rig.ended_at == pytest.approx(seconds)
    assert {verdict.reason for verdict in verdicts.values() if verdict.outcome == "unknown"} == {CUT_SHORT}
    assert {verdict.outcome for verdict in verdicts.values()} <= {"ok", "unknown"}
    assert all(verdict.started < verdict.t for verdict in verdicts.values())


@pytest.mark.expected_warnings("the update of ep-1 failed")
@pytest.mark.parametrize("execute", ["downloaded", "all-downloaded"])
def test_an_error_in_one_update_does_not_take_the_others_with_it(execute):
    class Broken(Device):
        async def write(self):
            raise ZeroDivisionError("a fault of the driver")

    rig = Rig(execute=execute)
    rig.add()
    rig.add(Broken)
    rig.add()
    verdicts = rig.run()
    assert [verdicts[k].outcome for k in range(3)] == ["ok", "unknown", "ok"]
    assert verdicts[1].reason == "the operator failed: ZeroDivisionError: a fault of the driver"


@pytest.mark.expected_warnings("a device could not be observed")
def test_an_error_while_observing_costs_the_observation_only():
    class Broken(Device):
        async def observe(self, path):
            raise ZeroDivisionError("a fault of the driver")

    rig = Rig()
    rig.add(Broken)
    assert rig.run()[0].outcome == "ok"


class Chaotic(Device):
    """Does at every step one of the things that devices do, drawn from its own dice."""

    dice: random.Random

    async def mishap(self):
        fate = self.dice.randrange(8)
        if fate == 0:
            raise NoAnswerError("lost")
        if fate == 1:
            raise DriverError("the server stumbled")
        if fate == 2:
            await asyncio.sleep(1e6)
        if fate == 3:
            self.register(replaces=str(self.registrations))
        if fate == 4:
            self.registered = False
        if fate == 5:
            self.set(self.dice.randrange(4), self.dice.randrange(12))

    async def value(self, path):
        await self.mishap()
        return Answer("4.04") if self.dice.random() < 0.1 else await super().value(path)

    async def write(self):
        await self.mishap()
        return await super().write()

    async def push(self):
        await self.mishap()
        return await super().push()

    async def execute(self):
        await self.mishap()
        return await super().execute()

    async def download(self):
        await asyncio.sleep(self.dice.random() * 20)
        self.set(*self.after_download)


@given(
    seed=st.integers(0, 2**32),
    execute=st.sampled_from(["downloaded", "all-downloaded", "delay"]),
    start=st.sampled_from(["registered", "all-registered", "after"]),
    concurrency=st.integers(1, 4),
    rate=st.sampled_from([0.0, 0.5]),
)
def test_whatever_devices_do_each_target_gets_one_verdict_in_bounded_time(seed, execute, start, concurrency, rate):
    dice = random.Random(seed)
    rig = Rig(execute=execute, start=start, start_after_s=2.0, concurrency=concurrency, rate=rate, execute_delay_s=3.0)
    for _ in range(5):
        device = rig.add(
            Chaotic,
            ordered=order(dice.choice(["pull", "push"])),
            notifies=dice.random() < 0.8,
            after_download=dice.choice([(2, 0), (2, 0), (0, 4)]),
            after_install=dice.choice([(0, 1), (2, 8)]),
        )
        device.dice = random.Random(dice.getrandbits(32))
    rig.run(register_every(dice.random() * 15))
    # Two full stretches of an update, and the last requests, for each that may have had to wait for a slot.
    one = 2 * (rig.patience.update_s + 8 * rig.patience.request_s)
    assert rig.ended_at < 2 * rig.tactics.registration_timeout_s + 5 * one
