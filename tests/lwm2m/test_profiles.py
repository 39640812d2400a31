"""Client profiles: each point of difference, and that nothing else differs."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.lwm2m.firmware_habits import UriHabit
from simulator.lwm2m.firmware_update import Event, FirmwareUpdate, Row, State, UpdateResult
from simulator.lwm2m.profiles import ANJAY, OMA, PROFILES, ZEPHYR

E, S, R = Event, State, UpdateResult


def outcome(profile, state, event, result=R.INITIAL):
    """Code, State and Update Result after one event."""
    machine = FirmwareUpdate(profile, state, result)
    code = machine.step(event).code
    return c.code_text(code) if code else "", int(machine.state), int(machine.result)


POINTS = [
    # profile, State, event, (code, State, Result)
    (OMA, S.DOWNLOADING, E.FLASH_FULL, ("2.04", 0, 2)),
    (ANJAY, S.IDLE, E.FLASH_FULL, ("5.00", 0, 2)),
    (ZEPHYR, S.DOWNLOADING, E.FLASH_FULL, ("4.13", 0, 2)),
    (ANJAY, S.IDLE, E.OUT_OF_MEMORY, ("2.04", 0, 3)),
    (ZEPHYR, S.DOWNLOADING, E.OUT_OF_MEMORY, ("5.00", 0, 3)),
    (ANJAY, S.IDLE, E.INTEGRITY_FAILED, ("2.04", 0, 5)),
    (ZEPHYR, S.DOWNLOADING, E.INTEGRITY_FAILED, ("4.08", 0, 5)),
    (ANJAY, S.IDLE, E.PACKAGE_UNSUPPORTED, ("2.04", 0, 6)),
    (ZEPHYR, S.DOWNLOADING, E.PACKAGE_UNSUPPORTED, ("4.15", 0, 6)),
    (OMA, S.IDLE, E.URI_UNSUPPORTED, ("4.00", 0, 9)),
    (ANJAY, S.IDLE, E.URI_UNSUPPORTED, ("4.00", 0, 9)),
    (ZEPHYR, S.IDLE, E.URI_UNSUPPORTED, ("2.04", 0, 9)),
    (OMA, S.UPDATING, E.INSTALL_FAILED, ("", 2, 8)),
    (ANJAY, S.UPDATING, E.INSTALL_FAILED, ("", 2, 8)),
    (ANJAY, S.UPDATING, E.OLD_FIRMWARE_BOOTED, ("", 0, 8)),
    (ZEPHYR, S.UPDATING, E.INSTALL_FAILED, ("", 0, 8)),
    (ZEPHYR, S.UPDATING, E.OLD_FIRMWARE_BOOTED, ("", 0, 8)),
    (ZEPHYR, S.UPDATING, E.INSTALL_CORRUPT, ("", 0, 5)),
    (ANJAY, S.DOWNLOADING, E.URI_WRITTEN, ("4.00", 1, 0)),
    (ZEPHYR, S.DOWNLOADING, E.URI_WRITTEN, ("2.04", 1, 0)),
    (ZEPHYR, S.DOWNLOADED, E.URI_WRITTEN, ("2.04", 2, 0)),
    (ANJAY, S.DOWNLOADING, E.URI_CLEARED, ("2.04", 0, 0)),
    (ZEPHYR, S.DOWNLOADING, E.URI_CLEARED, ("2.04", 1, 0)),
    (ANJAY, S.DOWNLOADED, E.PACKAGE_STARTED, ("4.00", 2, 0)),
    (ZEPHYR, S.DOWNLOADED, E.PACKAGE_STARTED, ("4.05", 2, 0)),
    (ZEPHYR, S.DOWNLOADED, E.PACKAGE_CLEARED, ("2.04", 0, 0)),
    (ANJAY, S.IDLE, E.PACKAGE_STARTED, ("", 0, 0)),
    (ZEPHYR, S.IDLE, E.PACKAGE_STARTED, ("", 1, 0)),
    (ZEPHYR, S.DOWNLOADING, E.PACKAGE_ABANDONED, ("", 1, 0)),
    (ANJAY, S.DOWNLOADED, E.REBOOTED, ("", 2, 0)),
    (ZEPHYR, S.DOWNLOADED, E.REBOOTED, ("", 0, 0)),
    (ZEPHYR, S.UPDATING, E.REBOOTED, ("", 0, 0)),
]


@pytest.mark.parametrize(("profile", "state", "event", "expected"), POINTS)
def test_the_profiles_differ_where_the_clients_do(profile, state, event, expected):
    assert outcome(profile, state, event) == expected


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_update_and_cancel_out_of_state_are_not_allowed_in_any_profile(profile):
    for state in (S.IDLE, S.DOWNLOADING, S.UPDATING):
        assert outcome(profile, state, E.UPDATE_EXECUTED) == ("4.05", int(state), 0)
    for state in (S.IDLE, S.UPDATING):
        assert outcome(profile, state, E.CANCEL_EXECUTED) == ("4.05", int(state), 0)


def test_downloading_is_hidden_in_a_push_to_anjay():
    assert {p.name: p.shows_downloading_on_push for p in PROFILES.values()} == {
        "oma": True,
        "anjay": False,
        "zephyr": True,
    }


def test_object_versions():
    assert [p.object_version("1.1") for p in PROFILES.values()] == ["1.1", "1.1", "1.0"]
    assert [p.object_version("1.0") for p in PROFILES.values()] == ["1.0", "1.0", "1.0"]
    with pytest.raises(ValueError, match=r"LwM2M version '2\.0' is not known to profile oma: 1\.0, 1\.1"):
        OMA.object_version("2.0")


def test_what_a_failed_pull_means():
    assert OMA.pull_failed(c.NOT_FOUND) is E.URI_INVALID
    assert ANJAY.pull_failed(c.NOT_FOUND) is E.URI_INVALID
    assert ZEPHYR.pull_failed(c.NOT_FOUND) is E.CONNECTION_LOST
    for profile in PROFILES.values():
        for code in (c.FORBIDDEN, c.BAD_REQUEST, c.INTERNAL_SERVER_ERROR, c.SERVICE_UNAVAILABLE):
            assert profile.pull_failed(code) is E.CONNECTION_LOST


def test_habits():
    assert ZEPHYR.uri_habit is UriHabit.LAST_WRITTEN
    assert ZEPHYR.nul_clears_in == {S.DOWNLOADED}
    assert ZEPHYR.extra_pull_retries == 3
    assert ANJAY.package_info_in == {S.DOWNLOADED}
    assert [p.keeps_over_reboot for p in PROFILES.values()] == [True, True, False]


def test_a_profile_cannot_be_changed_by_its_users():
    with pytest.raises(TypeError):
        OMA.table[S.IDLE, E.REBOOTED] = Row(S.IDLE, None)  # type: ignore[index]
