"""Goal: no invariant is one that cannot fail.

Method: for each a part of the product is broken on purpose, and one scenario that keeps all invariants is lived again.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

import pytest

from simulator.device import effects, receiver, record
from simulator.device.device import Device
from simulator.device.flash import HashingFlash
from simulator.device.pull_coap import CoapPull
from simulator.events import EventLog, FaultApplied, StateChanged, TransferEnded, UpdateEnded
from simulator.firmware import Finding
from simulator.lwm2m.firmware_table import Event, State, UpdateResult
from simulator.lwm2m.firmware_update import FirmwareUpdate
from simulator.lwm2m.firmware_values import FirmwareValues
from simulator.scenario import loads
from tests.histories.judge import judged

SCENARIO = """
[run]
seed = 5
[firmware]
size = "4 KiB"
[groups.pull]
count = 1
block_size = 256
network = { delay = "50 ms" }
[[groups.pull.faults]]
kind = "flash-slow"
takes = "10 ms"
heals = "5 s"
[groups.push]
count = 1
delivery = "push"
block_size = 256
profile = "zephyr"
[groups.small]
count = 1
profile = "zephyr"
flash = "1 KiB"
expect = { state = 0, result = 2 }
[groups.corrupt]
count = 1
[[groups.corrupt.faults]]
kind = "image-corrupt"
[groups.old]
count = 1
lwm2m = "1.0"
[campaign]
timeout = "5 min"
"""


def broken():
    """What breaks, by invariant, as text."""
    found = defaultdict(str)
    for each in judged(loads(SCENARIO), twice=True):
        found[each.invariant] += f"{each.text}\n"
    return found


def test_the_product_as_it_is_breaks_none():
    assert broken() == {}


def test_a_result_that_its_state_has_not(monkeypatch):
    sound = FirmwareUpdate._set

    def careless(machine, state, result):
        machine.result = UpdateResult.INITIAL if state is State.DOWNLOADING else machine.result
        steps = sound(machine, state, result)
        machine.result = UpdateResult.UPDATE_FAILED if state is State.UPDATING else machine.result
        return steps

    monkeypatch.setattr(FirmwareUpdate, "_set", careless)
    assert "State 3, Result 8" in broken()["pairs"]


@pytest.mark.parametrize(("instead_of", "breaks"), [(5, False), (1, True)])
def test_a_result_that_the_object_version_has_not(monkeypatch, instead_of, breaks):
    sound = FirmwareUpdate._set

    def modern(machine, state, result):
        return sound(machine, state, UpdateResult.CANCELLED if result == instead_of else result)

    monkeypatch.setattr(FirmwareUpdate, "_set", modern)
    assert ("object version 1.0 has not" in broken()["pairs"]) == breaks


def test_a_state_that_is_jumped_over(monkeypatch):
    sound = FirmwareUpdate._set

    def hasty(machine, state, result):
        return sound(machine, State.UPDATING if state is State.DOWNLOADED else state, result)

    monkeypatch.setattr(FirmwareUpdate, "_set", hasty)
    assert "State 3, Result 0 by download_completed after State 1" in broken()["pairs"]


def test_a_corrupt_image_that_nobody_checks(monkeypatch):
    sound = receiver.check
    monkeypatch.setattr(receiver, "check", lambda *found: sound(*found)._replace(finding=Finding.OK))
    assert "installs what is not the package" in broken()["sound-image"]


def test_a_success_without_an_installation(monkeypatch):
    async def pretending(device):
        device.firmware.installation_ended(Event.INSTALL_SUCCEEDED)
        device.act_soon()

    monkeypatch.setattr(effects, "_install", pretending)
    assert "a success without an installation" in broken()["sound-image"]


def test_a_flash_that_takes_more_than_it_has(monkeypatch):
    sound = HashingFlash.write

    def wide(flash, data):
        room, flash.capacity = flash.capacity, 1 << 30
        try:
            sound(flash, data)
        finally:
            flash.capacity = room

    monkeypatch.setattr(HashingFlash, "write", wide)
    monkeypatch.setattr(HashingFlash, "reserve", lambda flash, size: None)
    assert "in a flash of 1024" in broken()["capacity"]


@pytest.mark.parametrize("name", ["pull", "push"])
def test_a_state_that_is_told_out_of_turn(monkeypatch, name):
    sound = FirmwareValues.take_notices

    def turned(firmware):
        notices = sound(firmware)
        return notices[::-1] if firmware.machine.profile.state_first_to_idle == (name == "push") else notices

    monkeypatch.setattr(FirmwareValues, "take_notices", turned)
    first = "result before state" if name == "push" else "state before result"
    assert f"notifies {first}" in broken()["order"]


def test_an_update_that_never_ends(monkeypatch):
    monkeypatch.setattr(CoapPull, "complete", lambda pull, now: None)
    assert "is in State 1 since" in broken()["ends"]


@pytest.mark.parametrize(
    ("lost", "text"),
    [
        (lambda event: isinstance(event, TransferEnded) and event.outcome == "ok", "transfers that are ok"),
        (lambda event: isinstance(event, TransferEnded), "there is no transfer"),
        (lambda event: isinstance(event, UpdateEnded), "has 0 verdicts"),
        (lambda event: isinstance(event, StateChanged) and event.result == 1, "its last change was to (3, 0)"),
        (lambda event: event.table == "server_registrations", "the server tells of 0"),
        (lambda event: event.table == "device_ends", "1 starts and 0 ends"),
        (lambda event: isinstance(event, FaultApplied) and "over:" in event.detail, "no row tells of it"),
    ],
)
def test_a_recorder_that_loses_rows(monkeypatch, lost, text):
    class Leaky(EventLog):
        def __init__(self):
            super().__init__()
            take = self.events.append
            self.emit = lambda event: None if lost(event) else take(event)

    monkeypatch.setattr("tests.histories.witness.EventLog", Leaky)
    found = judged(loads(SCENARIO))
    assert {each.invariant for each in found} == {"complete"}
    assert any(text in each.text for each in found), found


def test_a_record_that_goes_back_in_time(monkeypatch):
    monkeypatch.setattr(record, "StateChanged", lambda t, *rest: StateChanged(t - 1, *rest))
    assert "comes after one of" in broken()["complete"]


def test_a_task_that_is_left_behind(monkeypatch):
    async def for_ever():
        await asyncio.Event().wait()

    kept = []
    sound = Device.power_on

    async def forgetful(device, due):
        kept.append(asyncio.get_running_loop().create_task(for_ever()))
        await sound(device, due)

    monkeypatch.setattr(Device, "power_on", forgetful)
    assert "for_ever" in broken()["nothing-left"]


def test_a_deadline_that_is_left_behind(monkeypatch):
    monkeypatch.setattr("simulator.transport.deadlines.Deadlines.disarm", lambda deadlines, timed: None)
    assert "deadlines" in broken()["nothing-left"]


def test_a_port_that_is_left_open(monkeypatch):
    monkeypatch.setattr("simulator.transport.memory_datagrams.MemoryDatagramPort.close", lambda port: None)
    assert "port 10." in broken()["nothing-left"]


def test_chance_that_is_not_the_seeds(monkeypatch):
    loose = random.Random()
    monkeypatch.setattr("simulator.network.link.Link.plan", lambda link, size, now: [now + loose.random()])
    assert "the first time" in broken()["replay"]


def test_an_error_that_nobody_takes(monkeypatch):
    def raising(flash, data):
        raise ZeroDivisionError("of the flash")

    monkeypatch.setattr(HashingFlash, "write", raising)
    assert "ZeroDivisionError" in broken()["nothing-raised"]
