"""What a tally has counted is what the record has."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.events import DeviceEnded, DeviceStarted, EventLog, RegistrationEnded, StateChanged, TransferEnded
from simulator.fleet.tally import Row, Tally, bucket_of, middle_of
from tests.device.device_rig import PACKAGE, URI, device_rig, in_virtual_time


def event(kind, **values):
    """An event with these values; the others are empty."""
    empty = {"int": 0, "float": 0.0, "str": "", "bool": False, "list[int]": []}
    return kind(**{field.name: empty[field.type] for field in fields(kind)} | values)


def started(device, group="g", **values):
    return event(DeviceStarted, device=device, group=group, management="coap", transport="http", **values)


@pytest.fixture
def tally():
    return Tally(EventLog())


def rows_of(tally):
    return {(row["operation"], row["transport"]): row for row in tally.take()}


def test_the_middle_of_a_bucket_is_wrong_by_one_per_cent_at_most():
    dice = random.Random(1)
    for _ in range(2_000):
        us = 10 ** dice.uniform(0.0, 9.0)
        assert middle_of(bucket_of(us)) == pytest.approx(us, rel=0.01)


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_samples_that_are_counted_later_are_counted_alike(many_us):
    at_once, later = Row(), Row()
    for us in many_us:
        at_once.add(us)
    later.add_later(many_us)
    one, other = at_once.to_json(), later.to_json()
    assert one.pop("total_us") == pytest.approx(other.pop("total_us"))
    assert one == other


def test_everything_is_handed_on():
    log = EventLog()
    tally = Tally(log)
    for sent in (started(1), event(StateChanged, device=9), event(DeviceEnded, device=1)):
        tally.emit(sent)
    assert len(log.events) == 3


def test_the_first_register_counts_from_when_the_device_was_due(tally):
    tally.emit(started(1, due=1.0, t=1.5))
    for t, at, operation in ((2.0, 1.8, "register"), (3.0, 2.9, "register"), (9.0, 8.5, "update")):
        tally.emit(event(RegistrationEnded, t=t, device=1, operation=operation, started=at, outcome="ok"))
    rows = rows_of(tally)
    assert rows["register", "coap"]["count"] == 2
    assert rows["register", "coap"]["total_us"] == pytest.approx(1.1e6)
    assert rows["register", "coap"]["longest_us"] == pytest.approx(1.0e6)
    assert rows["registration update", "coap"]["total_us"] == pytest.approx(0.5e6)


def test_a_transfer_is_a_row_of_its_own_and_one_of_its_blocks(tally):
    tally.emit(started(1))
    tally.emit(
        event(
            TransferEnded,
            t=5.0,
            started=3.0,
            device=1,
            delivery="pull",
            transport="http",
            received=2048,
            outcome="ok",
            block_us=[1000, 3000],
        )
    )
    rows = rows_of(tally)
    assert (rows["download", "http"]["length"], rows["download", "http"]["total_us"]) == (2048, pytest.approx(2e6))
    assert (rows["block", "http"]["count"], rows["block", "http"]["total_us"]) == (2, 4000)
    assert sum(count for _, count in rows["block", "http"]["buckets"]) == 2


def test_a_transfer_of_which_no_block_was_timed_has_no_row_of_blocks(tally):
    tally.emit(started(1))
    tally.emit(event(TransferEnded, device=1, delivery="pull", transport="http", outcome="ok"))
    assert set(rows_of(tally)) == {("download", "http")}


@pytest.mark.parametrize(("fault", "failures"), [("", 1), ("flash-too-small", 0)])
def test_what_a_fault_makes_fail_is_no_failure(tally, fault, failures):
    tally.emit(started(1, fault=fault))
    tally.emit(event(TransferEnded, device=1, delivery="push", transport="coap", outcome="fail"))
    tally.emit(event(RegistrationEnded, device=1, operation="register", outcome="unknown"))
    rows = rows_of(tally)
    assert rows["push", "coap"]["failures"] == rows["register", "coap"]["failures"] == failures


def test_wrong_credentials_are_no_failure(tally):
    tally.emit(started(1, credentials="psk (wrong-key)"))
    tally.emit(event(RegistrationEnded, device=1, operation="register", outcome="unknown"))
    assert rows_of(tally)["register", "coap"]["failures"] == 0


def test_a_row_has_what_came_since_it_was_taken(tally):
    tally.emit(started(1))
    tally.emit(event(RegistrationEnded, device=1, operation="deregister", outcome="ok"))
    assert rows_of(tally)["de-register", "coap"]["count"] == 1
    assert tally.take() == []


def test_gauges_say_where_the_devices_stand(tally):
    tally.emit(started(1))
    tally.emit(started(2, group="h"))
    tally.emit(event(StateChanged, device=1, state=1))
    tally.emit(event(StateChanged, device=1, state=0, result=2))
    assert tally.gauges() == {"states": [["g", 0, 1], ["h", 0, 1]], "results": [["g", 2, 1], ["h", 0, 1]]}
    tally.emit(event(DeviceEnded, device=1))
    assert tally.gauges()["states"] == [["h", 0, 1]]
    json.dumps(tally.gauges())


def test_events_of_a_device_that_never_started_are_recorded_and_not_counted(tally):
    for kind in (RegistrationEnded, TransferEnded, StateChanged, DeviceEnded):
        tally.emit(event(kind, device=7))
    assert tally.take() == []


def counted(rig):
    """A tally of all that a device has told so far."""
    tally = Tally(EventLog())
    for sent in rig.log.events:
        tally.emit(sent)
    return tally


@in_virtual_time
async def test_bytes_of_a_pull_are_counted_while_it_goes_on():
    async with device_rig(block_size=16) as rig:
        await rig.write("/5/0/1", URI)
        seen = []
        while not rig.transfers:
            seen.append(counted(rig).moved([rig.device]).get("coap", 0))
            await asyncio.sleep(0)
        assert seen == sorted(seen)
        assert len({bytes_ for bytes_ in seen if 0 < bytes_ < len(PACKAGE)}) >= 3
        assert counted(rig).moved([rig.device]) == {"coap": rig.transfers[0].received} == {"coap": len(PACKAGE)}


@in_virtual_time
async def test_bytes_of_a_push_that_is_given_up_stay_counted_once():
    async with device_rig() as rig:
        for number in range(3):
            await rig.block(number)
            assert counted(rig).moved([rig.device]) == {"coap": 64 * (number + 1)}
        await rig.call(c.PUT, "/5/0/0")
        assert [transfer.received for transfer in rig.transfers] == [192]
        assert counted(rig).moved([rig.device]) == {"coap": 192}
