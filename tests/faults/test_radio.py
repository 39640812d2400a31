"""Partitions, bursts, black holes and NATs by whole campaigns in virtual time, over each transport."""

from __future__ import annotations

import random

import pytest

from simulator.events import FAULT_OVER, ServerSaw, TransferEnded
from simulator.faults.radio import Bursts
from simulator.faults.triggers import BYTES, MESSAGE, STATE, TIME, Place
from tests.faults.faulty_device import ORIGINS, PACKAGE
from tests.faults.ordered import CELL, judged

TRANSPORTS = list(ORIGINS)
MANAGEMENT = ["coap", "coaps", "coap+tcp", "coaps+tcp"]


def check(run, name, result):
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert run.verdict.result == result
    assert run.struck[0].fault == name
    return run


def transfer(run):
    return next(event for event in run.log.events if isinstance(event, TransferEnded))


# -- partitions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["both", "up", "down"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_short_partition_heals_and_the_pull_goes_on(transport, way):
    run = judged("pull", "link-partition", profile=CELL, settings={"transport": transport}, way=way)
    check(run, "link-partition", 1)
    [began, healed] = run.struck
    assert healed.detail.startswith(f"{FAULT_OVER} healed")
    assert healed.t - began.t == pytest.approx(20.0)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("retries", "result"), [(0, 4), (3, 1)])
def test_a_long_partition_is_lost_unless_the_pull_is_taken_up_again(transport, retries, result):
    settings = {"transport": transport, "pull_retries": retries}
    check(judged("pull", "link-partition", profile=CELL, settings=settings, lasts=110.0), "link-partition", result)


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize(("lasts", "result"), [(20.0, 1), (110.0, 4)])
def test_a_partition_in_a_push(management, lasts, result):
    settings = {"transport": management, "management": management}
    check(judged("push", "link-partition", profile=CELL, settings=settings, lasts=lasts), "link-partition", result)


@pytest.mark.parametrize("state", ["downloading", "downloaded", "updating"])
@pytest.mark.parametrize("management", MANAGEMENT)
def test_a_partition_that_begins_in_a_state(management, state):
    settings = {"management": management}
    run = judged("pull", "link-partition", profile=CELL, settings=settings, after=Place(STATE, state))
    check(run, "link-partition", 1)


# -- NAT ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_nat_that_forgets_the_binding_of_the_download(transport, retries):
    settings = {"transport": transport, "pull_retries": retries}
    run = judged("pull", "nat-rebind", profile=CELL, settings=settings)
    check(run, "nat-rebind", 1 if retries or transport == "coap" else 4)
    assert len(run.struck) == 1
    if transport == "coap":
        assert transfer(run).t - transfer(run).started < 30, "one repetition, from the new port"
        assert transfer(run).refetched == 0


@pytest.mark.parametrize("after", [0.0, 0.2, 0.9])
def test_wherever_the_binding_is_lost_coap_goes_on(after):
    check(judged("pull", "nat-rebind", profile=CELL, after=after), "nat-rebind", 1)


# -- bursts and black holes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["coap", "coaps"])
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_bursts_are_outlived(delivery, transport):
    settings = {"transport": transport, "management": transport}
    run = judged(delivery, "packet-burst-loss", profile=CELL, settings=settings, every=3.0, lasts=1.0)
    check(run, "packet-burst-loss", 1)


def test_bursts_come_as_often_and_last_as_long_as_they_are_said_to():
    now = 0.0
    bursts = Bursts(30.0, 2.0, random.Random(1), lambda: now)
    bad, before, begun = 0, False, 0
    for step in range(400_000):
        now = step * 0.1
        is_bad = bursts.strikes(100)
        bad += is_bad
        begun += is_bad and not before
        before = is_bad
    assert begun == pytest.approx(40_000 / 32, rel=0.1)
    assert bad * 0.1 / begun == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("retries", [0, 1])
def test_large_packets_vanish(transport, retries):
    settings = {"transport": transport, "pull_retries": retries}
    run = check(judged("pull", "mtu-black-hole", profile=CELL, settings=settings), "mtu-black-hole", 4)
    assert transfer(run).received < len(PACKAGE) / 10


def test_small_packets_pass_a_black_hole():
    run = judged("pull", "mtu-black-hole", profile=CELL, settings={"block_size": 64})
    assert run.struck == []
    assert (run.verdict.outcome, run.verdict.result) == ("fail", 1)


# -- when a fault of the link strikes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["coap", "coaps"])
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("way", ["both", "up", "down"])
def test_single_messages_are_lost_and_sent_again(delivery, transport, way):
    settings = {"transport": transport, "management": transport}
    run = judged(delivery, "message-lost", profile=CELL, settings=settings, way=way, at=Place(MESSAGE, 12))
    check(run, "message-lost", 1)
    sent = {"both": ("in", "out"), "up": ("out",), "down": ("in",)}[way]
    assert all(each.detail.startswith(tuple(f"lost, {name}" for name in sent)) for each in run.struck)


def test_a_lossy_link_may_heal():
    run = judged("pull", "packet-loss", profile=CELL, rate=0.4, heals=3.0)
    check(run, "packet-loss", 1)
    [began, healed] = run.struck
    assert healed.t - began.t == pytest.approx(3.0)
    assert healed.detail.startswith(f"{FAULT_OVER} healed")


@pytest.mark.parametrize("at", [Place(BYTES, 5000), Place(TIME, 0.7), Place(MESSAGE, 20)])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_connection_is_lost_at_a_place_of_any_kind(transport, at):
    run = judged("pull", "connection-lost", profile=CELL, settings={"transport": transport}, after=at)
    if run.struck:  # a package over TLS may have fewer messages
        check(run, "connection-lost", 4)
        assert 0 < transfer(run).wire_in < len(PACKAGE)
    else:
        assert (at.unit, run.verdict.result) == (MESSAGE, 1)


# -- a NAT in the way of the management --------------------------------------------------------------------------------


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("state", ["downloading", "updating"])
def test_a_device_that_has_moved_is_found_again(management, state):
    settings = {"management": management, "install_time_s": 10.0}
    run = judged("pull", "nat-rebind-management", profile=CELL, settings=settings, at=Place(STATE, state))
    check(run, "nat-rebind-management", 1)
    [moved] = run.struck
    told = [event for event in run.log.events if isinstance(event, ServerSaw) and event.t > moved.t]
    assert told[0].t >= moved.t + (5.0 if management == "coap" else 0.0)
    if management == "coap" and state == "downloading":
        assert told[0].kind == "updated"
