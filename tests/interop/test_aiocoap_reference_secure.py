"""The reference server on aiocoap over TCP and TLS, with devices on this project's engine."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.operator.driver import (
    Answer,
    ByCertificate,
    DriverError,
    NoAnswerError,
    Notified,
    NotifyFailed,
    Registered,
    ServerStartError,
)
from simulator.security.authority import Authority
from simulator.security.credentials import Psk
from simulator.security.failures import SecurityError
from tests.interop.engine_device import engine_device
from tests.interop.server_rig import Certificates, server_under_test

PACKAGE = random.Random(17).randbytes(65_536)
SCHEMES = ["coap", "coap+tcp", "coaps+tcp"]
LOST = "connection has ended"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("identity"))


@pytest.fixture
async def rig(tmp_path, certificates):
    async with server_under_test("aiocoap", tmp_path, certificates.directory) as rig:
        yield rig


async def registered(rig, certificates, scheme, device):
    """Register a device as ``dev``."""
    if scheme == "coaps+tcp":
        await rig.driver.credentials("dev", ByCertificate())
    assert await device.register("dev") == "2.01"
    await rig.told_of(Registered)


async def test_its_uris(rig):
    assert sorted(rig.uris) == sorted(SCHEMES)
    for scheme, uri in rig.uris.items():
        host, _, port = uri.rpartition(":")
        assert host == f"{scheme}://127.0.0.1"
        assert int(port) > 0


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_device_is_managed(rig, certificates, scheme, tmp_path):
    file = tmp_path / "fw.bin"
    file.write_bytes(PACKAGE)
    async with engine_device(rig.uris[scheme], certificates.device("dev")) as device:
        await registered(rig, certificates, scheme, device)
        assert await rig.driver.read("dev", "/3/0/3", 10) == Answer("2.05", "1.0.0")
        assert await rig.driver.observe("dev", "/5/0/3", 10) == Answer("2.05", "0")
        for value in ("1", "2", "3"):
            device.tell("5/0/3", value.encode())
            await rig.told(Notified("dev", "/5/0/3", value))
        assert await rig.driver.write_file("dev", "/5/0/0", file, 30) == Answer("2.04")
        assert device.bodies["5/0/0"] == PACKAGE
        assert await rig.driver.write_text("dev", "/5/0/1", "coap://127.0.0.1/fw", 10) == Answer("2.04")
        assert await device.update() == "2.04"
        assert await rig.driver.read("dev", "/9/9/9", 10) == Answer("4.04")
        device.silent = True
        with pytest.raises(NoAnswerError):
            await rig.driver.read("dev", "/3/0/3", 0.3)


@pytest.mark.parametrize("scheme", ["coap+tcp", "coaps+tcp"])
async def test_many_devices_each_on_its_own_connection(rig, certificates, scheme):
    names = [f"ep-{n}" for n in range(20)]

    async def one(name):
        if scheme == "coaps+tcp":
            await rig.driver.credentials(name, ByCertificate())
        async with engine_device(rig.uris[scheme], certificates.device(name)) as device:
            device.bodies["3/0/3"] = name.encode()
            assert await device.register(name) == "2.01"
            answers = await asyncio.gather(*(rig.driver.read(name, "/3/0/3", 10) for _ in range(5)))
            assert answers == [Answer("2.05", name)] * 5

    await asyncio.gather(*(one(name) for name in names))


@pytest.mark.parametrize("scheme", ["coap+tcp", "coaps+tcp"])
async def test_the_end_of_a_connection_answers_what_waits_and_what_comes_after(rig, certificates, scheme):
    async with engine_device(rig.uris[scheme], certificates.device("dev")) as device:
        await registered(rig, certificates, scheme, device)
        await rig.driver.observe("dev", "/5/0/3", 10)
        device.silent = True
        waiting = asyncio.create_task(rig.driver.read("dev", "/3/0/3", 60))
        await asyncio.sleep(0.2)
    with pytest.raises(NoAnswerError, match=LOST):
        await waiting
    with pytest.raises(NoAnswerError, match=LOST):
        await rig.driver.read("dev", "/3/0/3", 60)
    await rig.told(NotifyFailed("dev", "/5/0/3", "the device's connection has ended"))
    async with engine_device(rig.uris[scheme], certificates.device("dev")) as again:
        again.location = device.location
        assert await again.update() == "2.04"
        assert await rig.driver.read("dev", "/3/0/3", 10) == Answer("2.05", "1.0.0")


async def test_a_device_with_credentials_is_refused_without_them(rig, certificates):
    await rig.driver.credentials("dev", ByCertificate())
    for scheme in ("coap", "coap+tcp"):
        async with engine_device(rig.uris[scheme]) as device:
            assert await device.register("dev") == "4.03"
            assert await device.register("another") == "2.01"
    assert await rig.driver.clients() == ["another"]


async def test_a_certificate_is_good_for_its_own_name_alone(rig, certificates):
    await rig.driver.credentials("dev", ByCertificate())
    uri = rig.uris["coaps+tcp"]
    async with engine_device(uri, certificates.device("another")) as device:
        assert await device.register("dev") == "4.03"
        assert await device.register("another") == "4.03"  # it has no credentials at the server
    async with engine_device(uri, certificates.device("dev")) as device:
        assert await device.register("dev") == "2.01"
        location = device.location
    async with engine_device(uri, certificates.device("another")) as device:
        device.location = location
        assert await device.update() == "4.03"
    async with engine_device(rig.uris["coap"]) as device:
        device.location = location
        assert await device.update() == "4.03"


@pytest.mark.parametrize("kind", ["anonymous", "another CA"])
async def test_a_device_without_a_certificate_of_the_ca_gets_no_connection(rig, certificates, kind):
    await rig.driver.credentials("dev", ByCertificate())
    credentials = certificates.anonymous() if kind == "anonymous" else certificates.device("dev", Authority())
    # In TLS 1.3 the server's refusal comes when the client's handshake is over.
    try:
        async with engine_device(rig.uris["coaps+tcp"], credentials) as device:
            assert await device.register("dev") != "2.01"
    except SecurityError as error:
        assert error.cause
    assert await rig.driver.clients() == []


async def test_there_is_no_use_for_keys(rig):
    with pytest.raises(DriverError, match="the reference server has no DTLS") as raised:
        await rig.driver.credentials("dev", Psk(b"dev", b"\xab\xcd\xef"))
    assert "abcdef" not in str(raised.value)


async def test_an_identity_that_is_of_no_use_is_told(tmp_path):
    with pytest.raises(ServerStartError, match=r"server\.pem, server\.key \(not encrypted\) and ca\.pem in PEM"):
        async with server_under_test("aiocoap", tmp_path, tmp_path / "none"):
            pass
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(ServerStartError, match="could not start"):
        async with server_under_test("aiocoap", tmp_path, tmp_path):
            pass


async def test_without_an_identity_there_is_no_tls(tmp_path):
    async with server_under_test("aiocoap", tmp_path) as rig:
        assert sorted(rig.uris) == ["coap", "coap+tcp"]
        with pytest.raises(DriverError, match="--identity-dir"):
            await rig.driver.credentials("dev", ByCertificate())
