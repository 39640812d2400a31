"""A link that gets slow in the middle, a host that does not answer, and a boot loader that takes no older image."""

from __future__ import annotations

import pytest

from simulator.events import FAULT_OVER, TransferEnded
from simulator.faults.image import numbers
from simulator.faults.triggers import STATE, Place
from simulator.network.profiles import NetworkProfile
from tests.faults.faulty_device import ORIGINS, PACKAGE
from tests.faults.ordered import CELL, judged

MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]
FAST = NetworkProfile("fast", delay_s=0.01)


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def check(run, name, result):
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert run.verdict.result == result
    assert run.struck[0].fault == name
    return run


def took(run):
    [transfer] = of(run, TransferEnded)
    return transfer.t - transfer.started


@pytest.mark.parametrize("transport", ORIGINS)
def test_the_second_half_of_a_pull_takes_its_time(transport):
    settings = {"transport": transport}
    run = check(judged("pull", "link-slow", profile=FAST, settings=settings, speed=250), "link-slow", 1)
    least = len(PACKAGE) / 2 * 8 / 2000
    assert least * 0.9 <= took(run) <= least * 2


@pytest.mark.parametrize("management", MANAGEMENT)
def test_a_push_over_a_link_that_is_slow(management):
    settings = {"transport": management, "management": management}
    run = check(judged("push", "link-slow", profile=FAST, settings=settings, speed=500), "link-slow", 1)
    assert took(run) >= len(PACKAGE) / 2 * 8 / 4000 * 0.9


@pytest.mark.parametrize("transport", ["coap", "http"])
def test_a_link_may_be_fast_again(transport):
    settings = {"transport": transport}
    whole = took(judged("pull", "link-slow", profile=CELL, settings=settings, speed=125))
    run = check(judged("pull", "link-slow", profile=CELL, settings=settings, speed=125, heals=20.0), "link-slow", 1)
    assert took(run) < whole / 2
    assert [each.detail.startswith(FAULT_OVER) for each in run.struck] == [False, True]


def test_a_link_may_get_slow_in_a_state():
    at = Place(STATE, "updating")
    check(judged("pull", "link-slow", profile=CELL, settings={"install_time_s": 5.0}, at=at), "link-slow", 1)


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize(
    ("transport", "wait"),
    [("coap", 62), ("coaps", 63), ("coap+tcp", 30), ("coaps+tcp", 30), ("http", 30), ("https", 30)],
)
def test_a_host_that_is_dead_is_given_up(transport, wait, retries):
    settings = {"transport": transport, "pull_retries": retries}
    run = check(judged("pull", "host-dead", profile=CELL, settings=settings), "host-dead", 4)
    assert wait * (1 + retries) <= took(run) <= 1.6 * wait * (1 + retries) + 5


@pytest.mark.parametrize("profile", ["oma", "anjay", "zephyr"])
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_no_older_image_is_booted(delivery, profile):
    settings = {"profile": profile, "lwm2m": "1.0"}
    run = check(judged(delivery, "rollback-refused", profile=CELL, settings=settings), "rollback-refused", 8)
    assert run.verdict.version == "1.0"


def test_an_image_that_is_old_enough_is_booted():
    run = judged("pull", "rollback-refused", profile=CELL, oldest="0.0.0")
    assert (run.verdict.result, run.verdict.version) == (1, "0.0.0")


@pytest.mark.parametrize(("older", "newer"), [("0.0.0", "0.0.1"), ("1.9", "1.10"), ("v2", "v2.1"), ("rc", "0")])
def test_versions_are_compared_by_their_numbers(older, newer):
    assert numbers(older) < numbers(newer)
