"""A device on aiocoap pulls from libcoap's server and is managed by its client."""

from __future__ import annotations

import pytest

from tests.interop.rig import PACKAGE, embedded_server, register_and_leave, socket_device

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("block_size", [64, 1024])
async def test_a_pull_from_libcoap(libcoap_server, libcoap_client, tmp_path, block_size):
    file = tmp_path / "good.bin"
    file.write_bytes(PACKAGE)
    peer = libcoap_server()
    uri = peer.uri("good.bin")
    await libcoap_client("-m", "put", "-b", "1024", "-f", str(file), uri)
    settings = {"stack": "aiocoap", "block_size": block_size}
    async with embedded_server() as server, socket_device(server.peers.local, **settings) as rig:
        rig.device.firmware.write(1, uri)
        rig.device.act_soon()
        await rig.ends_in(2, 0)
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.received) == ("ok", len(PACKAGE))


async def test_management_by_libcoap(libcoap_client, free_port, tmp_path):
    manager, rig, port = await register_and_leave(free_port, stack="aiocoap")
    try:
        uri = f"coap://{rig.address}"
        ask = ["-a", "127.0.0.1", "-p", str(port), "-B", "10"]
        assert await libcoap_client(*ask, "-m", "get", "-A", "0", f"{uri}/3/0/3") == b"1.0.0"
        file = tmp_path / "package"
        file.write_bytes(PACKAGE)
        await libcoap_client(*ask, "-m", "put", "-t", "42", "-b", "256", "-f", str(file), f"{uri}/5/0/0")
        await rig.until(lambda: rig.pair == (2, 0))
        assert await libcoap_client(*ask, "-m", "get", "-A", "0", f"{uri}/5/0/7") == b"2.0.0"
        assert rig.transfers[0].received == len(PACKAGE)
    finally:
        await manager.__aexit__(None, None, None)
