"""A device by the API: what can be waited for, what can be done to it, and what its timeline tells."""

from __future__ import annotations

import asyncio

import pytest

from simulator.api import DeviceStateError, SettingsError, VirtualDevice, psk_of
from simulator.security.credentials import Psk
from tests.api.rig import PACKAGE, QUICK, memory_server, socket_server, texts
from tests.device.device_rig import in_virtual_time

KEY = "000102030405060708090a0b0c0d0e0f"


def by_hand(rig, scheme="coap", **settings):
    return VirtualDevice(rig.uris[scheme], endpoint="dev", over=rig.network, seed=7, **{**QUICK, **settings})


@in_virtual_time
async def test_a_pull_from_register_to_the_new_firmware():
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        assert await rig.write("dev", "/5/0/1", f"{rig.origin}/fw.bin") == "2.04"
        await device.state(2)
        assert await rig.execute("dev", "/5/0/2") == "2.04"
        assert await device.update_ended() == (0, 1, "2.0.0")
        await device.registered()
        assert await rig.read("dev", "/3/0/3") == device.firmware_version == "2.0.0"
    assert device.states == [(1, 0), (2, 0), (3, 0), (0, 1)]
    assert [happened.event for happened in rig.happened] == ["registered", "registered", "deregistered"]
    assert texts(device)[:3] == [
        "boot 1, firmware 1.0.0",
        "registered (2.01)",
        "1 Downloading, result 0 (initial), by uri written",
    ]
    assert f"Write /5/0/1 -> 2.04  {rig.origin}/fw.bin" in texts(device, "request")
    shares = [entry.data["bytes"] / len(PACKAGE) for entry in device.timeline.entries if entry.what == "progress"]
    assert len(shares) == 20
    assert shares[0] == pytest.approx(0.05, abs=0.011)
    assert shares[-1] == 1
    (transfer,) = texts(device, "transfer")
    assert transfer.startswith("pull over coap complete: 100,000 bytes in ")
    assert texts(device)[-1].startswith("off, with firmware 2.0.0")


@in_virtual_time
@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_a_push_and_what_the_server_observes(scheme):
    async with memory_server() as rig, by_hand(rig, scheme) as device:
        await device.registered()
        rig.observe("dev", "/5/0/3")
        assert await rig.push("dev") == "2.04"
        await device.state(2)
        await asyncio.sleep(1)
    requests = texts(device, "request")
    assert requests == ["Observe /5/0/3 -> 2.05  0", "Write /5/0/0  100,000 bytes in blocks", "Write /5/0/0 -> 2.04"]
    assert texts(device, "notify") == ["/5/0/3 = 1", "/5/0/3 = 2"]
    assert texts(device, "progress")[-1] == "100%  100,000 of 100,000 bytes"


@in_virtual_time
async def test_a_fault_from_the_start_and_one_by_hand():
    async with memory_server() as rig, by_hand(rig, faults=["flash-too-small:capacity=10KiB"]) as device:
        await device.registered()
        await rig.push("dev")
        assert await device.update_ended() == (0, 2, "1.0.0")
        assert "flash-too-small strikes: full after 10240 bytes" in texts(device, "fault")[0]
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        device.inject("install-fails")
        await rig.push("dev")
        await rig.execute("dev", "/5/0/2")
        assert await device.update_ended() == (2, 8, "1.0.0")
        with pytest.raises(SettingsError, match="no kind of fault"):
            device.inject("nothing")
        with pytest.raises(SettingsError, match="no fault of a device"):
            device.inject("uri-not-found")
    assert texts(device, "fault")[0] == "install-fails added"


@in_virtual_time
async def test_a_fault_of_the_network_by_hand_strikes_the_next_download():
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        device.inject("block-damage after=50%")
        await rig.write("dev", "/5/0/1", f"{rig.origin}/fw.bin")
        assert await device.update_ended() == (0, 5, "1.0.0")
    assert texts(device, "fault")[0].endswith("the network has it from the next port on")


@in_virtual_time
async def test_registration_by_hand():
    async with memory_server() as rig, by_hand(rig) as device:
        with pytest.raises(DeviceStateError, match="under way"):
            await device.register()
        with pytest.raises(DeviceStateError, match="not registered"):
            await device.update()
        await device.registered()
        assert (await device.update()).code == "2.04"
        assert (await device.deregister()).code == "2.02"
        assert not device.is_registered
        await asyncio.sleep(3600)
        assert not device.is_registered
        assert (await device.register()).outcome == "ok"
        assert device.status["location"].startswith("/rd/")
    with pytest.raises(DeviceStateError, match="off"):
        await device.update()


@in_virtual_time
async def test_without_coverage_nothing_arrives_and_with_it_everything_does():
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        device.offline()
        answer, _ = await rig.ask("dev", 1, "/3/0/3")
        assert "timeout" in answer.lower()
        assert not device.status["coverage"]
        device.online()
        assert await rig.read("dev", "/3/0/3") == "1.0.0"
        await device.sleep(60)
        await device.until(lambda: "registration updated (2.04)" in texts(device), "awake", 10)
    assert texts(device, "link") == ["no coverage", "coverage is back"] * 2
    assert texts(device, "request") == ["Read /3/0/3 -> 2.05  1.0.0"]


@in_virtual_time
@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_a_power_cut_in_the_middle_of_a_pull_loses_nothing(scheme):
    async with memory_server() as rig, by_hand(rig, scheme, network="nb-iot") as device:
        await device.registered(300)
        await rig.write("dev", "/5/0/1", f"{rig.origin}/fw.bin")
        await device.until(lambda: len(texts(device, "progress")) >= 8, "at 40 %", 600)
        stored = device.status["stored_bytes"]
        cut_at = device.timeline.now()
        await device.power_cut(100)
        assert device.timeline.now() >= cut_at + 100
        await device.state(2, 600)
        ends = [entry.data for entry in device.timeline.entries if entry.what == "transfer"]
    assert [end["outcome"] for end in ends] == ["unknown", "ok"]
    assert sum(end["refetched"] for end in ends) == 0
    assert 30_000 < stored < 60_000
    assert device.states[:2] == [(1, 0), (2, 0)]


@in_virtual_time
async def test_a_reboot_of_the_server_and_one_by_hand():
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        assert await rig.execute("dev", "/3/0/4") == "2.04"
        await device.until(lambda: device.status["boots"] == 2, "rebooted", 10)
        await device.registered()
        await device.reboot()
        await device.registered()
        assert device.status["boots"] == 3
    assert texts(device, "power")[:4] == [
        "boot 1, firmware 1.0.0", "boot 2, firmware 1.0.0", "reboot", "boot 3, firmware 1.0.0",
    ]  # fmt: skip


@in_virtual_time
async def test_while_it_boots_it_is_nothing_but_booted():
    async with memory_server() as rig, by_hand(rig, boot_time="10 s") as device:
        await device.registered()
        rebooting = asyncio.ensure_future(device.reboot())
        await asyncio.sleep(1)
        for act in (device.reboot, device.power_cut, device.update):
            with pytest.raises(DeviceStateError, match="boots"):
                await act()
        assert device.status["local"] == ""
        assert device.state_and_result == (0, 0)
        await rebooting


@in_virtual_time
async def test_an_update_that_ends_while_the_device_leaves_does_no_harm():
    async with memory_server() as rig:
        async with by_hand(rig, install_time="2 s", faults=["install-fails"]) as device:
            await device.registered()
            await rig.push("dev")
            await rig.execute("dev", "/5/0/2")
            await device.state(3)
            rig.server.on_request = lambda *_: None  # no answer to the De-register
        assert device.states[-1] == (2, 8)
        assert texts(device)[-1].startswith("off")


@in_virtual_time
async def test_a_wait_in_vain_says_what_the_device_was_doing():
    async with memory_server() as rig, by_hand(rig) as device:
        await device.registered()
        with pytest.raises(TimeoutError) as caught:
            await device.state(2, timeout_s=5)
    assert str(caught.value) == (
        "dev: not in State 2 within 5 s; it is in 0 Idle, result 0 (initial), registered; last: registered (2.01)"
    )


@in_virtual_time
async def test_a_connection_that_is_lost_is_told():
    async with memory_server() as rig, by_hand(rig, "coap+tcp") as device:
        await device.registered()
        for connection in list(rig.server.ways["coap+tcp"].connections.values()):
            connection.port.abort()
        await device.until(lambda: not device.is_registered, "without its registration", 5)
        await device.registered()
    assert "the registration with it" in texts(device, "link")[0]


@in_virtual_time
async def test_the_same_seed_gives_the_same_history():
    async def history():
        async with memory_server() as rig, by_hand(rig, network="lte-m") as device:
            await device.registered()
            await rig.push("dev")
            await device.state(2)
        return [(entry.what, entry.text) for entry in device.timeline.entries]

    assert await history() == await history()


async def test_over_sockets_by_key_and_without():
    async with socket_server() as rig:
        rig.server.keyring.add_psk("dev", Psk(b"dev", bytes.fromhex(KEY)))
        for scheme in ("coaps", "coaps+tcp"):
            async with VirtualDevice(rig.uris[scheme], endpoint="dev", psk=psk_of("dev", KEY), **QUICK) as device:
                await device.registered()
                assert await rig.push("dev") == "2.04"
                await device.state(2)
                assert await rig.execute("dev", "/5/0/2") == "2.04"
                assert await device.update_ended() == (0, 1, "2.0.0")
                await device.registered()
        async with VirtualDevice(rig.uri, endpoint="other", **QUICK) as device:
            await device.registered()
            await rig.write("other", "/5/0/1", f"{rig.origin}/fw.bin")
            await device.state(2)


async def test_a_wrong_key_is_told_in_words_and_never_shown():
    async with socket_server() as rig:
        rig.server.keyring.add_psk("dev", Psk(b"dev", bytes.fromhex(KEY)))
        async with VirtualDevice(rig.uris["coaps"], endpoint="dev", psk=psk_of("nobody", KEY)) as device:
            await device.until(lambda: bool(texts(device, "registration")), "refused", 10)
            said = [*texts(device), repr(device.plan), repr(device.status)]
    assert "Register failed: unknown PSK identity" in said
    assert not any(KEY in text or repr(bytes.fromhex(KEY))[2:-1] in text for text in said)


async def test_a_public_target_needs_to_be_allowed():
    device = VirtualDevice("coap://192.0.2.1", endpoint="dev")
    with pytest.raises(SettingsError, match="allow"):
        await device.start()
