"""Notifications of a device: order, periods, renewal, the end of an observation, and several resources at once."""

from __future__ import annotations

import json

import pytest

from simulator.coap import codes as c
from simulator.coap.message import Message, decode, empty, uint_bytes
from simulator.coap.requests import request_options
from tests.device.device_rig import PACKAGE, SERVER, SMALL, device_rig, in_virtual_time

OBSERVE = (c.OBSERVE, b"")
STOP = (c.OBSERVE, b"\x01")


def notified(rig, token=b"raw"):
    """Type, Observe number and value of what went to the server with a token."""
    sent = [decode(data) for _, to, data in rig.network.log if to == SERVER]
    return [(m.type, m.uint(c.OBSERVE), m.payload.decode()) for m in sent if m.token == token]


def leave_to_the_test(rig):
    """The server gets nothing of what the test observes; it would answer with a Reset."""
    rig.network.lost = lambda source, to, data: to == SERVER and decode(data).token == b"raw"


@in_virtual_time
async def test_update_result_is_notified_before_state():
    async with device_rig() as rig:
        order = []
        for path in ("/5/0/3", "/5/0/5"):
            options = request_options(path[1:].split("/"), accept=c.FORMAT_TEXT)
            rig.server.observe(
                "dev", path, options, c.GET, lambda r, path=path: order.append((path, r.payload.decode()))
            )
        await rig.push(b"x" * 2000)
        await rig.settle()
        # The first block is refused by its header, so State 1 is over before it can be told.
        assert order == [("/5/0/3", "0"), ("/5/0/5", "0"), ("/5/0/5", "6"), ("/5/0/3", "0")]


@in_virtual_time
async def test_updating_is_seen_before_the_reboot():
    async with device_rig(install_time_s=0, boot_time_s=0) as rig:
        states = rig.observe("/5/0/3")
        await rig.push()
        await rig.execute("/5/0/2")
        await rig.settle(1)
        assert states == ["0", "1", "2", "3"]


@pytest.mark.parametrize(("confirmable", "type_"), [(True, c.CON), (False, c.NON)])
@in_virtual_time
async def test_notifications_are_con_or_non_as_the_plan_says(confirmable, type_):
    async with device_rig(confirmable_notifications=confirmable) as rig:
        await rig.raw(c.GET, "/5/0/3", options=[OBSERVE])
        await rig.push(SMALL)
        assert notified(rig)[-1] == (type_, 2, "2")


@in_virtual_time
async def test_what_changes_twice_in_one_turn_is_notified_once():
    async with device_rig() as rig:
        states = rig.observe("/5/0/3")
        await rig.push(SMALL)
        await rig.settle()
        assert states == ["0", "2"]


@in_virtual_time
async def test_pmin_merges_changes_and_pmax_repeats_values():
    async with device_rig() as rig:
        assert (await rig.call(c.PUT, "/5/0/3", query=("pmin=10", "pmax=60"))).code == "2.04"
        states = rig.observe("/5/0/3")
        await rig.push()
        await rig.write("/5/0/1", "")
        await rig.settle(5)
        assert states == ["0"]
        await rig.settle(6)
        assert states == ["0", "0"]
        await rig.settle(130)
        assert states == ["0"] * 4


@in_virtual_time
async def test_default_periods_hold_for_what_has_none():
    async with device_rig() as rig:
        assert await rig.write("/1/0/3", "30") == "2.04"
        states = rig.observe("/5/0/3")
        await rig.settle(100)
        assert states == ["0"] * 4
        assert await rig.write("/1/0/3", "0") == "2.04"


@in_virtual_time
async def test_the_same_request_renews_an_observation_whose_numbers_go_on():
    async with device_rig(confirmable_notifications=False) as rig:
        leave_to_the_test(rig)
        await rig.raw(c.GET, "/5/0/3", options=[OBSERVE])
        await rig.push(PACKAGE)
        await rig.raw(c.GET, "/5/0/3", options=[OBSERVE])
        await rig.write("/5/0/1", "")
        numbers = [number for _, number, _ in notified(rig)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 5
        assert len(rig.device.endpoint.observations) == 1
        # Another request with the same token takes its place.
        await rig.raw(c.GET, "/5/0/5", options=[OBSERVE])
        assert len(rig.device.endpoint.observations) == len(rig.device.notifier._schedule) == 1
        before = len(notified(rig))
        await rig.push(b"x" * 2000)
        assert {value for _, _, value in notified(rig)[before:]} == {"6"}


@pytest.mark.parametrize("how", ["observe 1", "reset", "silence"])
@in_virtual_time
async def test_an_observation_ends(how):
    async with device_rig() as rig:
        await rig.raw(c.GET, "/5/0/3", options=[OBSERVE])
        if how == "observe 1":
            await rig.raw(c.GET, "/5/0/3", options=[STOP])
        elif how == "silence":
            leave_to_the_test(rig)
        await rig.push(SMALL)
        if how == "reset":
            last = [decode(data) for _, to, data in rig.network.log if to == SERVER][-1]
            assert last.token == b"raw"
            rig.network.carry(SERVER, rig.device.link.local, empty(c.RST, last.mid))
        await rig.settle(100)
        assert rig.device.endpoint.observations == []
        assert len(rig.device.notifier._schedule) == 0


@in_virtual_time
async def test_several_resources_in_one_observation():
    async with device_rig() as rig:
        leave_to_the_test(rig)
        paths = b'[{"n":"/5/0/3"},{"n":"/5/0/5"}]'
        content = (c.CONTENT_FORMAT, uint_bytes(c.FORMAT_SENML_JSON))
        answer = await rig.raw(c.FETCH, "/", paths, options=[OBSERVE, content])
        assert answer.code == c.CONTENT
        await rig.push(SMALL)
        values = []
        for _, _, text in notified(rig):
            base = ""
            seen = {}
            for record in json.loads(text):
                base = record.get("bn", base)
                seen[base + record.get("n", "")] = record["v"]
            values.append(seen)
        assert values[0] == {"/5/0/3": 0, "/5/0/5": 0}
        assert values[-1] == {"/5/0/3": 2, "/5/0/5": 0}


@in_virtual_time
async def test_a_reboot_forgets_observations():
    async with device_rig() as rig:
        states = rig.observe("/5/0/3")
        await rig.settle()
        await rig.device.reboot()
        await rig.push(SMALL)
        await rig.settle(1)
        assert states == ["0"]
        assert rig.device.endpoint.observations == []


@in_virtual_time
async def test_an_error_is_no_observation():
    async with device_rig() as rig:
        for path in ("/5/0/0", "/5/0/99", "/", "/0/0/0"):
            answer = await rig.raw(c.GET, path, options=[OBSERVE])
            assert answer.code >> 5 == 4
            assert isinstance(answer, Message)
            assert answer.uint(c.OBSERVE) == -1
        assert rig.device.endpoint.observations == []
