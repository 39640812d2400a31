"""Pull over CoAP over TCP and over HTTP: the same behaviour as over CoAP, by the means of a stream."""

from __future__ import annotations

import pytest

from simulator.firmware import generate
from tests.device.device_rig import MODEL, ORIGIN, PACKAGE, in_virtual_time
from tests.device.stream_rig import SLOW, stream_rig
from tests.transport.http_rig import response

LARGE = generate(200_000, MODEL, "2.0.0", 1)
SCHEMES = ["coap+tcp", "http"]
PROTOCOLS = {"coap+tcp": "4", "http": "2"}

both = pytest.mark.parametrize("scheme", SCHEMES)


@both
@in_virtual_time
async def test_a_pull_ends_in_the_new_version(scheme):
    async with stream_rig(scheme, {"large": LARGE}) as (rig, origin):
        assert await rig.read("/5/0/8/0") == PROTOCOLS[scheme]
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(1)
        assert rig.states == [(1, 0, "uri_written"), (2, 0, "download_completed")]
        (transfer,) = rig.transfers
        assert (transfer.transport, transfer.delivery, transfer.outcome, transfer.result) == (scheme, "pull", "ok", 0)
        assert (transfer.size, transfer.received) == (len(LARGE), len(LARGE))
        assert len(LARGE) < transfer.wire_in < len(LARGE) + 2000
        assert 0 < transfer.wire_out < 2000
        assert transfer.blocks > 0
        assert len(transfer.block_us) == (transfer.blocks if scheme == "coap+tcp" else 0)
        assert (transfer.retransmissions, transfer.duplicates) == (0, 0)
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert await rig.read("/3/0/3") == "2.0.0"


@pytest.mark.parametrize(("block_size", "blocks"), [(16, 12_500), (512, 391), (1024, 7)])
@in_virtual_time
async def test_the_largest_block_size_takes_several_blocks_in_one_message(block_size, blocks):
    async with stream_rig("coap+tcp", {"large": LARGE}, block_size=block_size) as (rig, origin):
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(1)
        assert rig.pair == (2, 0)
        assert rig.transfers[0].blocks == blocks


@pytest.mark.parametrize(
    ("rest", "pair"),
    [
        (f"://{ORIGIN}/none.bin", (0, 7)),
        ("://no-such-host/fw", (0, 7)),
        ("://" + "a" * 70 + "/fw", (0, 7)),
        (":///fw", (0, 7)),
        ("://127.0.0.1:99999/fw", (0, 7)),
        ("://127.0.0.1:0/fw", (0, 7)),
        (f"://{ORIGIN.host}:1/fw", (0, 4)),
    ],
)
@both
@in_virtual_time
async def test_a_package_uri_that_leads_nowhere(scheme, rest, pair):
    async with stream_rig(scheme) as (rig, origin):
        rig.world.lookup = lookup
        assert await rig.write("/5/0/1", scheme + rest) == "2.04"
        await rig.settle(200)
        assert rig.pair == pair
        assert [t.outcome for t in rig.transfers] in (["fail"], [])
        assert await rig.write("/5/0/1", origin.uri("good.bin")) == "2.04"
        await rig.settle(1)
        assert rig.pair == (2, 0)


async def lookup(host):
    """As the system's: encodes a name for DNS before it asks."""
    host.encode("idna")
    raise OSError("Name or service not known")


@both
@in_virtual_time
async def test_another_scheme_is_refused_with_result_9(scheme):
    async with stream_rig(scheme) as (rig, origin):
        for other in {"coap", "coap+tcp", "http", "https", "ftp"} - {scheme}:
            assert await rig.write("/5/0/1", f"{other}://{ORIGIN}/good.bin") == "4.00"
            assert rig.pair == (0, 9)
        assert origin.ports == []


@pytest.mark.parametrize(("profile", "result"), [("oma", 7), ("zephyr", 4)])
@both
@in_virtual_time
async def test_a_missing_file_gives_what_the_profile_says(scheme, profile, result):
    async with stream_rig(scheme, profile=profile, lwm2m="1.0") as (rig, origin):
        assert await rig.write("/5/0/1", origin.uri("none.bin")) == "2.04"
        await rig.settle(2)
        assert rig.pair == (0, result)


@pytest.mark.parametrize(
    ("damage", "result"),
    [
        (lambda p: p[:-1], 5),
        (lambda p: p[:2000] + b"\xff" + p[2001:], 5),
        (lambda p: p + b"\0", 5),
        (lambda p: generate(50_000, "other", "2.0.0", 1), 6),
    ],
)
@both
@in_virtual_time
async def test_a_bad_file_gives_its_result(scheme, damage, result):
    async with stream_rig(scheme, {"bad": damage(PACKAGE)}) as (rig, origin):
        assert await rig.write("/5/0/1", origin.uri("bad")) == "2.04"
        await rig.settle(1)
        assert rig.pair == (0, result)
        assert rig.device.flash.written == 0
        if result == 6:
            assert rig.transfers[0].blocks == 1


@both
@in_virtual_time
async def test_a_flash_that_is_too_small_gives_result_2(scheme):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW, flash_bytes=20_000) as (rig, origin):
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(20)
        assert rig.pair == (0, 2)
        assert rig.transfers[0].received < len(LARGE)


async def in_the_middle(rig, origin):
    """Write the URI and let a part of the package come; its bytes."""
    assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
    await rig.settle(1)
    assert rig.pair == (1, 0)
    stored = rig.device.flash.written
    assert 5_000 < stored < 150_000
    return stored


@both
@in_virtual_time
async def test_a_connection_that_is_lost_in_the_middle_gives_result_4(scheme):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW) as (rig, origin):
        stored = await in_the_middle(rig, origin)
        origin.die()
        await rig.settle(1)
        assert rig.pair == (0, 4)
        (transfer,) = rig.transfers
        assert (transfer.outcome, transfer.result) == ("fail", 4)
        assert stored <= transfer.received < len(LARGE)
        assert rig.device.flash.written == 0


@pytest.mark.parametrize(("profile", "pair"), [("oma", (0, 4)), ("zephyr", (2, 0))])
@both
@in_virtual_time
async def test_an_origin_that_says_nothing_is_given_up_or_asked_again(scheme, profile, pair):
    async with stream_rig(scheme, profile=profile, lwm2m="1.0") as (rig, origin):
        origin.mute = 1
        assert await rig.write("/5/0/1", origin.uri("good.bin")) == "2.04"
        await rig.settle(100)
        assert rig.pair == pair
        assert len(origin.ports) == (2 if profile == "zephyr" else 1)
        (transfer,) = rig.transfers
        if profile == "zephyr":
            # Both attempts count: the first one asked, or at least told its capabilities.
            assert (transfer.outcome, transfer.received) == ("ok", len(PACKAGE))
            assert transfer.wire_in > len(PACKAGE)


@both
@in_virtual_time
async def test_a_reboot_goes_on_with_the_same_representation(scheme):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW) as (rig, origin):
        await in_the_middle(rig, origin)
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(0.1)
        stored = rig.device.persistent.received
        assert stored == rig.device.flash.written
        await rig.settle(20)
        assert rig.pair == (2, 0)
        assert [e[2] for e in rig.states] == ["uri_written", "download_completed"]
        first, second = rig.transfers
        assert (first.outcome, second.outcome) == ("unknown", "ok")
        assert first.received == stored
        assert second.received == len(LARGE) - stored
        assert second.wire_in < len(LARGE) - stored + 2000, "nothing is fetched twice"
        if scheme == "http":
            assert origin.http.asked[1][2]["Range"] == f"bytes={stored}-"
        assert await rig.execute("/5/0/2") == "2.04"
        await rig.settle(20)
        assert await rig.read("/3/0/3") == "2.0.0"


@both
@in_virtual_time
async def test_another_representation_begins_anew_after_a_reboot(scheme):
    async with stream_rig(scheme, {"large": generate(200_000, MODEL, "1.9.0", 7)}, access=SLOW) as (rig, origin):
        await in_the_middle(rig, origin)
        origin.serve({"large": LARGE})
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(20)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == "2.0.0"
        assert [t.outcome for t in rig.transfers] == ["unknown", "ok"]
        assert rig.transfers[1].received == len(LARGE)


@both
@in_virtual_time
async def test_a_weak_etag_or_none_is_not_gone_on_with(scheme):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW) as (rig, origin):
        if scheme == "http":
            origin.http.script = lambda method, target, fields: iter([response(200, LARGE, 'ETag: W/"1"')])
        else:
            rig.origin._responses["large",].etag = b""
        await in_the_middle(rig, origin)
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(20)
        assert rig.pair == (2, 0)
        assert rig.transfers[1].wire_in > len(LARGE)


@both
@in_virtual_time
async def test_cancel_stops_a_pull_and_a_new_one_begins_from_the_start(scheme):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW) as (rig, origin):
        await in_the_middle(rig, origin)
        assert await rig.execute("/5/0/10") == "2.04"
        assert rig.pair == (0, 10)
        await rig.settle(300)
        assert rig.pair == (0, 10)
        assert rig.device.flash.written == 0
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(20)
        assert rig.pair == (2, 0)
        assert [t.outcome for t in rig.transfers] == ["unknown", "ok"]


@pytest.mark.parametrize("after", [0.0, 0.04, 0.12, 1.0])
@both
@in_virtual_time
async def test_a_device_that_goes_down_at_any_moment_leaves_nothing_behind(scheme, after):
    async with stream_rig(scheme, {"large": LARGE}, access=SLOW) as (rig, origin):
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(after)
        rig.device.cut_off()
        assert [t.outcome for t in rig.transfers] == ["unknown"]
        await rig.settle(1)
        assert rig.tasks == set()
        assert origin.coap.connections == {}
        assert rig.device.pull is None
        written = rig.device.flash.written
        await rig.settle(100)
        assert rig.device.flash.written == written


@pytest.mark.parametrize(
    ("location", "pair"),
    [(f"http://{ORIGIN}/good.bin", (2, 0)), ("https://127.0.0.1/fw", (0, 9)), ("http://no-such-host/fw", (0, 7))],
)
@in_virtual_time
async def test_a_redirect(location, pair):
    async with stream_rig("http") as (rig, origin):
        shop = origin.http.script

        def script(method, target, fields):
            if target == "/old":
                return iter([response(302, b"", f"Location: {location}")])
            return shop(method, target, fields)

        origin.http.script = script
        assert await rig.write("/5/0/1", origin.uri("old")) == "2.04"
        await rig.settle(1)
        assert rig.pair == pair
