"""Power, reboots, installation and deferral of a device, and what is recorded of them."""

from __future__ import annotations

import asyncio

import pytest

from simulator.events import DeviceEnded, DeviceStarted, RegistrationEnded
from simulator.ports import InstallOutcome
from tests.device.device_rig import SERVER, SMALL, device_rig, in_virtual_time


class Failing:
    """An installer that fails."""

    def __init__(self, outcome):
        self.outcome = outcome

    async def install(self, version):
        await asyncio.sleep(1)
        return self.outcome


@in_virtual_time
async def test_a_device_tells_of_its_start_and_its_end():
    async with device_rig() as rig:
        (started,) = rig.of(DeviceStarted)
        assert (started.endpoint, started.transport, started.expected_result) == ("dev", "coap", 1)
        assert rig.counts["started"] == rig.counts["registered"] == 1
        await rig.device.power_off()
        rig.device.cut_off()
        (ended,) = rig.of(DeviceEnded)
        assert (ended.state, ended.result, ended.version, ended.boots) == (0, 0, "1.0.0", 1)
        # It De-registers first.
        assert [e.operation for e in rig.of(RegistrationEnded)] == ["register", "deregister"]
        assert [h.event for h in rig.happened] == ["registered", "deregistered"]
        assert not ended.registered
        assert rig.counts["registered"] == 0
        assert SERVER in rig.network.ports
        assert len(rig.network.ports) == 2


@in_virtual_time
async def test_a_whole_package_survives_a_reboot():
    async with device_rig() as rig:
        await rig.push()
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(2)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == "2.0.0"
        await rig.execute("/5/0/2")
        await rig.settle(5)
        assert await rig.read("/3/0/3") == "2.0.0"


@pytest.mark.parametrize("profile", ["oma", "anjay", "zephyr"])
@in_virtual_time
async def test_an_installation_ends_in_a_boot_with_the_new_version(profile):
    async with device_rig(profile=profile, lwm2m="1.0") as rig:
        await rig.push()
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert rig.device.persistent.boots == 2
        assert await rig.read("/3/0/3") == "2.0.0"
        assert [h.event for h in rig.happened] == ["registered", "registered"]
        assert rig.counts["updated"] == 1


@pytest.mark.parametrize(
    ("outcome", "pair"), [(InstallOutcome(False), (2, 8)), (InstallOutcome(False, integrity=False), (0, 5))]
)
@in_virtual_time
async def test_an_installation_that_fails(outcome, pair):
    async with device_rig() as rig:
        rig.device.installer = Failing(outcome)
        await rig.push()
        states = rig.observe("/5/0/3")
        await rig.execute("/5/0/2")
        await rig.settle(10)
        assert rig.pair == pair
        assert states == ["2", "3", str(pair[0])]
        assert rig.device.persistent.boots == 1


@in_virtual_time
async def test_a_power_cut_during_an_installation_begins_it_again_once():
    async with device_rig(install_time_s=60) as rig:
        await rig.push()
        await rig.execute("/5/0/2")
        await rig.settle(30)
        for _ in range(20):
            await rig.device.reboot()
            await rig.settle(1)
        assert rig.pair == (3, 0)
        # What a power cut ends does not go on in the background.
        assert len(rig.tasks) <= 1
        await rig.settle(70)
        assert rig.pair == (0, 1)
        assert [cause for *_, cause in rig.states].count("install_succeeded") == 1
        assert rig.device.persistent.boots == 22


@in_virtual_time
async def test_an_installation_that_fails_while_the_device_is_down_is_not_told():
    async with device_rig(boot_time_s=10) as rig:
        rig.device.installer = Failing(InstallOutcome(False))
        await rig.push()
        await rig.execute("/5/0/2")
        await rig.settle(0.5)
        booting = asyncio.ensure_future(rig.device.reboot())
        await rig.settle(5)
        assert rig.states[-1][:2] == (3, 0)
        await booting
        await rig.settle(5)
        assert rig.states[-1] == (2, 8, "install_failed")
        assert rig.pair == (2, 8)


@in_virtual_time
async def test_power_off_during_a_reboot_ends_there():
    async with device_rig(boot_time_s=5) as rig:
        await rig.execute("/3/0/4")
        await rig.settle(1)
        await rig.device.power_off()
        assert len(rig.of(DeviceEnded)) == 1
        await rig.settle(10)
        assert rig.device.link is None
        assert len(rig.network.ports) == 2


@in_virtual_time
async def test_power_off_while_the_port_opens_leaves_no_port():
    async with device_rig() as rig:
        await rig.device.power_off()
        gate = asyncio.Event()
        opening = rig.device.management_network.open_datagram

        async def slow(*args, **kw):
            await gate.wait()
            return await opening(*args, **kw)

        rig.device.management_network = type("Slow", (), {"open_datagram": staticmethod(slow)})()
        starting = asyncio.ensure_future(rig.device.power_on(0.0))
        await rig.settle()
        rig.device.cut_off()
        gate.set()
        await starting
        assert rig.device.link is None
        assert len(rig.network.ports) == 2


@pytest.mark.expected_warnings("found no local port")
@in_virtual_time
async def test_a_device_without_a_port_says_so_and_ends():
    async with device_rig(started=False) as rig:
        await rig.start_servers()

        async def refuse(*args, **kw):
            raise OSError("no free port")

        rig.device.management_network = type("Full", (), {"open_datagram": staticmethod(refuse)})()
        await rig.device.power_on(0.0)
        await rig.device.power_off()
        assert len(rig.of(DeviceEnded)) == 1


@in_virtual_time
async def test_a_deferred_update_runs_at_its_deadline(monkeypatch):
    async with device_rig() as rig:
        monkeypatch.setattr(type(rig.device), "defers_update", lambda self, severity: True)
        results = rig.observe("/5/0/5")
        assert await rig.write("/5/0/13", "100") == "2.04"
        await rig.push()
        assert await rig.execute("/5/0/2") == "2.04"
        assert rig.pair == (2, 11)
        await rig.settle(60)
        assert rig.pair == (2, 11)
        # It is kept over a reboot.
        await rig.device.reboot()
        await rig.settle(30)
        assert rig.pair[0] == 2
        await rig.settle(30)
        assert rig.pair == (0, 1)
        assert "deferral_ended" in [cause for *_, cause in rig.states]
        assert results[:2] == ["0", "11"]


@in_virtual_time
async def test_without_a_limit_a_deferred_update_waits_for_ever(monkeypatch):
    async with device_rig() as rig:
        monkeypatch.setattr(type(rig.device), "defers_update", lambda self, severity: True)
        await rig.push(SMALL)
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(10**7)
        assert rig.pair == (2, 11)
        rig.device.firmware.deferral_ended()
        rig.device.act_soon()
        await rig.settle(10)
        assert rig.pair == (0, 1)


@in_virtual_time
async def test_a_slow_device_takes_its_time_over_every_datagram():
    async with device_rig(think_time_s=0.25) as rig:
        await rig.settle(1)
        begun = rig.clock.now()
        await rig.read("/5/0/3")
        assert rig.clock.now() - begun == pytest.approx(0.25, abs=1e-3)
        await rig.push()
        assert rig.pair == (2, 0)
