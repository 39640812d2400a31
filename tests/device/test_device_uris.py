"""Protocol Support, Delivery Method, and Package URIs that lead nowhere: by URI scheme and by profile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import chain, combinations

import pytest

from simulator.device.pulls import PULLS
from tests.device.device_rig import ORIGIN, device_rig, in_virtual_time
from tests.device.secure_rig import secure_rig, spec
from tests.device.stream_rig import stream_rig

VALUES = {"coap": 0, "coaps": 1, "http": 2, "https": 3, "coap+tcp": 4, "coaps+tcp": 5}
"""Of Protocol Support (OMA registry, 5.xml)."""
PROFILES = ["oma", "anjay", "zephyr"]

every_scheme = pytest.mark.parametrize("scheme", VALUES)
every_profile = pytest.mark.parametrize("profile", PROFILES)


@asynccontextmanager
async def origin_of(scheme, **settings):
    """A registered device, and a function from the name of a file to its Package URI over ``scheme``."""
    if scheme == "coap":
        async with device_rig(**settings) as rig:
            yield rig, lambda name: f"coap://{ORIGIN}/fw/{name}"
    elif scheme in ("coap+tcp", "http"):
        async with stream_rig(scheme, **settings) as (rig, origin):
            yield rig, origin.uri
    else:
        held = spec("psk+x509")
        async with secure_rig(transport=scheme, download_credentials=held, **settings) as rig:
            yield rig, rig.uri


async def nobody_knows(host):
    """As the system's lookup of a host: encodes a name for DNS before it asks."""
    host.encode("idna")
    raise OSError("Name or service not known")


def test_there_is_a_pull_for_every_protocol_of_object_5():
    assert PULLS.keys() == VALUES.keys()


@pytest.mark.parametrize("schemes", list(chain.from_iterable(combinations(VALUES, n) for n in range(7))), ids="+".join)
@in_virtual_time
async def test_protocol_support_lists_what_is_configured_and_nothing_else(schemes):
    async with device_rig(protocols=tuple(reversed(schemes))) as rig:
        assert [await rig.read(f"/5/0/8/{instance}") for instance in range(len(schemes))] == [
            str(value) for value in sorted(VALUES[scheme] for scheme in schemes)
        ]
        assert (await rig.call(1, f"/5/0/8/{len(schemes)}")).code == "4.04"
        assert await rig.read("/5/0/9") == ("2" if schemes else "1")
        for scheme in VALUES.keys() - set(schemes):
            assert await rig.write("/5/0/1", f"{scheme}://{ORIGIN}/fw/good.bin") == "4.00"
            assert rig.pair == (0, 9)
        assert rig.transfers == []


@every_profile
@every_scheme
@in_virtual_time
async def test_a_scheme_that_is_not_listed_gives_result_9(scheme, profile):
    async with device_rig(protocols=tuple(VALUES.keys() - {scheme}), profile=profile, lwm2m="1.0") as rig:
        for spelled in (scheme, scheme.upper()):
            code = await rig.write("/5/0/1", f"{spelled}://{ORIGIN}/fw/good.bin")
            assert code == ("2.04" if profile == "zephyr" else "4.00")
            assert rig.pair == (0, 9)
        await rig.settle(1)
        assert rig.transfers == []


@pytest.mark.parametrize(
    "rest",
    [
        ":///fw",
        "://",
        ":",
        "://[::1/fw",
        "://[]/fw",
        "://127.0.0.1:99999/fw",
        "://127.0.0.1:0/fw",
        "://127.0.0.1:fw/fw",
        "://user@127.0.0.1/fw",
        "://127.0.0.1/fw#part",
        "://no-such-host/fw",
        "://no-such-host:5/fw",
        "://a..b/fw",
        "://" + "a" * 70 + "/fw",
        "://" + "a." * 120 + "x",
        "://\0/fw",
    ],
)
@every_scheme
@in_virtual_time
async def test_a_uri_that_cannot_be_used_gives_result_7(scheme, rest):
    for profile in PROFILES:
        async with origin_of(scheme, profile=profile, lwm2m="1.0") as (rig, uri):
            rig.world.lookup = nobody_knows
            assert await rig.write("/5/0/1", scheme + rest) == "2.04"
            await rig.settle(1)
            assert rig.pair == (0, 7)
            # Nothing is left of it: a good one comes through.
            assert await rig.write("/5/0/1", uri("good.bin")) == "2.04"
            await rig.settle(2)
            assert rig.pair == (2, 0)


@every_scheme
@in_virtual_time
async def test_a_text_without_a_scheme_gives_result_7(scheme):
    async with origin_of(scheme) as (rig, _):
        for text in ("firmware.bin", "//host/fw", "127.0.0.1", " coap://host/fw", "\u00e9"):
            assert await rig.write("/5/0/1", text) == "2.04"
            await rig.settle(1)
            assert rig.pair == (0, 7)


@every_profile
@every_scheme
@in_virtual_time
async def test_a_uri_longer_than_the_resource_is_refused_by_its_write(scheme, profile):
    """The resource holds 255 bytes (OMA registry, 5.xml): a longer URI cannot be used, and is not stored."""
    async with origin_of(scheme, profile=profile, lwm2m="1.0") as (rig, uri):
        base = uri("")
        longest = base + "a" * (255 - len(base))
        for longer in (longest + "a", longest + "a" * 1000, longest[:-1] + "\u00e9"):
            assert await rig.write("/5/0/1", longer) == "4.00"
            assert (rig.pair, await rig.read("/5/0/1")) == ((0, 7), "")
        assert await rig.write("/5/0/1", longest) == "2.04"
        await rig.settle(2)
        assert rig.pair == (0, 4 if profile == "zephyr" else 7), "there is no such file"


@every_profile
@every_scheme
@in_virtual_time
async def test_a_missing_file_gives_what_the_profile_says(scheme, profile):
    """4.04 of CoAP and 404 of HTTP: Update Result 7, but for Zephyr's 4."""
    async with origin_of(scheme, profile=profile, lwm2m="1.0") as (rig, uri):
        assert await rig.write("/5/0/1", uri("none.bin")) == "2.04"
        await rig.settle(2)
        assert rig.pair == (0, 4 if profile == "zephyr" else 7)
        (transfer,) = rig.transfers
        assert (transfer.transport, transfer.outcome, transfer.cause) == (scheme, "fail", "the origin answered 4.04")
