"""Leshan's library, and a device behind a NAT that gives it another port."""

from __future__ import annotations

import pytest

from simulator.operator.driver import Answer, NoAnswerError, Notified, Registered, Updated
from tests.interop.file_servers import PSK, credentials_for
from tests.interop.relay import relay_to
from tests.interop.rig import PACKAGE, socket_device
from tests.interop.server_rig import Certificates, server_under_test
from tests.interop.test_management_paths import QUICK, registrations, update

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]  # the first use fetches and builds


UPDATES = {"coap": [("update", "ok")], "coaps": [("update", "unknown"), ("register", "ok")]}


@pytest.mark.parametrize("scheme", ["coap", "coaps"])
async def test_an_update_from_another_port(tmp_path, peer_tool, scheme):
    peer_tool("javac", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    certificates = Certificates(tmp_path)
    async with server_under_test("leshan", tmp_path, tmp_path) as leshan:
        if scheme == "coaps":
            await leshan.driver.credentials("dev", PSK)
        async with (
            relay_to(leshan.uris[scheme]) as relay,
            socket_device(
                {scheme: relay.local},
                credentials=credentials_for(f"{scheme} psk", certificates),
                management=scheme,
                parameters=QUICK,
            ) as rig,
        ):
            await leshan.told_of(Registered)
            assert await leshan.driver.observe("dev", "/5/0/3", 10) == Answer("2.05", "0")
            relay.cut()
            with pytest.raises(NoAnswerError):
                await leshan.driver.read("dev", "/3/0/3", 1)
            update(rig)
            expected = [Registered, Updated] if scheme == "coap" else [Registered, Registered]
            await rig.until(lambda: [type(e) for e in leshan.events if isinstance(e, Registered | Updated)] == expected)
            await rig.until(lambda: rig.registered)
            assert registrations(rig)[1:] == UPDATES[scheme]
            assert await leshan.driver.read("dev", "/3/0/3", 10) == Answer("2.05", "1.0.0")
            # Of the device's old address Leshan is told nothing any more, so it has to observe again.
            assert await leshan.driver.observe("dev", "/5/0/3", 10) == Answer("2.05", "0")
            assert rig.device.firmware.write(0, PACKAGE) == 0x44
            rig.device.act_soon()
            await leshan.told(Notified("dev", "/5/0/3", "2"))
