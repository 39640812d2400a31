"""``lwm2m-fleet device`` at a real Leshan over DTLS: by pre-shared key out of a file, and by certificate."""

from __future__ import annotations

import pytest

from simulator.firmware import generate
from simulator.operator.driver import Answer, ByCertificate
from simulator.security.authority import chain_pem, key_pem
from simulator.security.credentials import Psk
from tests.cli.by_hand import device_command
from tests.interop.server_rig import Certificates, server_under_test

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]  # the first use fetches and builds

PSK = Psk(b"id of dev", bytes(range(16)))
PACKAGE = generate(30_000, "vd-1", "2.0.0", 1)


@pytest.fixture
async def leshan(peer_tool, tmp_path):
    peer_tool("javac", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    certificates = Certificates(tmp_path)
    async with server_under_test("leshan", tmp_path, tmp_path) as rig:
        rig.certificates = certificates
        yield rig


async def options_for(mode, rig, directory):
    """What the device shows, as options; the server knows it from here on."""
    if mode == "psk":
        await rig.driver.credentials("dev", PSK)
        (directory / "psk").write_text(PSK.key.hex())
        return ("--psk-identity", PSK.identity.decode(), "--psk-key-file", directory / "psk")
    await rig.driver.credentials("dev", ByCertificate())
    identity = rig.certificates.authority.device("dev")
    (directory / "dev.pem").write_bytes(chain_pem(identity))
    (directory / "dev.key").write_bytes(key_pem(identity))
    return ("--certificate", directory / "dev.pem", "--key", directory / "dev.key", "--trust", directory / "ca.pem")


@pytest.mark.parametrize("mode", ["psk", "x509"])
async def test_an_update_by_leshan_over_coaps(leshan, mode, tmp_path):
    (tmp_path / "fw.bin").write_bytes(PACKAGE)
    options = await options_for(mode, leshan, tmp_path)
    async with device_command(leshan.uris["coaps"], "--endpoint", "dev", *options, "--set", "boot_time=50ms") as typed:
        await typed.until("registered .2.01")
        assert await leshan.driver.observe("dev", "/5/0/3", 20) == Answer("2.05", "0")
        await typed.until("request +Observe /5/0/3 -> 2.05 +0")
        assert await leshan.driver.write_file("dev", "/5/0/0", tmp_path / "fw.bin", 60) == Answer("2.04")
        await typed.until("state +2 Downloaded")
        await typed.until("notify +/5/0/3 = 2")
        assert await leshan.driver.execute("dev", "/5/0/2", "", 20) == Answer("2.04")
        await typed.until("state +0 Idle, result 1")
        await typed.until("registered .2.01")
        typed.say("update")
        await typed.until("registration updated .2.04")
        typed.say("quit")
        assert await typed.end(close=False) == 0
        assert await typed.errors() == ""
    assert PSK.key.hex() not in typed.text
