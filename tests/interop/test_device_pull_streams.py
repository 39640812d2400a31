"""A device pulls over streams from servers that others wrote: libcoap's over CoAP over TCP, and nginx over HTTP."""

from __future__ import annotations

import pytest

from simulator.firmware import generate
from tests.device.device_rig import MODEL
from tests.interop.rig import PACKAGE, embedded_server, socket_device

pytestmark = pytest.mark.peer

LARGE = generate(600_000, MODEL, "2.0.0", 5)
SCHEMES = ["coap+tcp", "http"]


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
        "large.bin": LARGE,
        "damaged.bin": bytes(damaged),
        "cut.bin": PACKAGE[:-1],
        "other-model.bin": generate(20_000, "another", "2.0.0", 1),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


@pytest.fixture
def origin(libcoap_server, libcoap_client, nginx_server, folder):
    """An async function that serves a package over a scheme; the server and the package's URI."""

    async def start(scheme, name, rate=""):
        if scheme == "http":
            web = nginx_server(folder, extra=f"limit_rate {rate};" if rate else "")
            return web, web.uri(name)
        peer = libcoap_server()
        await libcoap_client("-m", "put", "-b", "1024", "-f", str(folder / name), peer.uri(name))
        return peer, peer.uri(name, scheme)

    return start


async def write_uri(rig, uri):
    rig.device.firmware.write(1, uri)
    rig.device.act_soon()


both = pytest.mark.parametrize("scheme", SCHEMES)


@both
async def test_a_pull_and_the_update_after_it(server, origin, scheme):
    _, uri = await origin(scheme, "good.bin")
    async with socket_device(server.peers.local, transport=scheme) as rig:
        await write_uri(rig, uri)
        await rig.ends_in(2, 0)
        (transfer,) = rig.transfers
        assert (transfer.transport, transfer.outcome, transfer.received) == (scheme, "ok", len(PACKAGE))
        assert transfer.wire_in > len(PACKAGE)
        assert rig.device.firmware.package_version == "2.0.0"
        assert rig.device.firmware.execute(2, "") == 0x44
        rig.device.act_soon()
        await rig.ends_in(0, 1)
        assert rig.device.persistent.firmware_version == "2.0.0"


@both
async def test_a_missing_file_gives_result_7(server, origin, scheme):
    _, uri = await origin(scheme, "good.bin")
    async with socket_device(server.peers.local, transport=scheme) as rig:
        await write_uri(rig, uri.replace("good", "missing"))
        await rig.ends_in(0, 7)


@both
async def test_nobody_who_listens_gives_result_4(server, free_port, scheme):
    async with socket_device(server.peers.local, transport=scheme) as rig:
        await write_uri(rig, f"{scheme}://127.0.0.1:{free_port()}/good.bin")
        await rig.ends_in(0, 4)


@pytest.mark.parametrize(("name", "result"), [("damaged.bin", 5), ("cut.bin", 5), ("other-model.bin", 6)])
@both
async def test_a_bad_file_gives_its_result(server, origin, scheme, name, result):
    _, uri = await origin(scheme, name)
    async with socket_device(server.peers.local, transport=scheme) as rig:
        await write_uri(rig, uri)
        await rig.ends_in(0, result)
        assert rig.device.flash.written == 0


async def stored_at_least(rig, size):
    await rig.until(lambda: rig.device.flash.written >= size)
    assert rig.pair == (1, 0)


# Small blocks and a limited rate, so that there is a middle.
SLOWLY = {"coap+tcp": {"block_size": 16}, "http": {}}


@both
async def test_a_server_that_dies_in_the_middle_gives_result_4(server, origin, scheme):
    peer, uri = await origin(scheme, "large.bin", "100k")
    async with socket_device(server.peers.local, transport=scheme, **SLOWLY[scheme]) as rig:
        await write_uri(rig, uri)
        await stored_at_least(rig, 2_000)
        peer.peer.stop()
        await rig.ends_in(0, 4)
        assert rig.transfers[0].outcome == "fail"
        assert rig.transfers[0].received < len(LARGE)


@both
async def test_a_reboot_in_the_middle_ends_in_the_whole_package(server, origin, scheme):
    """nginx's ETag lasts, so the rest alone is asked for; libcoap gives none in the middle, so it begins anew."""
    _, uri = await origin(scheme, "large.bin", "300k")
    async with socket_device(server.peers.local, transport=scheme, **SLOWLY[scheme]) as rig:
        await write_uri(rig, uri)
        await stored_at_least(rig, 20_000)
        await rig.device.reboot()
        await rig.ends_in(2, 0)
        first, second = rig.transfers
        assert (first.outcome, second.outcome) == ("unknown", "ok")
        if scheme == "http":
            assert second.received == len(LARGE) - first.received
            assert second.wire_in < second.received + 2000
        else:
            assert second.received == len(LARGE)
            assert second.blocks == -(-len(LARGE) // 16)
