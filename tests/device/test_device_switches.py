"""Devices that read open points otherwise: what the server at the other end sees of it."""

from __future__ import annotations

import pytest

from simulator.events import RegistrationEnded
from simulator.lwm2m.firmware_resources import Transfer
from tests.device.device_rig import PACKAGE, SMALL, URI, device_rig, in_virtual_time

GONE = URI.replace("good", "gone")
NOBODY = "coap://no.such.host/x"


def registrations(rig):
    return [event.operation for event in rig.of(RegistrationEnded)]


@pytest.mark.parametrize("package", [SMALL, PACKAGE], ids=["one message", "blocks"])
@in_virtual_time
async def test_a_second_package_is_taken_and_dropped(package):
    async with device_rig(switches=("second-package-ignored",)) as rig:
        assert await rig.push() == "2.04"
        assert await rig.push(package[:-1] + b"?") == "2.04"
        assert rig.pair == (2, 0)
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert [t.outcome for t in rig.transfers] == ["ok"]


@in_virtual_time
async def test_a_second_package_is_dropped_beside_a_pull():
    async with device_rig(switches=("second-package-ignored",)) as rig:
        assert await rig.write("/5/0/1", URI) == "2.04"
        assert rig.pair == (1, 0)
        assert await rig.push(SMALL) == "2.04"
        await rig.settle(5)
        assert rig.pair == (2, 0)
        assert rig.device.flash.written == len(PACKAGE)


@pytest.mark.parametrize(("uri", "result"), [(GONE, 7), (NOBODY, 7), ("coap://[", 7), ("coap://127.0.0.1:9/x", 4)])
@in_virtual_time
async def test_what_fails_before_the_first_byte_never_shows_downloading(uri, result):
    async with device_rig(switches=("fast-failure-stays-idle",)) as rig:
        seen = rig.observe("/5/0/3")
        assert await rig.write("/5/0/1", uri) == "2.04"
        await rig.settle(120)
        assert rig.pair == (0, result)
        assert seen == ["0"]


@in_virtual_time
async def test_downloading_shows_with_the_first_byte():
    async with device_rig(switches=("fast-failure-stays-idle",)) as rig:
        seen = rig.observe("/5/0/3")
        assert await rig.write("/5/0/1", URI) == "2.04"
        await rig.settle(5)
        assert rig.states == [(1, 0, "download_begun"), (2, 0, "download_completed")]
        assert seen == ["0", "1", "2"]


@in_virtual_time
async def test_a_pull_that_nobody_sees_yet_gives_way_to_a_push_and_to_an_empty_uri():
    async with device_rig(switches=("fast-failure-stays-idle",)) as rig:
        assert await rig.write("/5/0/1", "coap://127.0.0.1:9/x") == "2.04"
        assert await rig.push() == "2.04"
        await rig.settle(120)
        assert rig.pair == (2, 0)
    async with device_rig(switches=("fast-failure-stays-idle",)) as rig:
        assert await rig.write("/5/0/1", "coap://127.0.0.1:9/x") == "2.04"
        assert await rig.write("/5/0/1", "") == "2.04"
        await rig.settle(120)
        assert (rig.pair, rig.states) == ((0, 0), [])
        assert rig.device.firmware.transfer is Transfer.NONE


@in_virtual_time
async def test_an_image_is_kept_until_the_next_download():
    for switches, held in (((), 0), (("image-kept",), len(PACKAGE))):
        async with device_rig(switches=switches) as rig:
            await rig.push()
            assert await rig.execute("/5/0/10") == "2.04"
            await rig.settle(1)
            assert (rig.pair, rig.device.flash.written) == ((0, 10), held)
            assert await rig.execute("/5/0/2") == "4.05"
            assert await rig.push(SMALL) == "2.04"
            assert rig.device.flash.written == len(SMALL)


@in_virtual_time
async def test_a_device_can_deregister_before_the_reboot():
    async with device_rig(switches=("deregister-before-reboot",)) as rig:
        await rig.push()
        await rig.execute("/5/0/2")
        await rig.settle(10)
        assert registrations(rig) == ["register", "deregister", "register"]
        assert rig.pair == (0, 1)


@in_virtual_time
async def test_a_power_cut_has_no_deregister():
    async with device_rig(switches=("deregister-before-reboot",)) as rig:
        rig.device.lose_power(1)
        await rig.settle(5)
        assert registrations(rig) == ["register", "register"]


@in_virtual_time
async def test_a_device_can_be_away_while_it_pulls():
    async with device_rig(switches=("deregister-while-pulling",)) as rig:
        await rig.write("/5/0/1", URI)
        await rig.settle(5)
        assert registrations(rig) == ["register", "deregister", "register"]
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/3") == "2"
        await rig.push()  # refused, and no reason to leave
        assert len(registrations(rig)) == 3


@in_virtual_time
async def test_a_device_that_is_away_comes_back_after_a_failure_and_after_a_reboot():
    async with device_rig(switches=("deregister-while-pulling",)) as rig:
        await rig.write("/5/0/1", GONE)
        await rig.settle(5)
        assert rig.pair == (0, 7)
        assert rig.device.registrar.registered
        await rig.write("/5/0/1", "coap://127.0.0.1:9/x")
        await rig.settle(1)
        assert not rig.device.registrar.registered
        await rig.device.reboot()
        await rig.settle(200)
        assert rig.pair == (0, 4)
        assert rig.device.registrar.registered


@pytest.mark.parametrize(
    ("switch", "states"),
    [
        ("every-change-notified", ["0", "1", "2", "3"]),
        ("passing-states-not-notified", ["0", "2"]),
        ("changes-merged", ["0", "2", "3"]),
    ],
)
@in_virtual_time
async def test_which_states_an_observer_is_told(switch, states):
    async with device_rig(switches=(switch,), install_time_s=30.0) as rig:
        seen = rig.observe("/5/0/3")
        await rig.settle(0.1)
        await rig.write("/5/0/1", URI)
        await rig.settle(5)
        await rig.execute("/5/0/2")
        await rig.settle(20)
        assert seen == states
        assert await rig.read("/5/0/3") == "3"


@in_virtual_time
async def test_a_minimum_period_of_the_server_goes_over_that_of_the_device():
    async with device_rig(switches=("changes-merged",)) as rig:
        assert await rig.write("/1/0/2", "10") == "2.04"
        seen = rig.observe("/5/0/3")
        await rig.settle(0.1)
        await rig.write("/5/0/1", URI)
        await rig.settle(5)
        assert seen == ["0"]
        await rig.settle(10)
        assert seen == ["0", "2"]


@in_virtual_time
async def test_cancel_in_idle_can_be_had():
    async with device_rig(switches=("cancel-in-idle-accepted",)) as rig:
        assert await rig.execute("/5/0/10") == "2.04"
        assert rig.pair == (0, 10)
    async with device_rig() as rig:
        assert await rig.execute("/5/0/10") == "4.05"
        assert rig.pair == (0, 0)


@in_virtual_time
async def test_a_hidden_push_can_be_cancelled_where_idle_takes_a_cancel():
    async with device_rig(switches=("cancel-in-idle-accepted", "push-hidden")) as rig:
        assert await rig.block(0) == "2.31"
        assert await rig.execute("/5/0/10") == "2.04"
        await rig.settle(1)
        assert await rig.block(1) == "4.08"
        assert (rig.pair, rig.device.flash.written) == ((0, 10), 0)
