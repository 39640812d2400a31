"""A device pulls from servers that others wrote: libcoap's, whose ETags do not last, and aiocoap's file server."""

from __future__ import annotations

import random

import pytest

from simulator.firmware import generate
from tests.device.device_rig import MODEL
from tests.interop.rig import PACKAGE, embedded_server, socket_device

pytestmark = pytest.mark.peer

LARGE = generate(300_000, MODEL, "2.0.0", 5)
SMALL = generate(3_000, MODEL, "2.0.0", 3)


@pytest.fixture
async def server():
    async with embedded_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    """A directory of packages, sound and damaged."""
    damaged = bytearray(PACKAGE)
    damaged[9_000] ^= 1
    files = {
        "good.bin": PACKAGE,
        "small.bin": SMALL,
        "large.bin": LARGE,
        "damaged.bin": bytes(damaged),
        "cut.bin": PACKAGE[:-1],
        "other-model.bin": generate(20_000, "another", "2.0.0", 1),
        "no-package.bin": random.Random(1).randbytes(20_000),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


@pytest.fixture
def libcoap(libcoap_server, libcoap_client, folder):
    """An async function that puts a package onto libcoap's server; the server and the package's URI."""

    async def start(name):
        peer = libcoap_server()
        uri = peer.uri(name)
        await libcoap_client("-m", "put", "-b", "1024", "-f", str(folder / name), uri)
        return peer, uri

    return start


@pytest.fixture
def fileserver(aiocoap_fileserver, folder):
    """An async function that starts aiocoap's file server; the server and the URI of a package."""

    async def start(name):
        peer = aiocoap_fileserver(folder)
        return peer, peer.uri(name)

    return start


@pytest.fixture(params=["libcoap", "fileserver"])
def origin(request):
    """Either of the two servers."""
    return request.getfixturevalue(request.param)


async def write_uri(rig, uri):
    rig.device.firmware.write(1, uri)
    rig.device.act_soon()


@pytest.mark.parametrize("block_size", [64, 1024])
async def test_a_pull_and_the_update_after_it(server, origin, block_size):
    _, uri = await origin("good.bin")
    async with socket_device(server.peers.local, block_size=block_size) as rig:
        await write_uri(rig, uri)
        await rig.ends_in(2, 0)
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.received) == ("ok", len(PACKAGE))
        assert transfer.size in (len(PACKAGE), -1)
        assert transfer.blocks == -(-len(PACKAGE) // block_size)
        assert rig.device.firmware.package_version == "2.0.0"
        assert rig.device.firmware.execute(2, "") == 0x44
        rig.device.act_soon()
        await rig.ends_in(0, 1)
        assert rig.device.persistent.firmware_version == "2.0.0"


async def test_a_missing_file_gives_result_7(server, origin):
    _, uri = await origin("good.bin")
    async with socket_device(server.peers.local) as rig:
        await write_uri(rig, uri.replace("good", "missing"))
        await rig.ends_in(0, 7)


@pytest.mark.parametrize(
    ("name", "result"), [("damaged.bin", 5), ("cut.bin", 5), ("other-model.bin", 6), ("no-package.bin", 6)]
)
async def test_a_bad_file_gives_its_result(server, origin, name, result):
    _, uri = await origin(name)
    async with socket_device(server.peers.local) as rig:
        await write_uri(rig, uri)
        await rig.ends_in(0, result)
        assert rig.device.flash.written == 0


async def stored_at_least(rig, size):
    await rig.until(lambda: rig.device.flash.written >= size)
    assert rig.pair == (1, 0)


async def test_a_server_that_dies_in_the_middle_gives_result_4(server, origin):
    peer, uri = await origin("large.bin")
    async with socket_device(server.peers.local, block_size=16) as rig:
        await write_uri(rig, uri)
        await stored_at_least(rig, 2_000)
        peer.peer.stop()
        # The kernel tells that nobody listens any more, so this takes no retransmissions.
        await rig.ends_in(0, 4)
        assert rig.transfers[0].outcome == "fail"
        assert rig.transfers[0].received < len(LARGE)


async def reboot_in_the_middle(rig, uri):
    """Reboot during a download; where the next one began, in bytes."""
    await write_uri(rig, uri)
    await stored_at_least(rig, 20_000)
    await rig.device.reboot()
    await rig.until(lambda: rig.device.pull is not None)
    begun = rig.device.pull._offset
    await rig.ends_in(2, 0)
    return begun


async def test_a_reboot_resumes_where_the_etag_lasts(server, fileserver):
    _, uri = await fileserver("large.bin")
    async with socket_device(server.peers.local, block_size=64) as rig:
        begun = await reboot_in_the_middle(rig, uri)
        assert begun >= 20_000
        assert [t.outcome for t in rig.transfers] == ["unknown", "ok"]
        assert rig.transfers[1].blocks == -(-(len(LARGE) - begun) // 64)


async def test_a_reboot_begins_anew_where_the_etag_does_not_last(server, libcoap):
    # libcoap gives no ETag to a port that asks for a block in the middle first.
    _, uri = await libcoap("large.bin")
    async with socket_device(server.peers.local, block_size=64) as rig:
        await reboot_in_the_middle(rig, uri)
        assert [t.outcome for t in rig.transfers] == ["unknown", "ok"]
        assert rig.transfers[1].received == len(LARGE)
        assert rig.transfers[1].blocks == -(-len(LARGE) // 64)
