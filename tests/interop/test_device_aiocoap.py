"""A device managed by aiocoap over loopback: Register, Read in all formats, Discover, Observe, push and refusals."""

from __future__ import annotations

import base64
import json

import aiocoap
import cbor2
import pytest
from aiocoap import Code
from aiocoap.util import linkformat

from simulator.coap import codes as c
from simulator.lwm2m.formats import tlv
from simulator.lwm2m.formats.record import Record
from simulator.lwm2m.objects import ResourceType
from tests.device.device_rig import MODEL, SMALL
from tests.interop.rig import PACKAGE, aiocoap_manager, socket_device

FIRMWARE_VERSION = "/3/0/3"


@pytest.fixture
async def managed(free_port):
    async with aiocoap_manager(free_port) as (manager, address), socket_device(address) as rig:
        yield manager, rig


async def test_a_register_is_what_aiocoap_understands(managed):
    manager, _ = managed
    links = linkformat.parse(manager.registrations.payloads[0]).links
    assert {"/1/0", "/3/0", "/5/0"} <= {link.href for link in links}
    assert {"ep=dev", "lt=86400", "lwm2m=1.1", "b=U"} <= set(manager.registrations.queries[0])


async def test_reads_in_every_format(managed):
    manager, _ = managed
    get = aiocoap.GET
    assert await manager.read(FIRMWARE_VERSION) == "1.0.0"
    assert await manager.read("/5/0/3") == "0"
    answer = await manager.request(get, "/5/0/3", accept=c.FORMAT_TLV)
    assert (answer.opt.content_format, answer.payload) == (c.FORMAT_TLV, bytes((0xC1, 3, 0)))
    answer = await manager.request(get, "/5/0/3", accept=c.FORMAT_SENML_JSON)
    assert json.loads(answer.payload) == [{"bn": "/5/0/3", "v": 0}] or json.loads(answer.payload)[0]["v"] == 0
    answer = await manager.request(get, "/3/0", accept=c.FORMAT_SENML_CBOR)
    base = ""
    values = {}
    for record in cbor2.loads(answer.payload):
        base = record.get(-2, base)
        values[base + record.get(0, "")] = record.get(3, record.get(2))
    assert values[FIRMWARE_VERSION] == "1.0.0"
    assert values["/3/0/1"] == MODEL
    assert (await manager.request(get, "/5/0/99", accept=0)).code == Code.NOT_FOUND
    assert (await manager.request(get, "/5/0/3", accept=9999)).code == Code.NOT_ACCEPTABLE
    assert (await manager.request(get, "/0/0/0", accept=0)).code == Code.UNAUTHORIZED


async def test_discover_lists_the_firmware_update_object(managed):
    manager, _ = managed
    answer = await manager.request(aiocoap.GET, "/5/0", accept=c.FORMAT_LINK)
    links = {link.href for link in linkformat.parse(answer.payload.decode()).links}
    assert {"/5/0", "/5/0/0", "/5/0/1", "/5/0/2", "/5/0/3", "/5/0/5"} <= links


@pytest.mark.parametrize("szx", [0, 2, 4, 6])
async def test_a_push_is_seen_by_notifications_and_ends_in_the_new_version(managed, szx):
    manager, rig = managed
    state, _ = await manager.observe("/5/0/3")
    result, cancel = await manager.observe("/5/0/5")
    answer = await manager.request(aiocoap.PUT, "/5/0/0", PACKAGE, szx=szx, content_format=c.FORMAT_OPAQUE)
    assert answer.code == Code.CHANGED
    await rig.until(lambda: state[-1] == "2")
    assert state == ["0", "1", "2"]
    assert rig.transfers[0].blocks == -(-len(PACKAGE) // (16 << szx))
    assert await manager.read("/5/0/7") == "2.0.0"
    assert (await manager.request(aiocoap.POST, "/5/0/2")).code == Code.CHANGED
    await rig.until(lambda: state[-1] == "3")
    await rig.until(lambda: len(manager.registrations.remotes) == 2)
    await rig.until(lambda: rig.registered)
    assert await manager.read(FIRMWARE_VERSION) == "2.0.0"
    assert (await manager.read("/5/0/3"), await manager.read("/5/0/5")) == ("0", "1")
    assert result == ["0"]
    cancel()


async def test_a_cancelled_observation_is_not_notified_any_more(managed):
    manager, rig = managed
    state, cancel = await manager.observe("/5/0/3")
    cancel()
    # aiocoap still acknowledges the next notification; the one after it gets a Reset, which ends the observation.
    assert (await manager.request(aiocoap.PUT, "/5/0/0", SMALL, content_format=c.FORMAT_OPAQUE)).code == Code.CHANGED
    assert (await manager.request(aiocoap.PUT, "/5/0/1", b"", content_format=c.FORMAT_TEXT)).code == Code.CHANGED
    await rig.until(lambda: not rig.device.endpoint.observations)
    assert state == ["0"]


@pytest.mark.parametrize(
    ("content_format", "wrap"),
    [
        (c.FORMAT_TEXT, base64.b64encode),
        (c.FORMAT_TLV, lambda p: tlv.encode((5, 0, 0), [Record((5, 0, 0), ResourceType.OPAQUE, p)])),
        (c.FORMAT_CBOR, cbor2.dumps),
        (None, bytes),
    ],
    ids=["text", "tlv", "cbor", "no format"],
)
@pytest.mark.parametrize("package", [SMALL, PACKAGE], ids=["one message", "blocks"])
async def test_pushes_in_other_formats(managed, content_format, wrap, package):
    manager, rig = managed
    options = {} if content_format is None else {"content_format": content_format}
    answer = await manager.request(aiocoap.PUT, "/5/0/0", wrap(package), **options)
    assert answer.code == Code.CHANGED
    assert rig.pair == (2, 0)
    assert await manager.read("/5/0/7") == "2.0.0"


async def test_what_does_not_fit_the_state_is_refused(managed):
    manager, rig = managed
    update = await manager.request(aiocoap.POST, "/5/0/2")
    assert update.code == Code.METHOD_NOT_ALLOWED
    assert (await manager.request(aiocoap.POST, "/5/0/10")).code == Code.METHOD_NOT_ALLOWED
    assert (await manager.request(aiocoap.PUT, "/5/0/0", PACKAGE, content_format=42)).code == Code.CHANGED
    assert (await manager.request(aiocoap.PUT, "/5/0/0", PACKAGE, content_format=42)).code == Code.BAD_REQUEST
    assert (await manager.request(aiocoap.POST, "/5/0/10")).code == Code.CHANGED
    assert rig.pair == (0, 10)
    assert await manager.read("/5/0/5") == "10"


@pytest.mark.parametrize(
    ("path", "payload", "content_format"), [("/5/0/1", b"", 0), ("/5/0/0", b"\0", 42)], ids=["empty URI", "NUL"]
)
async def test_an_empty_uri_and_a_nul_reset(managed, path, payload, content_format):
    manager, rig = managed
    assert (await manager.request(aiocoap.PUT, "/5/0/0", PACKAGE, content_format=42)).code == Code.CHANGED
    assert rig.pair == (2, 0)
    assert (await manager.request(aiocoap.PUT, path, payload, content_format=content_format)).code == Code.CHANGED
    assert rig.pair == (0, 0)


async def test_a_damaged_push_is_answered_with_success_and_result_5(managed):
    manager, rig = managed
    result, _ = await manager.observe("/5/0/5")
    damaged = PACKAGE[:9000] + bytes([PACKAGE[9000] ^ 1]) + PACKAGE[9001:]
    assert (await manager.request(aiocoap.PUT, "/5/0/0", damaged, content_format=42)).code == Code.CHANGED
    await rig.until(lambda: result[-1] == "5")
    assert rig.pair == (0, 5)
