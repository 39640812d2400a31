"""A whole device downloads a mebibyte from every server over every transport that it offers, and has every byte."""

from __future__ import annotations

import pytest

from simulator.device.flash import FileFlash
from simulator.firmware import generate
from tests.device.device_rig import MODEL
from tests.interop.file_servers import NAMES, OFFERS, WAYS, FileServers, credentials_for, own_origins
from tests.interop.matrix import documented_cell
from tests.interop.rig import embedded_server, socket_device

MEBIBYTE = generate(1 << 20, MODEL, "2.0.0", 7)
SMALL = generate(3_000, MODEL, "2.0.0", 8)

SEVERAL = 0
"""As many messages as the device's capabilities make of it: fewer than there are blocks, more than one."""

OTHERS = [
    pytest.param(kind, way, marks=pytest.mark.peer) for kind, ways in OFFERS.items() if kind != "own" for way in ways
]


@pytest.fixture
def servers(request, tmp_path):
    folder = tmp_path / "identity"
    folder.mkdir()
    return FileServers(request, folder)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "fw.bin").write_bytes(MEBIBYTE)
    (tmp_path / "www" / "small.bin").write_bytes(SMALL)
    return tmp_path / "www"


async def download(uri, way, servers, tmp_path, package=MEBIBYTE, **settings):
    """Pull by a device, and update; how it went."""
    flash = FileFlash(tmp_path / "flash.bin", 2 << 20)
    scheme = way.split()[0]
    async with (
        embedded_server() as server,
        socket_device(
            server.peers.local,
            credentials=credentials_for(way, servers.certificates),
            flash=flash,
            transport=scheme,
            **settings,
        ) as rig,
    ):
        rig.write_uri(uri)
        await rig.ends_in(2, 0, 60)
        assert (tmp_path / "flash.bin").read_bytes() == package
        assert rig.device.firmware.execute(2, "") == 0x44
        rig.device.act_soon()
        await rig.ends_in(0, 1)
        (transfer,) = rig.transfers
        assert (transfer.transport, transfer.outcome, transfer.received) == (scheme, "ok", len(package))
        assert transfer.refetched == 0
        assert transfer.wire_in > len(package)
        return transfer


def check_documented(kind, way, transfer):
    """docs/interop.md says how a mebibyte came."""
    if way.startswith("http"):
        came = "whole"
    else:
        came = "blocks" if transfer.blocks == 1024 else "BERT"
        assert 1 < transfer.blocks <= 1024
    assert documented_cell("downloads", kind, NAMES[way]) == came


def test_what_is_not_offered_is_not_documented():
    for kind, ways in OFFERS.items():
        assert [documented_cell("downloads", kind, NAMES[way]) for way in WAYS if way not in ways] == ["-"] * (
            len(WAYS) - len(ways)
        )


@pytest.mark.parametrize(("kind", "way"), OTHERS)
async def test_a_mebibyte_from_the_servers_of_others(servers, folder, tmp_path, kind, way):
    scheme = way.split()[0]
    uri = await servers.start(kind, folder, "fw.bin", scheme)
    check_documented(kind, way, await download(uri, way, servers, tmp_path))


@pytest.mark.parametrize("way", OFFERS["own"])
async def test_a_mebibyte_from_the_own_origin(servers, tmp_path, way):
    async with own_origins(servers.certificates, {"fw.bin": MEBIBYTE}) as uris:
        scheme = way.split()[0]
        check_documented("own", way, await download(f"{uris[scheme]}/fw.bin", way, servers, tmp_path))


@pytest.mark.peer
@pytest.mark.parametrize(
    ("block_size", "name", "blocks"),
    [(1024, "fw.bin", SEVERAL), (512, "fw.bin", 2048), (1024, "small.bin", 1), (512, "small.bin", 6)],
)
@pytest.mark.parametrize("way", ["coap+tcp", "coaps+tcp x509"])
async def test_libcoap_over_tcp_sends_what_the_device_takes(servers, folder, tmp_path, block_size, name, blocks, way):
    """BERT, one message where the whole fits, and blocks where they are asked for.

    What libcoap makes of other sizes in a CSM is in ``test_coap_tcp_peers``: blocks of 1024, BERT of 7168, the whole.
    """
    uri = await servers.start("libcoap", folder, name, way.split()[0])
    package = SMALL if name == "small.bin" else MEBIBYTE
    transfer = await download(uri, way, servers, tmp_path, package, block_size=block_size)
    if way.startswith("coaps") and blocks == SEVERAL:
        assert transfer.blocks == -(-1024 // 15), "no message is longer than a record of TLS"
    assert 1 < transfer.blocks < 1024 if blocks == SEVERAL else transfer.blocks == blocks
