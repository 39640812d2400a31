"""A download that is interrupted, on real sockets: by a reboot, by a power cut, and by the loss of its connection.

Between the device and the server stands a relay: a NAT for datagrams, a wire for streams. The device sets off the
interruption itself, when its flash holds so much of the package.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from simulator.coap.params import TransmissionParameters
from simulator.device.flash import FileFlash
from simulator.firmware import generate
from tests.device.device_rig import MODEL
from tests.interop.file_servers import SCHEMES, FileServers, credentials_for, own_origins
from tests.interop.matrix import documented_cell
from tests.interop.relay import address_of, relay_to, through
from tests.interop.rig import embedded_server, socket_device

PACKAGE = generate(200_000, MODEL, "2.0.0", 5)
ANOTHER = generate(200_000, MODEL, "3.0.0", 6)
BLOCK = 1024
QUICK = TransmissionParameters(ACK_TIMEOUT=0.15, MAX_RETRANSMIT=2)

WAY = {"coaps": "coaps psk", "coaps+tcp": "coaps+tcp x509", "https": "https x509"}

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


class TrippingFlash(FileFlash):
    """Calls something once, in the next turn of the loop after so many bytes are there."""

    def __init__(self, path, at, trip):
        super().__init__(path, 2 << 20)
        self._at, self._trip = at, trip
        self.path = path

    def write(self, data):
        super().write(data)
        if self._trip is not None and self.written >= self._at:
            trip, self._trip = self._trip, None
            asyncio.get_running_loop().call_soon(trip)


class Interrupted:
    """A device, the relay before its package origin, and what interrupts it."""

    def __init__(self, rig, relay, flash):
        self.rig, self.relay, self.flash = rig, relay, flash

    def reboot(self):
        self.rig._spawn(self.rig.device.reboot())

    def power_cut(self):
        self.rig.device.cut_off()
        self.rig._spawn(self.rig.device.power_on(0.0))

    def connection_loss(self):
        self.relay.cut()

    @property
    def refetched(self):
        return sum(transfer.refetched for transfer in self.rig.transfers)

    @property
    def outcomes(self):
        return [transfer.outcome for transfer in self.rig.transfers]


@pytest.fixture
def servers(request, tmp_path):
    (tmp_path / "identity").mkdir()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "fw.bin").write_bytes(PACKAGE)
    return FileServers(request, tmp_path / "identity")


@asynccontextmanager
async def interrupted(uri, servers, tmp_path, share, how, *, before=None, **settings):
    """Let a device pull, and interrupt it at a share of the package."""
    scheme = uri.partition(":")[0]

    def trip():
        if before is not None:
            before(relay)
        getattr(found, how)()

    flash = TrippingFlash(tmp_path / "flash.bin", int(len(PACKAGE) * share), trip)
    async with (
        closing_soon(flash),
        embedded_server() as server,
        relay_to(uri) as relay,
        socket_device(
            server.peers.local,
            credentials=credentials_for(WAY.get(scheme, scheme), servers.certificates),
            flash=flash,
            transport=scheme,
            parameters=QUICK,
            **settings,
        ) as rig,
    ):
        found = Interrupted(rig, relay, flash)
        rig.write_uri(through(uri, relay))
        yield found


@asynccontextmanager
async def closing_soon(flash):
    """Close the file of a flash, whose device was cut off in the middle."""
    try:
        yield
    finally:
        flash.close()


async def whole(found, package=PACKAGE):
    """Wait for the package, and update."""
    rig = found.rig
    await rig.ends_in(2, 0)
    assert found.flash.path.read_bytes() == package
    await rig.until(lambda: rig.registered)
    assert rig.device.firmware.execute(2, "") == 0x44
    rig.device.act_soon()
    await rig.ends_in(0, 1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("how", ["reboot", "power_cut", "connection_loss"])
@every_scheme
async def test_an_interrupted_download_goes_on(servers, tmp_path, scheme, how, share):
    async with own_origins(servers.certificates, {"fw.bin": PACKAGE}) as uris:
        uri = f"{uris[scheme]}/fw.bin"
        async with interrupted(uri, servers, tmp_path, share, how, pull_retries=2) as found:
            await whole(found)
            assert found.refetched <= BLOCK
            assert documented_cell(how.replace("power_cut", "reboot"), "own", scheme) == "nothing"
            assert found.outcomes == (["ok"] if how == "connection_loss" else ["unknown", "ok"])
            if how != "connection_loss":
                assert found.rig.transfers[0].received >= share * len(PACKAGE)
            # What came over the wire in all is hardly more than the package.
            assert sum(transfer.wire_in for transfer in found.rig.transfers) < 1.2 * len(PACKAGE) + 8 * BLOCK


@pytest.mark.parametrize("how", ["reboot", "connection_loss"])
@every_scheme
async def test_another_package_by_the_same_name_comes_whole(servers, tmp_path, scheme, how):
    async with (
        own_origins(servers.certificates, {"fw.bin": PACKAGE}) as first,
        own_origins(servers.certificates, {"fw.bin": ANOTHER}) as second,
    ):

        def exchange(relay):
            relay.target = address_of(second[scheme])

        uri = f"{first[scheme]}/fw.bin"
        async with interrupted(uri, servers, tmp_path, 0.5, how, before=exchange, pull_retries=2) as found:
            await whole(found, ANOTHER)
            assert found.refetched >= len(PACKAGE) / 2
            assert found.rig.device.persistent.firmware_version == "3.0.0"


@pytest.mark.parametrize("scheme", ["coap", "coaps", "coap+tcp", "http"])
async def test_a_connection_that_is_lost_once_too_often_gives_result_4(servers, tmp_path, scheme, free_port):
    async with own_origins(servers.certificates, {"fw.bin": PACKAGE}) as uris:

        def nowhere(relay):
            relay.target = relay.target._replace(port=free_port())

        uri = f"{uris[scheme]}/fw.bin"
        async with interrupted(uri, servers, tmp_path, 0.5, "connection_loss", before=nowhere, pull_retries=1) as found:
            await found.rig.ends_in(0, 4)
            assert found.outcomes == ["fail"]


PEERS = [
    ("libcoap", "coap"),
    ("libcoap", "coaps"),
    ("libcoap", "coap+tcp"),
    ("libcoap", "coaps+tcp"),
    ("aiocoap", "coap"),
    ("aiocoap", "coap+tcp"),
    ("aiocoap", "coaps+tcp"),
    ("nginx", "http"),
    ("nginx", "https"),
]


@pytest.mark.peer
@pytest.mark.parametrize("how", ["reboot", "connection_loss"])
@pytest.mark.parametrize(("kind", "scheme"), PEERS)
async def test_servers_of_others_after_an_interruption(servers, tmp_path, kind, scheme, how):
    """What has an ETag that lasts goes on; libcoap gives none in the middle, so the download begins anew."""
    uri = await servers.start(kind, tmp_path / "www", "fw.bin", scheme)
    async with interrupted(uri, servers, tmp_path, 0.5, how, pull_retries=2) as found:
        await whole(found)
        there = found.rig.transfers[0].received if how == "reboot" else len(PACKAGE) / 2
        again = "nothing" if found.refetched <= BLOCK else "all" if found.refetched >= there else "some"
        assert documented_cell(how, kind, scheme) == again
        if how == "reboot":
            assert found.refetched in (0, there)
