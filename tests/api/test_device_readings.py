"""A device by the API and by hand with other readings of open points, and with another version of object 5."""

from __future__ import annotations

import pytest

from simulator.api import SettingsError, VirtualDevice
from simulator.cli.device import DeviceOptions, make_device, said
from tests.api.rig import PACKAGE, QUICK, memory_server
from tests.device.device_rig import in_virtual_time

URI = "coap://127.0.0.1:5683"


def by_hand(rig, **settings):
    return VirtualDevice(rig.uris["coap"], endpoint="dev", over=rig.network, seed=7, **{**QUICK, **settings})


@in_virtual_time
async def test_a_device_reads_points_as_it_is_told_to():
    switches = ["push-hidden", "install-failure-to-idle"]
    async with memory_server() as rig, by_hand(rig, switches=switches, faults=["install-fails"]) as device:
        await device.registered()
        assert await rig.push("dev") == "2.04"
        assert await rig.execute("dev", "/5/0/2") == "2.04"
        assert (await device.update_ended())[:2] == (0, 8)
    assert device.states == [(2, 0), (3, 0), (0, 8)]


@in_virtual_time
async def test_a_device_of_version_1_2_updates_by_itself_and_remembers_to(tmp_path):
    settings = {"object_version": "1.2", "state_directory": tmp_path}
    async with memory_server() as rig:
        async with by_hand(rig, **settings) as device:
            await device.registered()
            assert await rig.write("dev", "/5/0/14", "1") == "2.04"
        async with by_hand(rig, **settings) as device:
            await device.registered()
            assert await rig.read("dev", "/5/0/14") == "1"
            assert await rig.push("dev", PACKAGE) == "2.04"
            assert await device.update_ended() == (0, 1, "2.0.0")
        assert device.states[-3:] == [(2, 0), (3, 0), (0, 1)]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(SettingsError) as caught:
        VirtualDevice(
            URI,
            endpoint="dev",
            switches=["push-hiden", "uri-kept", "uri-last-written"],
            object_version="1.3",
            automatic_upgrade=True,
        )
    told = "\n".join(caught.value.problems)
    for part in (
        "did you mean `push-hidden`",
        "two readings of one point",
        "'1.3' is not possible",
        "not a setting of",
    ):
        assert part in told
    with pytest.raises(SettingsError, match=r"object_version: 1\.2 needs LwM2M 1\.1"):
        VirtualDevice(URI, endpoint="dev", lwm2m="1.0", object_version="1.2")


def test_the_options_of_the_command_are_those_of_the_device():
    settings = said(protocols=None, package_size=None, switches=["image-kept"], object_version="1.0", profile="anjay")
    plan = make_device(DeviceOptions(URI, "dev", settings=settings)).plan
    assert (plan.profile, plan.switches, plan.object_version) == ("anjay", ("image-kept",), "1.0")
