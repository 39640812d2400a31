"""Devices on aiocoap that come in OSCORE messages, managed by the aiocoap reference server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from simulator.events import RegistrationEnded, StateChanged
from simulator.faults.plan import NO_FAULTS
from simulator.operator.driver import Answer, Registered
from simulator.ports import Address
from simulator.security.credentials import Credentials
from simulator.security.oscore import derive_oscore
from simulator.servers.aiocoap_reference.server import ReferenceServer
from simulator.servers.aiocoap_reference.transports import Ports
from tests.interop.rig import HOST, PACKAGE, SocketRig
from tests.interop.server_rig import server_under_test

KEYS = derive_oscore(1, "dev")


def command(keys):
    return {
        "sid_hex": keys.sender_id.hex(),
        "rid_hex": keys.recipient_id.hex(),
        "secret_hex": keys.secret.hex(),
        "salt_hex": keys.salt.hex(),
    }


class Reference:
    """The reference server in this process."""

    def __init__(self):
        self.events = []
        self.server = ReferenceServer(self.events.append)
        self.uri = ""

    async def do(self, name, **fields):
        return await self.server.perform({"do": name, "ep": "dev", "timeout_s": 20, **fields})

    def values(self, path):
        return [e["value"] for e in self.events if e["event"] == "notified" and e["path"] == path]


@pytest.fixture
async def reference(tmp_path):
    (tmp_path / "good.bin").write_bytes(PACKAGE)
    reference = Reference()
    uris = await reference.server.start(HOST, Ports(), tmp_path)
    reference.uri = uris["coap"]
    yield reference
    await reference.server.stop()


@asynccontextmanager
async def device(uri, keys=KEYS, **settings):
    """A device on aiocoap that is switched on."""
    address = Address(HOST, int(uri.rpartition(":")[2]))
    options = {"stack": "aiocoap", "boot_time_s": 0.05, "install_time_s": 0.1, **settings}
    held = Credentials(oscore=keys)
    rig = SocketRig(address, options, NO_FAULTS, held)
    await rig.device.power_on(0.0)
    try:
        yield rig
    finally:
        await rig.stop()
        await asyncio.sleep(0.05)  # aiocoap ends what was cancelled over a few turns of the loop


def pairs(rig):
    return [(e.state, e.result) for e in rig.log.events if isinstance(e, StateChanged)]


@pytest.mark.parametrize("block_size", [1024, 256])
async def test_a_pull_in_oscore_messages_ends_in_the_new_version(reference, block_size):
    assert await reference.do("credentials", oscore=command(KEYS)) == {}
    async with device(reference.uri, block_size=block_size) as rig:
        await rig.until(lambda: rig.registered)
        assert (await reference.do("read", path="/3/0/3"))["value"] == "1.0.0"
        for path in ("/5/0/3", "/5/0/5"):
            assert (await reference.do("observe", path=path))["value"] == "0"
        assert (await reference.do("write", path="/5/0/1", text=f"{reference.uri}/fw/good.bin"))["code"] == "2.04"
        await rig.until(lambda: rig.pair == (2, 0))
        await rig.until(lambda: reference.values("/5/0/3")[-1:] == ["2"])
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.received, transfer.size) == ("ok", len(PACKAGE), len(PACKAGE))
        assert transfer.blocks == -(-len(PACKAGE) // block_size)
        assert transfer.wire_in > len(PACKAGE)
        assert (await reference.do("execute", path="/5/0/2"))["code"] == "2.04"
        await rig.until(lambda: len(rig.log.events) and pairs(rig)[-1] == (0, 1))
        await rig.until(lambda: rig.registered)
        assert (await reference.do("read", path="/5/0/5"))["value"] == "1"
        assert (await reference.do("read", path="/3/0/3"))["value"] == "2.0.0"
        assert pairs(rig) == [(1, 0), (2, 0), (3, 0), (0, 1)]


async def test_a_push_in_oscore_messages(reference, tmp_path):
    await reference.do("credentials", oscore=command(KEYS))
    async with device(reference.uri) as rig:
        await rig.until(lambda: rig.registered)
        answer = await reference.do("write", path="/5/0/0", file=str(tmp_path / "good.bin"))
        assert answer == {"code": "2.04"}
        assert rig.pair == (2, 0)
        assert (rig.transfers[0].delivery, rig.transfers[0].blocks) == ("push", -(-len(PACKAGE) // 1024))


@pytest.mark.parametrize(
    ("keys", "code"),
    [(None, "4.03"), (derive_oscore(2, "dev"), "4.01"), (derive_oscore(1, "other"), "4.01")],
    ids=["without", "another seed", "another device"],
)
async def test_a_device_without_the_right_context_is_refused(reference, keys, code):
    await reference.do("credentials", oscore=command(KEYS))
    async with device(reference.uri, keys) as rig:
        await rig.until(lambda: any(isinstance(e, RegistrationEnded) for e in rig.log.events))
        first = next(e for e in rig.log.events if isinstance(e, RegistrationEnded))
        assert (first.outcome, first.code) == ("fail", code)


async def test_a_context_is_good_for_its_own_name_alone(reference):
    await reference.do("credentials", oscore=command(KEYS))
    async with device(reference.uri, KEYS, endpoint="somebody") as rig:
        await rig.until(lambda: any(isinstance(e, RegistrationEnded) for e in rig.log.events))
        first = next(e for e in rig.log.events if isinstance(e, RegistrationEnded))
        assert (first.outcome, first.code) == ("fail", "4.03")


async def test_by_its_driver(tmp_path):
    async with server_under_test("aiocoap", tmp_path) as server:
        await server.driver.credentials("dev", KEYS)
        async with device(server.uris["coap"]) as rig:
            await rig.until(lambda: rig.registered)
            await server.told_of(Registered)
            assert await server.driver.read("dev", "/3/0/3", 10) == Answer("2.05", "1.0.0")
            assert await server.driver.observe("dev", "/5/0/3", 10) == Answer("2.05", "0")
    assert KEYS.secret.hex() not in (tmp_path / "server.log").read_text()
