"""Push: a Package by Block1 in all its formats, what is wrong with it, and what the server does in the middle of it."""

from __future__ import annotations

import base64

import cbor2
import pytest

from simulator.coap import codes as c
from simulator.device.push import Push
from simulator.firmware import HEADER_SIZE, generate
from simulator.lwm2m.formats import tlv
from simulator.lwm2m.formats.record import Record
from simulator.lwm2m.objects import ResourceType
from tests.device.device_rig import MODEL, PACKAGE, SMALL, URI, device_rig, in_virtual_time

DOWNLOADED = [(1, 0, "package_started"), (2, 0, "download_completed")]


def as_tlv(package):
    return tlv.encode((5, 0, 0), [Record((5, 0, 0), ResourceType.OPAQUE, package)])


FORMATS = {
    "opaque": (c.FORMAT_OPAQUE, lambda package: package),
    "text": (c.FORMAT_TEXT, base64.b64encode),
    "tlv": (c.FORMAT_TLV, as_tlv),
    "cbor": (c.FORMAT_CBOR, cbor2.dumps),
}


@pytest.mark.parametrize("package", [SMALL, PACKAGE], ids=["one message", "blocks"])
@pytest.mark.parametrize("name", FORMATS)
@in_virtual_time
async def test_a_push_in_every_format_ends_in_the_new_version(name, package):
    content_format, wrap = FORMATS[name]
    async with device_rig() as rig:
        assert await rig.push(wrap(package), content_format) == "2.04"
        assert rig.states == DOWNLOADED
        assert [(t.delivery, t.outcome, t.received) for t in rig.transfers] == [("push", "ok", len(package))]
        assert await rig.read("/5/0/6") == MODEL
        assert await rig.read("/5/0/7") == "2.0.0"
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert await rig.read("/3/0/3") == "2.0.0"


@pytest.mark.parametrize("block_size", [16, 64, 256, 1024])
@in_virtual_time
async def test_the_device_asks_for_its_own_block_size(block_size):
    async with device_rig(block_size=block_size) as rig:
        assert await rig.push() == "2.04"
        (transfer,) = rig.transfers
        # The first block comes as the server cuts it; a device that wants smaller ones gets them from the second on.
        assert transfer.blocks in (-(-len(PACKAGE) // block_size), -(-(len(PACKAGE) - 1024) // block_size) + 1)
        assert (transfer.outcome, transfer.received, transfer.size) == ("ok", len(PACKAGE), len(PACKAGE))
        assert len(transfer.block_us) == transfer.blocks - 1
        assert rig.states == DOWNLOADED


@pytest.mark.parametrize(
    ("damage", "result"),
    [
        (lambda p: p[:-1], 5),
        (lambda p: p + b"x", 5),
        (lambda p: p[:3000] + bytes([p[3000] ^ 1]) + p[3001:], 5),
        (lambda p: p[:50] + bytes([p[50] ^ 1]) + p[51:], 5),
        (lambda p: p[: HEADER_SIZE - 1], 5),
        (lambda p: bytes(5000), 6),
        (lambda p: generate(5000, "another", "2.0.0", 1), 6),
    ],
    ids=["cut off", "too long", "bit in payload", "bit in header", "part of a header", "no package", "another model"],
)
@in_virtual_time
async def test_a_bad_package_is_told_by_update_result_alone(damage, result):
    async with device_rig() as rig:
        assert await rig.push(damage(PACKAGE)) == "2.04"
        assert rig.pair == (0, result)
        assert rig.device.flash.written == 0
        assert (rig.transfers[0].outcome, rig.transfers[0].result) == ("fail", result)
        assert await rig.push() == "2.04"
        assert rig.pair == (2, 0)


@in_virtual_time
async def test_a_flash_that_is_too_small_gives_result_2():
    async with device_rig(flash_bytes=3000) as rig:
        assert await rig.push() == "2.04"
        assert rig.pair == (0, 2)
        assert rig.transfers[0].result == 2


@pytest.mark.parametrize(
    ("content_format", "body"),
    [
        (c.FORMAT_TEXT, base64.b64encode(PACKAGE)[:2000] + b"!" + base64.b64encode(PACKAGE)[2001:]),
        (c.FORMAT_TLV, as_tlv(PACKAGE)[:-1]),
        (c.FORMAT_CBOR, cbor2.dumps(PACKAGE) + b"x"),
        (c.FORMAT_CBOR, cbor2.dumps(PACKAGE.hex())),
    ],
)
@in_virtual_time
async def test_a_body_that_is_not_in_its_format_is_a_bad_request_and_result_5(content_format, body):
    async with device_rig() as rig:
        assert await rig.push(body, content_format) == "4.00"
        assert rig.pair == (0, 5)


@in_virtual_time
async def test_a_format_that_no_package_comes_in_is_refused_and_changes_nothing():
    async with device_rig() as rig:
        assert await rig.push(PACKAGE, c.FORMAT_SENML_JSON) == "4.15"
        assert rig.states == []
        assert rig.transfers == []


@in_virtual_time
async def test_a_nul_that_comes_as_a_single_block_clears():
    async with device_rig() as rig:
        assert await rig.push() == "2.04"
        assert await rig.block(0, package=b"\0") == "2.04"
        assert rig.pair == (0, 0)


@in_virtual_time
async def test_a_post_to_package_is_an_execute_and_refused():
    async with device_rig() as rig:
        assert await rig.block(0, code=c.POST) == "4.05"
        assert rig.states == []


@in_virtual_time
async def test_a_second_package_is_refused_while_one_is_there():
    async with device_rig() as rig:
        assert await rig.push() == "2.04"
        assert await rig.push() == "4.00"
        assert rig.pair == (2, 0)
        assert [t.outcome for t in rig.transfers] == ["ok"]


@in_virtual_time
async def test_a_push_that_begins_anew_goes_on_from_the_start():
    async with device_rig() as rig:
        for number in range(5):
            assert await rig.block(number) == "2.31"
        last = (len(PACKAGE) - 1) // 64
        for number in range(last):
            assert await rig.block(number) == "2.31"
        assert await rig.block(last) == "2.04"
        assert rig.states == DOWNLOADED
        assert [t.outcome for t in rig.transfers] == ["fail", "ok"]


@in_virtual_time
async def test_a_push_that_nobody_continues_is_given_up():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        await rig.settle(300)
        assert rig.pair == (0, 4)
        assert (rig.transfers[0].outcome, rig.transfers[0].result) == ("fail", 4)
        assert await rig.block(1) == "4.08"
        assert await rig.push() == "2.04"


@in_virtual_time
async def test_a_large_write_elsewhere_takes_the_place_of_a_push():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        assert await rig.block(0, path="/5/0/1", package=b"x" * 200, content_format=c.FORMAT_TEXT) == "2.31"
        await rig.settle()
        assert rig.pair == (0, 4)


@pytest.mark.parametrize("stop", ["cancel", "uri"])
@in_virtual_time
async def test_a_stopped_push_leaves_what_follows_alone(stop):
    async with device_rig() as rig:
        for number in range(4):
            assert await rig.block(number) == "2.31"
        stopped = await (rig.execute("/5/0/10") if stop == "cancel" else rig.write("/5/0/1", ""))
        assert stopped == "2.04"
        assert rig.pair == (0, 10 if stop == "cancel" else 0)
        assert rig.device.flash.written == 0
        assert await rig.write("/5/0/1", URI) == "2.04"
        # Blocks of the stopped push neither write into the flash nor end the pull ...
        assert await rig.block(4) == "4.08"
        assert rig.pair == (2, 0)
        # ... and its time-out does not either.
        await rig.settle(600)
        assert rig.pair == (2, 0)
        assert [(t.delivery, t.outcome) for t in rig.transfers] == [("push", "unknown"), ("pull", "ok")]


@in_virtual_time
async def test_a_cancelled_push_is_stopped_before_the_next_turn_of_the_loop():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        device = rig.device
        assert isinstance(device.push, Push)
        push, firmware = device.push, device.firmware
        assert firmware.execute(10, "") == c.CHANGED
        assert firmware.write(1, URI) == c.CHANGED
        assert push.write(b"x" * 64, rig.clock.now()) == c.REQUEST_ENTITY_INCOMPLETE
        device.act_soon()
        await rig.settle(1)
        assert rig.pair == (2, 0)


@in_virtual_time
async def test_a_push_that_a_reboot_cut_off_is_unknown_and_leaves_idle():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(2)
        assert rig.states[-1] == (0, 0, "rebooted")
        assert [t.outcome for t in rig.transfers] == ["unknown"]
        assert await rig.push() == "2.04"


@in_virtual_time
async def test_the_time_between_two_blocks_may_be_longer_than_a_column_holds():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        assert rig.device.push.write(b"x" * 64, rig.clock.now() + 10_000) == 0


@pytest.mark.parametrize(("version", "code"), [("1.0", "4.15"), ("1.1", "2.04")])
@in_virtual_time
async def test_cbor_came_with_lwm2m_1_1_whether_in_blocks_or_not(version, code):
    async with device_rig(lwm2m=version) as rig:
        for package in (SMALL, PACKAGE):
            assert await rig.push(cbor2.dumps(package), c.FORMAT_CBOR) == code
            await rig.write("/5/0/0", b"\0", c.FORMAT_OPAQUE)
