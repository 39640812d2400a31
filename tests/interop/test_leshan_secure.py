"""Both real Leshans over DTLS, by pre-shared key and by certificate, with devices on this project's engine."""

from __future__ import annotations

import asyncio
import random
from itertools import count

import pytest
import pytest_asyncio

from simulator.operator.driver import (
    Answer,
    ByCertificate,
    DriverError,
    NoAnswerError,
    Notified,
    Registered,
    ServerStartError,
    Updated,
)
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import Credentials, Psk, derive_psk
from simulator.security.failures import HandshakeFailedError, SecurityError
from tests.conftest import no_leaked_tasks
from tests.interop.engine_device import engine_device
from tests.interop.server_rig import Certificates, server_under_test
from tests.peers.tools import peer_tool

# The first use fetches and builds. The loop is that of the servers, which are the same for most tests.
pytestmark = [pytest.mark.peer, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]

PACKAGE = random.Random(17).randbytes(65_536)
KINDS = ["leshan", "leshan-demo"]
MODES = ["psk", "x509"]
NUMBERS = count()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module", autouse=True)
def _tools():
    peer_tool("javac", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")


@pytest_asyncio.fixture(loop_scope="module")
async def _no_leaked_tasks():
    async with no_leaked_tasks():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def server(request, tmp_path_factory, certificates):
    work = tmp_path_factory.mktemp("server")
    async with server_under_test(request.param, work, certificates.directory) as rig:
        yield rig
    log = (work / "server.log").read_text(errors="replace").lower()
    assert [number for number in range(next(NUMBERS)) if psk_of(name_of(number)).key.hex() in log] == []


@pytest.fixture
def rig(server):
    server.events.clear()
    return server


def name_of(number):
    return f"dev-{number}"


@pytest.fixture
def dev():
    """The Endpoint Client Name of a device that the server has not heard of."""
    return name_of(next(NUMBERS))


def psk_of(name):
    return Psk(f"id of {name}".encode(), derive_psk(2, name).key)


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def shown(mode, certificates, dev):
    """What the device ``dev`` shows."""
    return Credentials(psk=psk_of(dev)) if mode == "psk" else certificates.device(dev)


async def give(rig, mode, endpoint, psk=None):
    await rig.driver.credentials(endpoint, (psk or psk_of(endpoint)) if mode == "psk" else ByCertificate())


async def test_a_device_is_managed(rig, certificates, mode, dev, tmp_path):
    file = tmp_path / "fw.bin"
    file.write_bytes(PACKAGE)
    await give(rig, mode, dev)
    async with engine_device(rig.uris["coaps"], shown(mode, certificates, dev)) as device:
        assert await device.register(dev) == "2.01"
        await rig.told_of(Registered, dev)
        assert await rig.driver.read(dev, "/3/0/3", 10) == Answer("2.05", "1.0.0")
        assert await rig.driver.observe(dev, "/5/0/3", 10) == Answer("2.05", "0")
        for value in ("1", "2", "3"):
            device.tell("5/0/3", value.encode())
            await rig.told(Notified(dev, "/5/0/3", value))
        assert await rig.driver.write_file(dev, "/5/0/0", file, 60) == Answer("2.04")
        assert device.bodies["5/0/0"] == PACKAGE
        assert await device.update() == "2.04"
        device.silent = True
        with pytest.raises(NoAnswerError):
            await rig.driver.read(dev, "/3/0/3", 1)
        assert device.errors == []


async def test_a_device_comes_back_over_another_connection(rig, certificates, mode, dev):
    await give(rig, mode, dev)
    secret = shown(mode, certificates, dev)
    async with engine_device(rig.uris["coaps"], secret) as device:
        assert await device.register(dev) == "2.01"
        # Until a server has told of it, it may cancel a request as one of the registration before.
        await rig.told_of(Registered, dev)
    async with engine_device(rig.uris["coaps"], secret) as again:
        again.location = device.location
        assert await again.update() == "2.04"
        await rig.told_of(Updated, dev)
        assert await rig.driver.read(dev, "/3/0/3", 10) == Answer("2.05", "1.0.0")
    rig.events.clear()
    async with engine_device(rig.uris["coaps"], secret) as anew:
        anew.bodies["3/0/3"] = b"2.0.0"
        assert await anew.register(dev) == "2.01"
        await rig.told_of(Registered, dev)
        assert await rig.driver.read(dev, "/3/0/3", 10) == Answer("2.05", "2.0.0")


async def test_a_device_with_credentials_is_refused_without_them(rig, mode, dev):
    await give(rig, mode, dev)
    async with engine_device(rig.uris["coap"]) as device:
        assert await device.register(dev) == "4.03"
        assert await device.register(f"another-{dev}") == "2.01"
    assert [name for name in await rig.driver.clients() if dev in name] == [f"another-{dev}"]


async def test_a_key_is_good_for_its_own_device_alone(rig, dev):
    another = f"another-{dev}"
    other = psk_of(another)
    await give(rig, "psk", dev)
    await give(rig, "psk", another)
    async with engine_device(rig.uris["coaps"], Credentials(psk=other)) as device:
        assert await device.register(dev) == "4.03"
        assert await device.register("unknown") == "4.03"
        assert await device.register(another) == "2.01"


@pytest.mark.parametrize("wrong", ["key", "identity"])
async def test_a_wrong_key_gets_no_connection(rig, wrong, dev):
    right = psk_of(dev)
    await give(rig, "psk", dev)
    wrong = Psk(right.identity, b"another key 1234") if wrong == "key" else Psk(b"nobody", right.key)
    with pytest.raises(HandshakeFailedError):
        async with engine_device(rig.uris["coaps"], Credentials(psk=wrong)):
            pass


async def test_another_key_takes_the_place_of_the_first(rig, dev):
    await give(rig, "psk", dev)
    second = psk_of(f"second of {dev}")
    await give(rig, "psk", dev, second)
    with pytest.raises(HandshakeFailedError):
        async with engine_device(rig.uris["coaps"], Credentials(psk=psk_of(dev))):
            pass
    async with engine_device(rig.uris["coaps"], Credentials(psk=second)) as device:
        assert await device.register(dev) == "2.01"
    with pytest.raises(DriverError) as raised:
        await give(rig, "psk", f"another-{dev}", second)
    assert second.key.hex() not in str(raised.value)


async def test_a_certificate_is_good_for_its_own_device_alone(rig, certificates, dev):
    await give(rig, "x509", dev)
    async with engine_device(rig.uris["coaps"], certificates.device("another")) as device:
        assert await device.register(dev) == "4.03"


@pytest.mark.parametrize("kind", ["anonymous", "another CA"])
async def test_a_device_without_a_certificate_of_the_ca_gets_no_connection(rig, certificates, kind, dev):
    await give(rig, "x509", dev)
    credentials = certificates.anonymous() if kind == "anonymous" else certificates.device(dev, Authority())
    with pytest.raises(SecurityError):
        async with engine_device(rig.uris["coaps"], credentials):
            pass


async def test_many_devices(rig, certificates, mode, dev):
    names = [f"{n}-of-{dev}" for n in range(20)]

    async def one(name):
        await give(rig, mode, name)
        async with engine_device(rig.uris["coaps"], shown(mode, certificates, name)) as device:
            device.bodies["3/0/3"] = name.encode()
            assert await device.register(name) == "2.01"
            await rig.told_of(Registered, name)
            assert await rig.driver.read(name, "/3/0/3", 10) == Answer("2.05", name)

    await asyncio.gather(*(one(name) for name in names))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_identity_that_is_of_no_use_is_told(kind, tmp_path, certificates):
    with pytest.raises(ServerStartError, match=r"server\.(pem|key): cannot be read"):
        async with server_under_test(kind, tmp_path, tmp_path / "none"):
            pass
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).write_bytes((certificates.directory / name).read_bytes())
    (tmp_path / "server.key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ServerStartError, match=r"server\.key: no ") as raised:
        async with server_under_test(kind, tmp_path, tmp_path):
            pass
    assert "c2VjcmV0" not in str(raised.value)


async def test_the_demo_wants_a_certificate_that_is_for_clients_too(tmp_path, certificates):
    # That of a server that has expired is for servers alone.
    identity = certificates.authority.expired("127.0.0.1")
    for name, data in (("server.pem", chain_pem(identity)), ("server.key", key_pem(identity)),
                       ("ca.pem", certificates.authority.pem)):  # fmt: skip
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ServerStartError, match=r"server\.pem: .* for servers alone; give one with .* clientAuth"):
        async with server_under_test("leshan-demo", tmp_path, tmp_path):
            pass


@pytest.mark.parametrize("kind", KINDS)
async def test_without_an_identity_there_are_keys(kind, tmp_path, dev):
    async with server_under_test(kind, tmp_path) as rig:
        await give(rig, "psk", dev)
        async with engine_device(rig.uris["coaps"], Credentials(psk=psk_of(dev))) as device:
            assert await device.register(dev) == "2.01"
