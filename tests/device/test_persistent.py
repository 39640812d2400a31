"""What a device makes of a reboot, in every State, with every profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.device.persistent import Persistent, after_boot, restore, save
from simulator.lwm2m.firmware_object import FirmwareObject
from simulator.lwm2m.firmware_resources import NO_DEADLINE, NOT_SET, Transfer, object_definition
from simulator.lwm2m.firmware_update import ALLOWED, Effect, Event, FirmwareUpdate, State, UpdateResult
from simulator.lwm2m.profiles import ANJAY, OMA, PROFILES, ZEPHYR
from simulator.ports import InstallOutcome

S, R = State, UpdateResult
PAIRS = [(state, result) for state in State for result in sorted(ALLOWED[state])]
OUTCOMES = [
    None,
    InstallOutcome(True, version="2.0"),
    InstallOutcome(False),
    InstallOutcome(False, integrity=False),
]
FULL = Persistent(
    firmware_version="1.0",
    package_uri="coap://files/fw",
    received=4096,
    etag=b"\x01",
    package_name="m",
    package_version="2.0",
    severity=2,
    max_defer_period=60,
    defer_deadline=500,
    last_state_change=100,
    boots=3,
)


class Host:
    def now_unix(self):
        return 1000

    def receive_package(self, data):
        return Event.DOWNLOAD_COMPLETED

    def defers_update(self, severity):
        return False

    def on_transition(self, state, result, cause):
        pass


def stored(state, result=R.INITIAL, **more):
    return replace(FULL, state=state, result=result, **more)


def boot(state, profile=OMA, outcome=None, result=R.INITIAL, **more):
    return after_boot(stored(state, result, **more), profile, outcome, now_unix=1000)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
@pytest.mark.parametrize("transfer", Transfer)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p[0]}-{p[1]}")
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_stored_pair_boots_into_an_allowed_one(profile, pair, transfer, outcome):
    old = stored(*pair, transfer=transfer)
    if outcome is not None and pair[0] is not S.UPDATING:
        with pytest.raises(ValueError, match="an installation ended, but the device was in State"):
            after_boot(old, profile, outcome, now_unix=1000)
        return
    new, effects, cause = after_boot(old, profile, outcome, now_unix=1000)
    assert new.result in ALLOWED[new.state]
    assert new.boots == 4
    assert profile.table[old.state, cause] is not None
    assert new.firmware_version == ("2.0" if outcome and outcome.succeeded else "1.0")
    assert (new.transfer is Transfer.PULL) == (new.state is S.DOWNLOADING) == (Effect.RESUME_DOWNLOAD in effects)
    assert new.package_complete == (new.state in (S.DOWNLOADED, S.UPDATING))
    assert bool(new.package_version) == (Effect.ERASE_PACKAGE not in effects)
    if new.state is S.IDLE:
        assert (new.received, new.etag, new.package_name) == (0, b"", "")
    # The object that comes up from this value has nothing to add to it.
    firmware = restore(new, Host(), profile, object_definition(profile, "1.1"), frozenset({"coap"}))
    assert save(new, firmware, received=new.received, etag=new.etag) == new


def test_a_boot_in_idle_is_a_fresh_start():
    new, effects, cause = boot(S.IDLE, result=R.UPDATE_FAILED)
    assert (new.state, new.result, cause) == (S.IDLE, R.INITIAL, Event.REBOOTED)
    assert effects == (Effect.ERASE_PACKAGE,)
    assert new.last_state_change == 100


@pytest.mark.parametrize("profile", [OMA, ANJAY])
def test_a_pull_goes_on_where_it_was(profile):
    new, effects, cause = boot(S.DOWNLOADING, profile, transfer=Transfer.PULL)
    assert (new.state, new.received, new.etag, cause) == (S.DOWNLOADING, 4096, b"\x01", Event.DOWNLOAD_RESUMED)
    assert effects == (Effect.RESUME_DOWNLOAD,)


@pytest.mark.parametrize(
    ("uri", "etag", "received"),
    [
        ("coap://files/fw", b"", 0),
        ("http://files/fw", b'W/"1"', 0),
        ("HTTPS://files/fw", b'W/"1"', 0),
        ("http://files/fw", b'"1"', 4096),
        ("coap://files/fw", b"W/12", 4096),
    ],
)
def test_a_pull_begins_again_without_a_strong_etag(uri, etag, received):
    new, effects, _ = boot(S.DOWNLOADING, transfer=Transfer.PULL, package_uri=uri, etag=etag)
    assert new.state is S.DOWNLOADING
    assert new.received == received
    assert effects[-1] is Effect.RESUME_DOWNLOAD
    assert (Effect.ERASE_PACKAGE in effects) == (received == 0)


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        (OMA, {"transfer": Transfer.PUSH}),
        (OMA, {"transfer": Transfer.PULL, "package_uri": ""}),
        (ZEPHYR, {"transfer": Transfer.PULL}),
    ],
    ids=["push", "no URI", "nothing kept"],
)
def test_other_transfers_are_lost(profile, more):
    new, effects, cause = boot(S.DOWNLOADING, profile, **more)
    assert (new.state, new.result, cause) == (S.IDLE, R.INITIAL, Event.REBOOTED)
    assert effects == (Effect.ERASE_PACKAGE,)
    assert new.last_state_change == 1000


@pytest.mark.parametrize("result", [R.INITIAL, R.UPDATE_FAILED, R.DEFERRED])
def test_a_whole_package_stays(result):
    new, effects, _ = boot(S.DOWNLOADED, result=result)
    assert (new.state, new.result, effects) == (S.DOWNLOADED, R.INITIAL, ())
    assert (new.package_version, new.severity, new.defer_deadline) == ("2.0", 2, 500)


def test_zephyr_forgets_a_whole_package_and_all_that_was_set():
    new, effects, _ = boot(S.DOWNLOADED, ZEPHYR)
    assert (new.state, effects) == (S.IDLE, (Effect.ERASE_PACKAGE,))
    assert (new.package_uri, new.severity, new.max_defer_period, new.defer_deadline) == ("", 1, NOT_SET, NOT_SET)


INSTALLED = [
    (OMA, OUTCOMES[1], (0, 1), "2.0"),
    (ANJAY, OUTCOMES[1], (0, 1), "2.0"),
    (ZEPHYR, OUTCOMES[1], (0, 1), "2.0"),
    (OMA, OUTCOMES[2], (2, 8), "1.0"),
    (ANJAY, OUTCOMES[2], (0, 8), "1.0"),
    (ZEPHYR, OUTCOMES[2], (0, 8), "1.0"),
    (OMA, OUTCOMES[3], (0, 5), "1.0"),
    (OMA, None, (3, 0), "1.0"),
    (ZEPHYR, None, (0, 0), "1.0"),
]


@pytest.mark.parametrize(("profile", "outcome", "pair", "version"), INSTALLED)
def test_the_end_of_an_installation_is_known_before_the_register(profile, outcome, pair, version):
    new, effects, _ = boot(S.UPDATING, profile, outcome)
    assert (new.state, new.result) == pair
    assert new.firmware_version == version
    assert new.defer_deadline == NOT_SET
    assert (Effect.START_INSTALLATION in effects) == (new.state is S.UPDATING)


def test_a_device_may_report_the_old_version_after_a_success():
    new, _, _ = boot(S.UPDATING, OMA, InstallOutcome(True, version="1.0"))
    assert (new.result, new.firmware_version) == (R.UPDATED_SUCCESSFULLY, "1.0")


def test_an_installer_that_names_no_version_installs_the_one_of_the_package():
    new, _, _ = boot(S.UPDATING, OMA, InstallOutcome(True))
    assert new.firmware_version == "2.0"


def test_what_the_object_knows_is_stored_and_comes_back():
    definition = object_definition(OMA, "1.1")
    firmware = FirmwareObject(Host(), FirmwareUpdate(OMA), definition, frozenset({"coap", "https"}))
    firmware.write(11, 0)
    firmware.write(13, 77)
    firmware.write(1, "https://files/fw")
    firmware.set_package_info("m", "2.0")
    value = save(Persistent("1.0"), firmware, received=10, etag=b"e")
    assert value == Persistent(
        "1.0", S.DOWNLOADING, R.INITIAL, "https://files/fw", Transfer.PULL, 10, b"e", "m", "2.0", 0, 77, NOT_SET, 1000
    )
    again = restore(value, Host(), OMA, definition, frozenset({"coap", "https"}))
    assert [again.read(n) for n in definition.resources] == [firmware.read(n) for n in definition.resources]


def test_no_deadline_is_not_no_deferral():
    assert NO_DEADLINE != NOT_SET
