"""Downloads in virtual time: over access networks, to their end, and from origins that lie or dawdle."""

import errno
import random

import pytest

from simulator.coap import codes
from simulator.coap.exchange import Failure
from simulator.network.profiles import PROFILES, NetworkProfile
from simulator.servers.http_packages import etag_of
from simulator.transport.http_limits import HttpLimits
from tests.transport.http_rig import PACKAGE, URI, chunked, over_memory, response, shop

SHOP = shop({"fw.bin": PACKAGE})
ETAG = etag_of(PACKAGE).encode()
PROTOCOL = (Failure.PROTOCOL, 0)
UNREACHABLE = (Failure.UNREACHABLE, 0)
TIMEOUT = (Failure.TIMEOUT, 0)


def plays(*steps):
    """A script that gives the same steps to every request."""
    return lambda method, target, fields: iter(steps)


@pytest.mark.parametrize("name", PROFILES)
def test_a_package_arrives_over_every_access_network(name):
    profile = PROFILES[name]
    outcome = over_memory(SHOP, profile=profile)
    assert (bytes(outcome.sink.data), outcome.sink.ended) == (PACKAGE, "complete")
    assert outcome.sink.begun == [(len(PACKAGE), ETAG, 0)]
    assert outcome.at >= 3 * profile.delay_s + len(PACKAGE) * 8 / profile.rate_bps
    assert outcome.armed == 0
    assert outcome.origin.lost == len(outcome.origin.asked) == 1


def test_loss_is_delay_and_nothing_else():
    lossy = NetworkProfile("lossy", delay_s=0.05, loss=0.2, rate_bps=1e6)
    good = NetworkProfile("good", delay_s=0.05, rate_bps=1e6)
    limits = HttpLimits(idle_s=900, connect_s=900)
    with_loss, without = (over_memory(SHOP, profile=p, limits=limits) for p in (lossy, good))
    assert with_loss.sink.data == without.sink.data == PACKAGE
    assert with_loss.at > 2 * without.at


def test_a_mebibyte_arrives_unchanged():
    package = random.Random(7).randbytes(1 << 20)
    outcome = over_memory(shop({"fw.bin": package}), profile=PROFILES["lte-m"])
    assert (outcome.sink.data, outcome.sink.ended) == (package, "complete")
    assert outcome.download.wire_in > 1 << 20


@pytest.mark.parametrize("etag", [ETAG, b""])
@pytest.mark.parametrize("percent", [10, 50, 90])
def test_a_download_that_broke_off_goes_on(percent, etag):
    held = PACKAGE[: len(PACKAGE) * percent // 100]
    cut = over_memory(lambda *request: iter([next(SHOP(*request))[: len(held) + 300], "reset"]))
    assert cut.sink.ended == UNREACHABLE
    assert cut.download.error.errno == errno.ECONNRESET
    assert cut.download.received == len(cut.sink.data)
    rest = over_memory(SHOP, held=held, etag=etag)
    assert (rest.sink.data, rest.sink.ended) == (PACKAGE, "complete")
    assert rest.sink.begun == [(len(PACKAGE), ETAG, len(held) if etag else 0)]
    assert rest.download.fetched_again == (0 if etag else len(held))


@pytest.mark.parametrize(("if_range", "requests"), [(False, 2), (True, 1)])
@pytest.mark.parametrize("percent", [10, 50, 90])
def test_a_package_that_was_exchanged_comes_whole(percent, if_range, requests):
    held = b"x" * (len(PACKAGE) * percent // 100)
    outcome = over_memory(SHOP, held=held, etag=b'"old"', if_range=if_range)
    assert (outcome.sink.data, outcome.sink.ended) == (PACKAGE, "complete")
    assert outcome.sink.begun == [(len(PACKAGE), ETAG, 0)]
    assert outcome.download.requests == len(outcome.origin.asked) == requests
    assert outcome.download.fetched_again == len(held)


def test_two_runs_with_one_seed_are_the_same():
    first, second = (over_memory(SHOP, profile=PROFILES["nb-iot"], seed=5) for _ in range(2))
    other = over_memory(SHOP, profile=PROFILES["nb-iot"], seed=6)
    assert first.at == second.at != other.at


def test_nothing_there_is_not_found():
    assert over_memory(SHOP, uri=URI + ".none").sink.ended == (None, codes.NOT_FOUND)


def test_redirects_to_another_path():
    def script(method, target, fields):
        if target == "/fw.bin":
            return SHOP(method, target, fields)
        return iter([response(307, b"", "Location: fw.bin")])

    outcome = over_memory(script, uri="http://10.9.0.1/old")
    assert (outcome.sink.data, outcome.sink.ended) == (PACKAGE, "complete")
    assert [target for _, target, _ in outcome.origin.asked] == ["/old", "/fw.bin"]
    assert outcome.origin.lost == 2


# -- origins that lie or dawdle --------------------------------------------------------------------------------------


def drip(piece, seconds):
    def script(method, target, fields):
        yield response(200, length=10**9)
        while True:
            yield piece
            yield seconds

    return script


def endless_head(method, target, fields):
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: of the same\r\n" * 10
        yield 0.01


def redirect_loop(method, target, fields):
    yield response(302, b"", "Location: " + ("/b" if target == "/fw.bin" else "/fw.bin"))


@pytest.mark.parametrize(
    ("script", "ended", "words"),
    [
        (plays(response(200, PACKAGE, length=len(PACKAGE) + 1)), UNREACHABLE, "cut off"),
        (plays(response(200, PACKAGE, length=10**17), "hold"), TIMEOUT, "silent for 60 s"),
        (plays(response(200, PACKAGE)[:500], "reset"), UNREACHABLE, "reset"),
        (plays(), UNREACHABLE, "cut off"),
        (plays("hold"), TIMEOUT, "silent for 60 s"),
        (plays("reset"), UNREACHABLE, "reset"),
        (drip(b"x", 10.0), TIMEOUT, "less than 4096 bytes in 600 s"),
        (endless_head, PROTOCOL, ""),
        (redirect_loop, PROTOCOL, "loop"),
        (plays(chunked(PACKAGE)[:600] + b"garbage\r\n" * 1000), PROTOCOL, ""),
        (plays(b"220 mail.example ESMTP\r\n", "hold"), PROTOCOL, "does not answer with HTTP"),
    ],
)
def test_an_origin_that_lies_or_dawdles(script, ended, words):
    outcome = over_memory(script)
    assert outcome.sink.ended == ended
    assert words in outcome.download.reason
    assert outcome.download.reason
    assert outcome.at <= 600.0
    assert outcome.armed == 0
    assert len(outcome.sink.data) == outcome.download.received
    assert outcome.download.wire_in < 150_000


def test_a_slow_link_is_no_dripping_origin():
    """100 kB at 1000 bit/s take a quarter of an hour; the slowest profile has many times that."""
    outcome = over_memory(plays(response(200, PACKAGE)), profile=NetworkProfile("crawl", delay_s=2.0, rate_bps=1000))
    assert (outcome.sink.data, outcome.sink.ended) == (PACKAGE, "complete")
    assert 800 < outcome.at < 1000


def test_a_drip_that_gives_enough_at_first_is_found_too():
    def script(method, target, fields):
        yield response(200, PACKAGE[:50_000], length=len(PACKAGE))
        while True:
            yield b"x"
            yield 10.0

    outcome = over_memory(script)
    assert outcome.sink.ended == TIMEOUT
    assert 599 < outcome.at < 601


def test_a_content_length_that_is_too_short_gives_a_shorter_package():
    outcome = over_memory(plays(response(200, PACKAGE, length=1000)))
    assert (outcome.sink.data, outcome.sink.ended) == (PACKAGE[:1000], "complete")


def test_a_part_of_the_wrong_range():
    wrong = response(206, PACKAGE, f"Content-Range: bytes 0-99999/{len(PACKAGE)}", f"ETag: {ETAG.decode()}")
    outcome = over_memory(plays(wrong), held=PACKAGE[:10], etag=ETAG)
    assert (outcome.sink.ended, len(outcome.sink.data)) == (PROTOCOL, 10)
