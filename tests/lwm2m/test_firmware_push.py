"""Push into /5/0: streamed, small, restarted, hidden, and cleared."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.firmware import Finding
from simulator.lwm2m.firmware_resources import CHECK_EVENTS, Transfer
from simulator.lwm2m.firmware_update import TRANSFER_EVENTS, Effect, Event, State, UpdateResult
from simulator.lwm2m.profiles import ANJAY, OMA, PROFILES, ZEPHYR
from tests.lwm2m.firmware_rig import Rig

E, S, R = Event, State, UpdateResult


def test_a_streamed_push():
    rig = Rig()
    assert rig.fw.package_started() == 0
    assert rig.pair == (1, 0)
    assert rig.fw.finished(E.DOWNLOAD_COMPLETED) == c.CHANGED
    assert rig.pair == (2, 0)
    assert rig.fw.package_started() == c.BAD_REQUEST


def test_a_push_that_begins_anew_erases_what_came_before():
    for profile in PROFILES.values():
        rig = Rig(profile)
        rig.fw.package_started()
        rig.fw.take_effects()
        assert rig.fw.package_started() == 0
        assert rig.fw.take_effects() == [Effect.ERASE_PACKAGE]
        assert rig.fw.finished(E.DOWNLOAD_COMPLETED) == c.CHANGED


def test_a_push_during_a_pull_is_refused():
    for profile in PROFILES.values():
        rig = Rig(profile)
        rig.write(1, "coap://h/1")
        assert rig.fw.package_started() == (c.METHOD_NOT_ALLOWED if profile is ZEPHYR else c.BAD_REQUEST)
        assert rig.fw.transfer is Transfer.PULL


def test_anjay_hides_downloading_and_gives_way_to_a_uri():
    rig = Rig(ANJAY, result=R.INVALID_URI)
    rig.fw.package_started()
    assert rig.pair == (0, 0)
    assert rig.execute(10) == "4.05"
    assert rig.write(1, "coap://h/1") == "2.04"
    assert rig.fw.take_effects() == [Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE, Effect.START_DOWNLOAD]
    assert (rig.pair, rig.fw.transfer) == ((1, 0), Transfer.PULL)


def test_a_push_that_zephyr_lost_sight_of_can_begin_anew():
    rig = Rig(ZEPHYR)
    rig.fw.package_started()
    rig.fw.finished(E.PACKAGE_ABANDONED)
    assert rig.pair == (1, 0)
    assert rig.write(1, "coap://h/1") == "2.04"
    assert rig.fw.take_effects() == []
    assert rig.fw.package_started() == 0
    assert rig.fw.finished(E.DOWNLOAD_COMPLETED) == c.CHANGED
    assert rig.pair == (2, 0)


@pytest.mark.parametrize(
    ("profile", "code"), [(OMA, "2.04"), (ANJAY, "2.04"), (ZEPHYR, "4.15")], ids=["oma", "anjay", "zephyr"]
)
def test_a_small_package_in_one_write(profile, code):
    rig = Rig(profile)
    rig.host.verdict = E.PACKAGE_UNSUPPORTED
    assert rig.write(0, b"rubbish") == code
    assert rig.pair == (0, 6)
    rig.fw.take_effects()
    rig.host.verdict = E.DOWNLOAD_COMPLETED
    assert rig.write(0, b"good") == "2.04"
    assert rig.host.packages == [b"rubbish", b"good"]
    assert rig.pair == (2, 0)
    assert rig.fw.take_effects() == []


def test_a_small_package_in_place_of_an_unfinished_push_is_not_erased_afterwards():
    rig = Rig()
    rig.fw.package_started()
    assert rig.write(0, b"good") == "2.04"
    assert (rig.pair, rig.fw.take_effects()) == ((2, 0), [])


def test_an_erasure_that_the_device_has_not_yet_done_does_not_hit_the_next_package():
    rig = Rig()
    rig.write(1, "coap://h/1")
    rig.write(1, "")
    assert rig.write(0, b"good") == "2.04"
    assert (rig.pair, rig.fw.take_effects()) == ((2, 0), [Effect.START_DOWNLOAD, Effect.STOP_TRANSFER])


@pytest.mark.parametrize("nothing", [b"", b"\0"])
def test_an_empty_package_resets(nothing):
    for state, result in ((S.IDLE, R.UPDATE_FAILED), (S.DOWNLOADING, R.INITIAL), (S.DOWNLOADED, R.UPDATE_FAILED)):
        rig = Rig(state=state, result=result)
        assert rig.write(0, nothing) == "2.04"
        assert (rig.pair, rig.host.packages) == ((0, 0), [])
    assert Rig(state=S.UPDATING).write(0, nothing) == "4.05"


def test_zephyr_takes_a_nul_in_idle_for_an_image():
    rig = Rig(ZEPHYR)
    rig.host.verdict = E.INTEGRITY_FAILED
    assert rig.write(0, b"\0") == "4.08"
    assert (rig.pair, rig.host.packages) == ((0, 5), [b"\0"])
    full = Rig(ZEPHYR, S.DOWNLOADED)
    assert full.write(0, b"\0") == "2.04"
    assert full.pair == (0, 0)


def test_check_events_are_ends_of_a_transfer():
    assert CHECK_EVENTS.keys() == set(Finding)
    assert set(CHECK_EVENTS.values()) <= TRANSFER_EVENTS
