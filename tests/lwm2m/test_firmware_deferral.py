"""Update, Cancel and deferral of /5/0, its settings, and histories of all requests and reports."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_update import TRANSFER_EVENTS, Effect, Event, State, UpdateResult
from simulator.lwm2m.profiles import PROFILES
from tests.lwm2m.firmware_rig import Rig

E, S, R = Event, State, UpdateResult


def test_update_and_cancel_out_of_state():
    for state in (S.IDLE, S.DOWNLOADING, S.UPDATING):
        rig = Rig(state=state)
        assert rig.execute(2) == "4.05"
        assert rig.pair == (state, 0)
        assert rig.fw.take_changes() == rig.fw.take_effects() == []
    assert Rig().execute(10) == "4.05"
    assert Rig().execute(3) == "4.05"
    assert Rig(lwm2m="1.0", state=S.DOWNLOADED).execute(10) == "4.04"


def test_a_user_defers_until_the_period_expires():
    rig = Rig(state=S.DOWNLOADED)
    rig.host.defers = True
    assert rig.write(13, 3600) == "2.04"
    assert rig.execute(2) == "2.04"
    assert rig.pair == (2, 11)
    assert rig.fw.defer_deadline == rig.host.now + 3600
    rig.host.now += 100
    rig.execute(2)
    assert rig.fw.defer_deadline == rig.host.now + 3500
    rig.fw.deferral_ended()
    assert rig.pair == (3, 0)
    assert rig.fw.take_effects() == [Effect.START_INSTALLATION]
    assert rig.fw.defer_deadline == -1


def test_a_deferral_without_a_period_waits_for_the_user():
    rig = Rig(state=S.DOWNLOADED)
    rig.host.defers = True
    rig.execute(2)
    assert (rig.pair, rig.fw.defer_deadline) == ((2, 11), 0)
    rig.host.defers = False
    assert rig.execute(2) == "2.04"
    assert rig.pair == (3, 0)


@pytest.mark.parametrize(("lwm2m", "period"), [("1.1", 0), ("1.0", None)])
def test_no_deferral_with_a_period_of_0_or_in_version_1_0(lwm2m, period):
    rig = Rig(state=S.DOWNLOADED, lwm2m=lwm2m)
    rig.host.defers = True
    if period is not None:
        rig.write(13, period)
    rig.execute(2)
    assert rig.pair == (3, 0)


def test_the_end_of_a_deferral_that_is_none_does_nothing():
    rig = Rig(state=S.DOWNLOADED)
    rig.fw.deferral_ended()
    assert rig.pair == (2, 0)
    rig.host.defers = True
    rig.execute(2)
    rig.execute(10)
    rig.fw.deferral_ended()
    assert rig.pair == (0, 10)


def test_a_user_calls_off_what_is_under_way_and_nothing_else():
    for state, under_way in ((S.IDLE, False), (S.DOWNLOADED, True), (S.UPDATING, False)):
        rig = Rig(state=state)
        assert rig.fw.user_cancelled() == under_way
        assert rig.pair == ((0, 10) if under_way else (state, 0))
    rig = Rig()
    rig.write(1, "coap://h/f")
    assert rig.fw.user_cancelled()
    assert (rig.pair, rig.fw.transfer) == ((0, 10), Transfer.NONE)


def test_a_user_may_call_off_a_push_that_no_state_shows():
    rig = Rig(PROFILES["anjay"])
    rig.fw.package_started()
    assert rig.pair == (0, 0)
    assert rig.fw.user_cancelled()
    assert (rig.pair, rig.fw.transfer) == ((0, 10), Transfer.NONE)
    assert not rig.fw.user_cancelled()


def test_an_object_without_update_result_10_has_no_way_to_tell_of_it():
    rig = Rig(lwm2m="1.0", state=S.DOWNLOADED)
    assert not rig.fw.user_cancelled()
    assert rig.pair == (2, 0)


@pytest.mark.parametrize(
    ("resource", "value", "code"),
    [
        (11, 0, "2.04"),
        (11, 2, "2.04"),
        (11, 3, "4.00"),
        (11, -1, "4.00"),
        (13, 0, "2.04"),
        (13, -1, "4.00"),
        (9, 1, "4.00"),
        (4, 1, "4.04"),
    ],
)
def test_writes_of_numbers(resource, value, code):
    rig = Rig()
    before = rig.fw.read(resource)
    assert rig.write(resource, value) == code
    assert rig.fw.read(resource) == (value if code == "2.04" else before)
    assert rig.fw.take_changes() == ([resource] if code == "2.04" else [])


def test_last_state_change_time_is_there_before_state():
    rig = Rig()
    rig.write(1, "ftp://x")
    assert rig.fw.read(12) is None
    rig.fw.take_changes()
    rig.fw.package_started()
    assert rig.fw.read(12) == rig.host.now
    assert rig.fw.take_changes() == [5, 12, 3]


def test_a_report_that_cannot_end_a_transfer_or_an_installation_is_refused():
    with pytest.raises(ValueError, match="no transfer ends with rebooted"):
        Rig().fw.finished(E.REBOOTED)
    with pytest.raises(ValueError, match="no installation ends with uri_written"):
        Rig().fw.installation_ended(E.URI_WRITTEN)


def test_an_object_is_small():
    fw = Rig().fw
    assert not hasattr(fw, "__dict__")
    assert not hasattr(fw.machine, "__dict__")
    assert sys.getsizeof(fw) < 200


CALLS = st.one_of(
    st.tuples(st.just("write"), st.just(1), st.sampled_from(["", "coap://h/f", "ftp://h/f", "?"])),
    st.tuples(st.just("write"), st.just(0), st.sampled_from([b"", b"\0", b"image"])),
    st.tuples(st.just("write"), st.just(13), st.integers(-1, 5)),
    st.tuples(st.just("execute"), st.sampled_from([2, 10]), st.just("")),
    st.tuples(st.just("package_started")),
    st.tuples(st.just("finished"), st.sampled_from(sorted(TRANSFER_EVENTS))),
    st.tuples(st.just("deferral_ended")),
    st.tuples(st.just("user_cancelled")),
    st.tuples(
        st.just("installation_ended"), st.sampled_from([E.INSTALL_SUCCEEDED, E.INSTALL_FAILED, E.INSTALL_CORRUPT])
    ),
)


@given(
    st.sampled_from(list(PROFILES.values())),
    st.lists(CALLS, max_size=30),
    st.sampled_from(sorted(TRANSFER_EVENTS)),
    st.booleans(),
)
def test_any_history_keeps_server_and_device_of_one_mind(profile, calls, verdict, defers):
    rig = Rig(profile)
    rig.host.verdict, rig.host.defers = verdict, defers
    seen = {n: rig.fw.read(n) for n in (1, 3, 5, 6, 7, 11, 12, 13)}
    for name, *arguments in calls:
        getattr(rig.fw, name)(*arguments)
        rig.fw.take_effects()
        for resource in rig.fw.take_changes():
            seen[resource] = rig.fw.read(resource)
        assert seen == {n: rig.fw.read(n) for n in seen}
        if rig.fw.transfer is Transfer.PULL:
            assert rig.fw.read(3) == 1
        if rig.fw.read(3) in (2, 3):
            assert rig.fw.transfer is Transfer.NONE
