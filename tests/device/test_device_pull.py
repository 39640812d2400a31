"""Pull: a Package from its URI, whole, damaged, gone on with after a reboot, and what the server does meanwhile."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.exchange import Response
from simulator.coap.message import decode
from simulator.firmware import generate
from simulator.transport.clock import LoopClock
from tests.device.device_rig import MODEL, ORIGIN, PACKAGE, URI, device_rig, in_virtual_time

LARGE = generate(50_000, MODEL, "2.0.0", 1)
LARGE_URI = f"coap://{ORIGIN}/large"


def offsets(rig):
    """Where each request to the origin began, in bytes."""
    found = []
    for _, to, data in rig.network.log:
        message = decode(data)
        if to == ORIGIN and message.code == c.GET:
            block = max(message.uint(c.BLOCK2), 0)
            found.append((block >> 4) << ((block & 7) + 4))
    return found


@pytest.mark.parametrize("block_size", [16, 64, 1024])
@in_virtual_time
async def test_a_pull_ends_in_the_new_version(block_size):
    async with device_rig(block_size=block_size) as rig:
        assert await rig.write("/5/0/1", URI) == "2.04"
        await rig.settle(1)
        assert rig.states == [(1, 0, "uri_written"), (2, 0, "download_completed")]
        (transfer,) = rig.transfers
        assert (transfer.transport, transfer.delivery, transfer.outcome) == ("coap", "pull", "ok")
        assert (transfer.size, transfer.received) == (len(PACKAGE), len(PACKAGE))
        assert transfer.blocks == len(transfer.block_us) == -(-len(PACKAGE) // block_size)
        assert await rig.execute("/5/0/2") == "2.04"
        assert rig.pair == (3, 0)
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert await rig.read("/3/0/3") == "2.0.0"


@pytest.mark.parametrize(
    ("uri", "code", "pair"),
    [
        (f"coap://{ORIGIN}/fw/none.bin", "2.04", (0, 7)),
        ("coap://no-such-host/fw", "2.04", (0, 7)),
        ("coap://" + "a" * 70 + "/fw", "2.04", (0, 7)),
        ("coap:///fw", "2.04", (0, 7)),
        ("coap://127.0.0.1:99999/fw", "2.04", (0, 7)),
        ("coap://127.0.0.1:0/fw", "2.04", (0, 7)),
        ("http://127.0.0.1/fw", "4.00", (0, 9)),
        ("coap://127.0.0.1/" + "a" * 255, "4.00", (0, 7)),
    ],
)
@in_virtual_time
async def test_a_package_uri_that_leads_nowhere(uri, code, pair):
    async with device_rig() as rig:
        rig.world.lookup = lookup
        assert await rig.write("/5/0/1", uri) == code
        await rig.settle(200)
        assert rig.pair == pair
        assert await rig.write("/5/0/1", URI) == "2.04"
        await rig.settle(1)
        assert rig.pair == (2, 0)


async def lookup(host):
    """As the system's: encodes a name for DNS before it asks."""
    host.encode("idna")
    raise OSError("Name or service not known")


@in_virtual_time
async def test_an_origin_that_never_answers_gives_result_4():
    async with device_rig() as rig:
        rig.network.lost = lambda source, to, data: to == ORIGIN
        assert await rig.write("/5/0/1", URI) == "2.04"
        await rig.settle(100)
        assert rig.pair == (0, 4)
        assert (rig.transfers[0].outcome, rig.transfers[0].result) == ("fail", 4)
        assert rig.transfers[0].retransmissions == 4


@pytest.mark.parametrize("damage", [lambda p: p[:-1], lambda p: p[:2000] + b"\xff" + p[2001:], lambda p: p + b"\0"])
@in_virtual_time
async def test_a_damaged_file_gives_result_5(damage):
    async with device_rig(packages={"bad": damage(PACKAGE)}) as rig:
        assert await rig.write("/5/0/1", f"coap://{ORIGIN}/bad") == "2.04"
        await rig.settle(1)
        assert rig.pair == (0, 5)
        assert rig.device.flash.written == 0


@in_virtual_time
async def test_a_file_for_another_model_is_given_up_at_its_header():
    async with device_rig(packages={"bad": generate(50_000, "other", "2.0.0", 1)}) as rig:
        assert await rig.write("/5/0/1", f"coap://{ORIGIN}/bad") == "2.04"
        await rig.settle(1)
        assert rig.pair == (0, 6)
        assert rig.transfers[0].blocks == 1


@in_virtual_time
async def test_cancel_stops_a_pull_and_a_new_one_begins_from_the_start():
    async with device_rig(packages={"large": LARGE}, block_size=16) as rig:
        rig.network.lost = lambda source, to, data: source == ORIGIN and len(rig.network.log) > 400
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        assert rig.pair == (1, 0)
        assert rig.device.flash.written > 0
        assert await rig.execute("/5/0/10") == "2.04"
        assert rig.pair == (0, 10)
        await rig.settle(300)
        assert rig.pair == (0, 10)
        rig.network.lost = lambda source, to, data: False
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        assert rig.pair == (2, 0)
        assert [t.outcome for t in rig.transfers] == ["unknown", "ok"]


def after(rig, bytes_stored):
    """Whether the origin's answers are lost from some point on."""
    return lambda source, to, data: source == ORIGIN and rig.device.flash.written >= bytes_stored


@in_virtual_time
async def test_a_reboot_goes_on_with_the_same_representation():
    async with device_rig(packages={"large": LARGE}) as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        stored = rig.device.flash.written
        assert stored >= 20_000
        assert await rig.execute("/3/0/4") == "2.04"
        rig.network.lost = lambda source, to, data: False
        del rig.network.log[:]
        await rig.settle(2)
        assert offsets(rig)[0] == stored
        assert rig.pair == (2, 0)
        assert [e[2] for e in rig.states] == ["uri_written", "download_completed"]
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(5)
        assert await rig.read("/3/0/3") == "2.0.0"


@in_virtual_time
async def test_two_reboots_in_a_row_lose_nothing():
    async with device_rig(packages={"large": LARGE}) as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        stored = rig.device.flash.written
        assert await rig.execute("/3/0/4") == "2.04"
        # The second one comes before the Register of the first boot was answered.
        rig.network.lost = lambda source, to, data: True
        await rig.settle(1)
        await rig.device.reboot()
        rig.network.lost = lambda source, to, data: False
        del rig.network.log[:]
        await rig.settle(10)
        assert offsets(rig)[0] == stored
        assert rig.pair == (2, 0)


@in_virtual_time
async def test_another_representation_begins_anew_after_a_reboot():
    async with device_rig(packages={"large": generate(50_000, MODEL, "1.9.0", 7)}) as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        rig.origin.__init__({"large": LARGE})
        assert await rig.execute("/3/0/4") == "2.04"
        rig.network.lost = lambda source, to, data: False
        await rig.settle(5)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == "2.0.0"


@in_virtual_time
async def test_a_block_in_the_middle_without_etag_begins_anew():
    async with device_rig(packages={"large": generate(50_000, MODEL, "1.9.0", 7)}) as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        rig.origin.__init__({"large": LARGE})
        whole = rig.origin._responses["large",]
        forgetful = Response(whole.code, whole.payload, whole.options)
        serve = rig.origin.on_request
        rig.origin.on_request = lambda endpoint, request, now: (
            forgetful if request.uint(c.BLOCK2) >> 4 > 0 else serve(endpoint, request, now)
        )
        assert await rig.execute("/3/0/4") == "2.04"
        rig.network.lost = lambda source, to, data: False
        await rig.settle(5)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == "2.0.0"
        assert [(t.outcome, t.blocks) for t in rig.transfers[1:]] == [("ok", -(-len(LARGE) // 1024))]


@pytest.mark.parametrize("then", ["nothing", "another uri", "push"])
@in_virtual_time
async def test_what_the_server_cancels_before_the_register_was_answered_is_not_gone_on_with(then):
    async with device_rig(packages={"large": LARGE}) as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        assert await rig.execute("/3/0/4") == "2.04"
        # The server has the Register, but its answer is lost.
        rig.network.lost = lambda source, to, data: decode(data).code == c.CREATED
        await rig.settle(0.6)
        assert not rig.device.registrar.registered
        assert await rig.execute("/5/0/10") == "2.04"
        if then == "another uri":
            assert await rig.write("/5/0/1", URI) == "2.04"
        elif then == "push":
            assert await rig.push() == "2.04"
        del rig.network.log[:]
        rig.network.lost = lambda source, to, data: False
        await rig.settle(10)
        assert rig.device.registrar.registered
        assert rig.pair == ((0, 10) if then == "nothing" else (2, 0))
        if then == "nothing":
            assert offsets(rig) == []


@in_virtual_time
async def test_what_is_pushed_before_the_register_was_answered_is_not_erased_by_the_boot():
    async with device_rig() as rig:
        assert await rig.block(0) == "2.31"
        assert await rig.execute("/3/0/4") == "2.04"
        rig.network.lost = lambda source, to, data: decode(data).code == c.CREATED
        await rig.settle(0.6)
        assert await rig.block(0) == "2.31"
        rig.network.lost = lambda source, to, data: False
        await rig.settle(10)
        assert rig.device.registrar.registered
        last = (len(PACKAGE) - 1) // 64
        for number in range(1, last + 1):
            assert await rig.block(number) == ("2.04" if number == last else "2.31")
        assert rig.pair == (2, 0)


@in_virtual_time
async def test_zephyr_tries_a_silent_origin_again():
    async with device_rig(packages={"large": LARGE}, profile="zephyr", lwm2m="1.0") as rig:
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(95)
        rig.network.lost = lambda source, to, data: False
        await rig.settle(95)
        assert rig.pair == (2, 0)
        assert rig.transfers[0].received == len(LARGE)


@in_virtual_time
async def test_a_pull_that_is_cut_off_by_the_end_of_the_run_is_unknown():
    async with device_rig(packages={"large": LARGE}) as rig:
        assert isinstance(rig.clock, LoopClock)
        rig.network.lost = after(rig, 20_000)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(1)
        await rig.device.power_off()
        assert [t.outcome for t in rig.transfers] == ["unknown"]
        assert rig.network.ports.keys() == {rig.server.peers.local, ORIGIN}
