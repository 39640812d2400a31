"""What comes twice after an interruption, as the record has it: none of it, a block, or all that was there."""

from __future__ import annotations

import pytest

from simulator.device.refetched import NOTHING_REACHED, Reached, Tally
from simulator.firmware import generate
from simulator.servers.peers import PeerTable
from tests.device.device_rig import MODEL, ORIGIN, device_rig, in_virtual_time
from tests.device.stream_rig import SLOW, stream_rig
from tests.transport.http_rig import partial, response

LARGE = generate(200_000, MODEL, "2.0.0", 1)
OTHER = generate(200_000, MODEL, "1.9.0", 7)
LARGE_URI = f"coap://{ORIGIN}/large"


@pytest.mark.parametrize(
    ("attempts", "before", "refetched", "reached"),
    [
        ([(0, 100)], 0, 0, 100),
        ([(0, 50), (50, 100)], 0, 0, 100),
        ([(0, 50), (0, 100)], 0, 50, 100),
        ([(0, 50), (0, 20), (0, 100)], 0, 20 + 50, 100),
        ([(0, 50), (40, 100)], 0, 10, 100),
        ([(0, 30)], 50, 30, 50),
        ([(50, 80)], 50, 0, 80),
    ],
)
def test_the_tally(attempts, before, refetched, reached):
    tally = Tally("coap://a/b", Reached("coap://a/b", before), before)
    written = before
    for offset, end in attempts:
        tally.begin(offset, written)
        written = end
    assert tally.end(written) == Reached("coap://a/b", reached)
    assert tally.end(written) == Reached("coap://a/b", reached), "told twice, counted once"
    assert tally.refetched == refetched
    assert tally.had == min(before, *(offset for offset, _ in attempts)), "what it did not bring itself"


def test_another_uri_is_another_package():
    tally = Tally("coap://a/b", Reached("coap://a/a", 100), 0)
    tally.begin(0, 0)
    tally.end(50)
    assert tally.refetched == 0
    assert Tally("x", NOTHING_REACHED, 0).end(70) == Reached("x", 0), "an attempt that never began got nowhere"


def lose_after(rig, stored):
    rig.network.lost = lambda source, to, data: source == ORIGIN and rig.device.flash.written >= stored


def lose_nothing(rig):
    rig.network.lost = lambda source, to, data: False


def refetched(rig):
    return [transfer.refetched for transfer in rig.transfers]


async def middle(rig, stored=100_000):
    """Pull until so much is there; no more comes."""
    lose_after(rig, stored)
    assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
    await rig.settle(1)
    assert rig.device.flash.written >= stored
    return rig.device.flash.written


@in_virtual_time
async def test_a_reboot_that_goes_on_fetches_nothing_twice():
    async with device_rig(packages={"large": LARGE}) as rig:
        await middle(rig)
        assert await rig.execute("/3/0/4") == "2.04"
        lose_nothing(rig)
        await rig.settle(3)
        assert rig.pair == (2, 0)
        assert refetched(rig) == [0, 0]


@in_virtual_time
async def test_zephyr_keeps_nothing_over_a_reboot_and_fetches_all_of_it_again():
    async with device_rig(packages={"large": LARGE}, profile="zephyr", lwm2m="1.0") as rig:
        stored = await middle(rig)
        assert await rig.execute("/3/0/4") == "2.04"
        lose_nothing(rig)
        await rig.settle(3)
        assert rig.pair == (0, 0)
        assert rig.device.flash.written == 0
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(3)
        assert rig.pair == (2, 0)
        assert refetched(rig) == [0, stored]


@in_virtual_time
async def test_reboots_add_up_where_there_is_no_etag():
    async with device_rig(packages={"large": LARGE}) as rig:
        rig.origin._responses["large",].etag = b""
        first = await middle(rig, 50_000)
        lose_after(rig, 120_000)
        assert await rig.execute("/3/0/4") == "2.04"
        await rig.settle(1)
        second = rig.device.flash.written
        assert second >= 120_000
        lose_nothing(rig)
        await rig.device.reboot()
        await rig.settle(3)
        assert rig.pair == (2, 0)
        assert refetched(rig) == [0, first, second]


@pytest.mark.parametrize(("then", "again"), [("cancel", 0), ("connection_lost", 1)])
@in_virtual_time
async def test_a_pull_that_was_given_up_counts_and_one_that_was_cancelled_does_not(then, again):
    async with device_rig(packages={"large": LARGE}) as rig:
        stored = await middle(rig)
        if then == "cancel":
            assert await rig.execute("/5/0/10") == "2.04"
        await rig.settle(100)
        assert rig.pair == ((0, 10) if then == "cancel" else (0, 4))
        lose_nothing(rig)
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(3)
        assert rig.pair == (2, 0)
        assert refetched(rig) == [0, again * stored]
        # A package that was there whole and sound, and is fetched once more, is nobody's interruption.
        assert await rig.write("/5/0/1", "") == "2.04"
        assert await rig.write("/5/0/1", LARGE_URI) == "2.04"
        await rig.settle(3)
        assert refetched(rig)[2:] == [0]


@pytest.mark.parametrize("how", ["reboot", "retry"])
@pytest.mark.parametrize("szx", [0, 2, 5])
@in_virtual_time
async def test_a_server_of_smaller_blocks_is_gone_on_with_at_one_of_its_own(szx, how):
    """Californium cuts into 512 bytes by default; half of these begin at no multiple of 1024."""
    async with device_rig(packages={"large": LARGE}, started=False, pull_retries=1) as rig:
        rig.origin_peers = PeerTable(rig.clock.now, rig.device.chance, rig.origin, rig.deadlines.arm, szx=szx)
        await rig.start()
        size = 16 << szx
        stored = await middle(rig, 100 * size + size)
        assert stored % 1024, "the test needs an odd block"
        if how == "reboot":
            assert await rig.execute("/3/0/4") == "2.04"
        else:
            await rig.settle(94)
        lose_nothing(rig)
        await rig.settle(100)
        assert rig.pair == (2, 0)
        assert sum(refetched(rig)) == 0
        assert sum(t.blocks for t in rig.transfers if t.outcome == "ok") == -(-(len(LARGE) - stored) // size)


@in_virtual_time
async def test_silence_over_the_same_port_needs_no_etag_to_go_on_after_it():
    async with device_rig(packages={"large": LARGE}, pull_retries=1) as rig:
        rig.origin._responses["large",].etag = b""
        stored = await middle(rig)
        await rig.settle(94)
        lose_nothing(rig)
        await rig.settle(100)
        assert rig.pair == (2, 0)
        assert refetched(rig) == [0]
        assert rig.transfers[0].blocks == -(-(len(LARGE) - stored) // 1024)


@in_virtual_time
async def test_what_failed_first_is_not_the_cause_of_the_end():
    async with device_rig(packages={"large": LARGE}, pull_retries=1) as rig:
        await middle(rig)
        rig.device.pull._cause = "what the first attempt failed of"
        await rig.settle(300)
        assert rig.pair == (0, 4)
        assert rig.transfers[0].cause == "timeout"


def once_then(first, then):
    """A script of an HTTP origin: one response, then what a function makes of each request."""
    responses = [first]

    def script(method, target, fields):
        return iter([responses.pop() if responses else then(fields)])

    return script


STRONG, WEAK = 'ETag: "1"', 'ETag: W/"1"'


def rest(fields):
    start = int(fields["Range"].removeprefix("bytes=").rstrip("-"))
    return partial(LARGE[start:], start, len(LARGE) - 1, len(LARGE), '"1"')


@pytest.mark.parametrize("how", ["reboot", "reset"])
@pytest.mark.parametrize(
    ("tag", "then", "package", "again"),
    [
        (STRONG, rest, LARGE, 0),
        (STRONG, lambda fields: response(200, LARGE, STRONG), LARGE, 1),
        (STRONG, lambda f: response(412) if "Range" in f else response(200, OTHER, 'ETag: "2"'), OTHER, 1),
        (STRONG, lambda fields: response(200, OTHER, 'ETag: "2"'), OTHER, 1),
        (WEAK, lambda fields: response(200, LARGE, WEAK), LARGE, 1),
        ("X-Nothing: 1", lambda fields: response(200, LARGE), LARGE, 1),
    ],
    ids=["206", "200 instead of 206", "412", "200 of another", "weak ETag", "no ETag"],
)
@in_virtual_time
async def test_http_goes_on_or_begins_anew(tag, then, package, again, how):
    async with stream_rig("http", access=SLOW, pull_retries=1) as (rig, origin):
        origin.http.script = once_then(response(200, LARGE, tag), then)
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(1)
        if how == "reboot":
            assert await rig.execute("/3/0/4") == "2.04"
        else:
            origin.die()
        await rig.settle(0.2 if how == "reboot" else 1)
        stored = rig.device.flash.written
        assert 5_000 < stored < 150_000
        await rig.settle(20)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == package_version(package)
        assert sum(refetched(rig)) == again * stored
        assert ("Range" in origin.http.asked[1][2]) == (tag == STRONG)


def package_version(package):
    return "2.0.0" if package is LARGE else "1.9.0"


@in_virtual_time
async def test_silence_over_tcp_without_an_etag_begins_anew_by_another_connection():
    async with stream_rig("coap+tcp", {"large": OTHER}, access=SLOW, pull_retries=1) as (rig, origin):
        rig.origin._responses["large",].etag = b""
        assert await rig.write("/5/0/1", origin.uri("large")) == "2.04"
        await rig.settle(1)
        stored = rig.device.flash.written
        for port in origin.ports:
            port.pause()  # the origin hears no more, and meanwhile gets another package of the same length
        origin.serve({"large": LARGE})
        rig.origin._responses["large",].etag = b""
        await rig.settle(200)
        assert rig.pair == (2, 0)
        assert await rig.read("/5/0/7") == "2.0.0"
        assert len(origin.ports) == 2
        assert rig.transfers[0].refetched >= stored > 0
