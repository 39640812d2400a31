"""A device whose server is libcoap's client, sending from the address at which the device is registered."""

from __future__ import annotations

import asyncio
import base64
import json
import re

import cbor2
import pytest

from simulator.coap import codes as c
from simulator.lwm2m.formats import tlv
from simulator.lwm2m.formats.record import Record
from simulator.lwm2m.objects import ResourceType
from tests.interop.rig import PACKAGE, register_and_leave
from tests.peers.process import PeerError

pytestmark = pytest.mark.peer


class LibcoapManager:
    """Runs libcoap's client once per request."""

    def __init__(self, client, rig, port):
        self._client = client
        self._rig = rig
        self._port = port

    async def __call__(self, method, path, *options):
        uri = f"coap://{self._rig.address}{path}"
        return await self._client("-a", "127.0.0.1", "-p", str(self._port), "-B", "20", "-m", method, *options, uri)

    async def refused(self, method, path, *options):
        """The code of an error response."""
        with pytest.raises(PeerError) as raised:
            await self(method, path, *options)
        return re.search(r"\b[45]\.[0-9]{2}\b", str(raised.value))[0]


@pytest.fixture
async def managed(free_port, libcoap_client):
    manager, rig, port = await register_and_leave(free_port)
    try:
        yield LibcoapManager(libcoap_client, rig, port), rig
    finally:
        await manager.__aexit__(None, None, None)


def file_of(tmp_path, body):
    file = tmp_path / "body"
    file.write_bytes(body)
    return str(file)


async def test_reads_in_every_format(managed):
    ask, _ = managed
    assert await ask("get", "/3/0/3", "-A", "0") == b"1.0.0"
    assert await ask("get", "/5/0/3", "-A", "0") == b"0"
    assert await ask("get", "/5/0/3", "-A", str(c.FORMAT_TLV)) == bytes((0xC1, 3, 0))
    assert json.loads(await ask("get", "/5/0/3", "-A", str(c.FORMAT_SENML_JSON)))[0]["v"] == 0
    assert cbor2.loads(await ask("get", "/3/0/3", "-A", str(c.FORMAT_SENML_CBOR)))[0][3] == "1.0.0"
    assert b"</5/0/3>" in await ask("get", "/5/0", "-A", str(c.FORMAT_LINK))
    assert await ask.refused("get", "/5/0/99") == "4.04"
    assert await ask.refused("get", "/5/0/0") == "4.05"
    assert await ask.refused("post", "/5/0/2") == "4.05"


@pytest.mark.parametrize("block_size", [16, 64, 1024])
async def test_a_read_and_a_push_in_blocks(managed, tmp_path, block_size):
    ask, rig = managed
    whole = await ask("get", "/3/0", "-A", str(c.FORMAT_TLV), "-b", str(block_size))
    assert whole == rig.device.tree.read((3, 0), c.FORMAT_TLV).payload
    await ask("put", "/5/0/0", "-b", str(block_size), "-t", "42", "-f", file_of(tmp_path, PACKAGE))
    assert rig.pair == (2, 0)
    (transfer,) = rig.transfers
    assert (transfer.outcome, transfer.received) == ("ok", len(PACKAGE))
    assert transfer.blocks == -(-len(PACKAGE) // block_size)
    assert await ask.refused("put", "/5/0/0", "-b", "1024", "-t", "42", "-f", file_of(tmp_path, PACKAGE)) == "4.00"
    assert await ask("get", "/5/0/7", "-A", "0") == b"2.0.0"
    await ask("post", "/5/0/10")
    assert rig.pair == (0, 10)


@pytest.mark.parametrize(
    ("content_format", "wrap"),
    [
        (c.FORMAT_TEXT, base64.b64encode),
        (c.FORMAT_TLV, lambda p: tlv.encode((5, 0, 0), [Record((5, 0, 0), ResourceType.OPAQUE, p)])),
        (c.FORMAT_CBOR, cbor2.dumps),
    ],
)
async def test_pushes_in_other_formats(managed, tmp_path, content_format, wrap):
    ask, rig = managed
    await ask("put", "/5/0/0", "-b", "512", "-t", str(content_format), "-f", file_of(tmp_path, wrap(PACKAGE)))
    assert rig.pair == (2, 0)
    assert rig.device.firmware.package_version == "2.0.0"


async def test_a_nul_and_an_empty_uri_reset(managed, tmp_path):
    ask, rig = managed
    for path, body, content_format in (("/5/0/0", b"\0", "42"), ("/5/0/1", b"", "0")):
        await ask("put", "/5/0/0", "-b", "1024", "-t", "42", "-f", file_of(tmp_path, PACKAGE))
        assert rig.pair == (2, 0)
        await ask("put", path, "-t", content_format, "-f", file_of(tmp_path, body))
        assert rig.pair == (0, 0)


async def test_notifications_reach_an_observer(managed):
    ask, rig = managed
    observing = asyncio.ensure_future(ask("get", "/5/0/3", "-A", "0", "-s", "2"))
    await rig.until(lambda: rig.device.endpoint.observations)
    firmware = rig.device.firmware
    assert firmware.write(0, PACKAGE) == c.CHANGED
    rig.device.act_soon()
    await rig.until(lambda: rig.device.endpoint.observations[0].sequence >= 2)
    assert firmware.write(1, "") == c.CHANGED
    rig.device.act_soon()
    # The client appends each value to its file; State 1 was over before it could be told.
    assert await observing == b"020"
    # It ends the observation when its time is over.
    await rig.until(lambda: not rig.device.endpoint.observations)
