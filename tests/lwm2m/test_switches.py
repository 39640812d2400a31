"""Switches: every reading of every open point, one by one and all together."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.coap import codes as c
from simulator.device.persistent import Persistent, after_boot, restore, save
from simulator.lwm2m.firmware_habits import Notified, UriHabit
from simulator.lwm2m.firmware_object import FirmwareObject
from simulator.lwm2m.firmware_resources import Transfer, object_definition
from simulator.lwm2m.firmware_switches import POINT_OF, POINTS, SWITCHES, conflicts
from simulator.lwm2m.firmware_table import ALLOWED, Effect, Event, Row, State, UpdateResult
from simulator.lwm2m.firmware_update import FirmwareUpdate
from simulator.lwm2m.profiles import OMA, PROFILES, habits_of
from simulator.ports import InstallOutcome
from tests.lwm2m.firmware_rig import SCHEMES, Host, Rig
from tests.lwm2m.test_profiles import outcome

E, S, R = Event, State, UpdateResult

CHOICES = st.tuples(*(st.sampled_from((None, *(each.name for each in point.readings))) for point in POINTS)).map(
    lambda names: tuple(name for name in names if name is not None)
)
"""Any switches that go together: of each point one reading or none."""


# -- as data -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_every_point_has_two_readings_and_each_changes_some_profile(point):
    assert len(point.readings) >= 2
    assert OMA.switched(point.readings[0].name) == OMA
    for switch in point.readings:
        others = (OMA.switched(other.name) for other in point.readings)
        assert any(profile.switched(switch.name) != profile for profile in others)


def test_names_are_used_once():
    assert len(SWITCHES) == sum(len(point.readings) for point in POINTS)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_reads_every_point_in_one_of_the_ways(profile):
    assert profile.readings().keys() == {point.name for point in POINTS}
    assert profile.switched(*profile.readings().values()) == profile


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_order_of_two_switches_is_of_no_matter(profile):
    for one, other in combinations(SWITCHES, 2):
        if POINT_OF[one] is not POINT_OF[other]:
            assert profile.switched(one, other) == profile.switched(other, one), (one, other)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_reading_takes_the_place_of_any_other_of_its_point(profile):
    for point in POINTS:
        for one in point.readings:
            for other in point.readings:
                assert profile.switched(one.name).switched(other.name) == profile.switched(other.name)


def test_two_readings_of_one_point_and_unknown_switches_are_refused():
    with pytest.raises(ValueError, match="two readings of one point"):
        OMA.switched("install-failure-to-idle", "push-hidden", "install-failure-to-downloaded")
    with pytest.raises(ValueError, match="`push-hidden` is there twice"):
        OMA.switched("push-hidden", "push-hidden")
    with pytest.raises(ValueError, match="there is no switch 'frobnicate'; the switches are install-failure-to-downl"):
        OMA.switched("frobnicate")
    assert conflicts(["frobnicate", "push-shown"]) == []


def test_equal_devices_share_their_habits():
    assert habits_of("anjay", ("push-shown",)) is habits_of("anjay", ("push-shown",))
    assert habits_of("oma") == OMA


# -- one by one --------------------------------------------------------------------------------------------------------

FAST = "fast-failure-stays-idle"
ROWS = [
    # switches, State, event, (code, State, Result)
    ("install-failure-to-idle", S.UPDATING, E.INSTALL_FAILED, ("", 0, 8)),
    ("install-failure-to-idle", S.UPDATING, E.OLD_FIRMWARE_BOOTED, ("", 0, 8)),
    ("install-failure-at-boot-to-idle", S.UPDATING, E.INSTALL_FAILED, ("", 2, 8)),
    ("install-failure-at-boot-to-idle", S.UPDATING, E.OLD_FIRMWARE_BOOTED, ("", 0, 8)),
    ("corrupt-install-to-downloaded", S.UPDATING, E.INSTALL_CORRUPT, ("", 2, 8)),
    ("clear-in-downloaded-only", S.IDLE, E.URI_CLEARED, ("4.05", 0, 0)),
    ("clear-in-downloaded-only", S.DOWNLOADING, E.PACKAGE_CLEARED, ("4.05", 1, 0)),
    ("clear-in-downloaded-only", S.DOWNLOADED, E.URI_CLEARED, ("2.04", 0, 0)),
    ("clear-in-downloaded-only", S.UPDATING, E.URI_CLEARED, ("4.05", 3, 0)),
    ("clear-uri-ignored-in-downloading", S.DOWNLOADING, E.URI_CLEARED, ("2.04", 1, 0)),
    ("clear-uri-ignored-in-downloading", S.DOWNLOADING, E.PACKAGE_CLEARED, ("2.04", 0, 0)),
    ("cancel-in-idle-accepted", S.IDLE, E.CANCEL_EXECUTED, ("2.04", 0, 10)),
    ("second-uri-not-allowed", S.DOWNLOADING, E.URI_WRITTEN, ("4.05", 1, 0)),
    ("second-uri-not-allowed", S.DOWNLOADED, E.URI_UNSUPPORTED, ("4.05", 2, 0)),
    ("second-uri-ignored", S.DOWNLOADED, E.URI_WRITTEN, ("2.04", 2, 0)),
    ("second-uri-ignored", S.UPDATING, E.URI_WRITTEN, ("4.05", 3, 0)),
    ("second-package-not-allowed", S.DOWNLOADING, E.PACKAGE_STARTED, ("4.05", 1, 0)),
    ("second-package-ignored", S.DOWNLOADED, E.PACKAGE_STARTED, ("2.04", 2, 0)),
    ("push-error-codes", S.DOWNLOADING, E.FLASH_FULL, ("4.13", 0, 2)),
    ("push-error-codes", S.DOWNLOADING, E.OUT_OF_MEMORY, ("5.00", 0, 3)),
    ("push-error-codes", S.DOWNLOADING, E.INTEGRITY_FAILED, ("4.08", 0, 5)),
    ("push-error-codes", S.DOWNLOADING, E.PACKAGE_UNSUPPORTED, ("4.15", 0, 6)),
    ("push-hidden push-error-codes", S.IDLE, E.INTEGRITY_FAILED, ("4.08", 0, 5)),
    ("push-full-flash-code", S.DOWNLOADING, E.FLASH_FULL, ("5.00", 0, 2)),
    ("unsupported-scheme-accepted", S.IDLE, E.URI_UNSUPPORTED, ("2.04", 0, 9)),
    (FAST, S.IDLE, E.URI_WRITTEN, ("2.04", 0, 0)),
    (FAST, S.IDLE, E.URI_INVALID, ("", 0, 7)),
    (FAST, S.IDLE, E.CONNECTION_LOST, ("", 0, 4)),
    (FAST, S.IDLE, E.FLASH_FULL, ("2.04", 0, 2)),
    (FAST, S.IDLE, E.PACKAGE_ABANDONED, ("4.08", 0, 0)),
    (FAST, S.IDLE, E.DOWNLOAD_BEGUN, ("", 1, 0)),
    ("push-hidden", S.IDLE, E.PACKAGE_STARTED, ("", 0, 0)),
    ("push-hidden", S.IDLE, E.DOWNLOAD_COMPLETED, ("2.04", 2, 0)),
    ("push-hidden", S.IDLE, E.URI_INVALID, ("4.08", 0, 0)),
    ("state-lost-over-reboot", S.DOWNLOADED, E.REBOOTED, ("", 0, 0)),
    ("state-lost-over-reboot", S.UPDATING, E.REBOOTED, ("", 0, 0)),
    ("state-lost-over-reboot", S.DOWNLOADING, E.DOWNLOAD_RESUMED, ("", 0, 0)),
]


@pytest.mark.parametrize(("switches", "state", "event", "expected"), ROWS)
def test_what_a_switch_makes_of_an_event(switches, state, event, expected):
    assert outcome(OMA.switched(*switches.split()), state, event) == expected


def test_a_stale_result_can_be_kept():
    assert outcome(OMA.switched("result-kept-over-reboot"), S.IDLE, E.REBOOTED, R.UPDATE_FAILED) == ("", 0, 8)


HABITS = [
    ("nul-is-an-image", "nul_clears_in", {S.DOWNLOADED}),
    ("uri-last-written", "uri_habit", UriHabit.LAST_WRITTEN),
    ("uri-cleared-after-download", "uri_habit", UriHabit.CLEARED_AFTER_DOWNLOAD),
    ("image-kept", "keeps_image", True),
    ("state-lost-over-reboot", "keeps_over_reboot", False),
    ("deregister-before-reboot", "leaves_before_reboot", True),
    ("deregister-while-pulling", "leaves_while_pulling", True),
    ("changes-merged", "notified", Notified.MERGED),
    ("passing-states-not-notified", "notified", Notified.RESTING_STATES),
    ("state-first-to-idle", "state_first_to_idle", True),
    ("no-credential-is-connection-lost", "no_credential", E.CONNECTION_LOST),
    ("not-found-is-connection-lost", "not_found_is_invalid_uri", False),
]


@pytest.mark.parametrize(("switch", "habit", "value"), HABITS)
def test_what_a_switch_makes_of_a_habit(switch, habit, value):
    assert getattr(OMA.switched(switch), habit) == value
    assert getattr(OMA, habit) != value


def rig(*switches: str, profile=OMA, **more) -> Rig:
    return Rig(profile.switched(*switches), **more)


def test_cancel_is_not_for_an_update_that_has_ended_well():
    done = rig("cancel-in-idle-accepted", result=R.UPDATED_SUCCESSFULLY)
    assert (done.execute(10), done.pair) == ("4.05", (0, 1))
    idle = rig("cancel-in-idle-accepted", result=R.INVALID_URI)
    assert (idle.execute(10), idle.pair) == ("2.04", (0, 10))


def test_a_second_package_is_taken_and_dropped():
    there = rig("second-package-ignored", state=S.DOWNLOADED)
    assert (there.write(0, b"more"), there.pair) == ("2.04", (2, 0))
    assert there.host.packages == []


def test_downloading_can_begin_with_the_first_byte():
    device = rig(FAST)
    assert (device.write(1, "coap://h/x"), device.pair) == ("2.04", (0, 0))
    assert device.fw.transfer is Transfer.PULL
    assert device.fw.take_effects()[-1] is Effect.START_DOWNLOAD
    assert device.fw.download_begun()
    assert device.pair == (1, 0)
    assert not device.fw.download_begun()


def test_a_pull_that_is_not_seen_yet_gives_way():
    for resource, value, state, effects in (
        (1, "coap://h/y", 0, [Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE, Effect.START_DOWNLOAD]),
        (1, "", 0, [Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE]),
        (0, b"pushed", 2, [Effect.STOP_TRANSFER]),
    ):
        device = rig(FAST)
        device.write(1, "coap://h/x")
        device.fw.take_effects()
        assert (device.write(resource, value), device.pair) == ("2.04", (state, 0))
        assert device.fw.take_effects() == effects


def test_an_image_can_be_kept():
    there = rig("image-kept", state=S.DOWNLOADED)
    there.execute(10)
    assert there.pair == (0, 10)
    assert there.fw.take_effects() == []


def test_the_uri_can_be_gone_when_the_download_is_over():
    for switches in ((), (FAST,)):
        device = rig("uri-cleared-after-download", *switches)
        device.write(1, "coap://h/x")
        assert device.fw.read(1) == "coap://h/x"
        device.fw.finished(E.URI_INVALID)
        assert (device.fw.read(1), device.pair) == ("", (0, 7))


def test_passing_states_are_not_told():
    device = rig("passing-states-not-notified")
    told = []
    for state in S:
        device.fw.machine.state = state
        told.append(device.fw.is_notified(3))
    assert told == [True, False, True, False]
    assert device.fw.is_notified(5)
    assert rig(state=S.UPDATING).fw.is_notified(3)


# -- all together ------------------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(PROFILES)), CHOICES, st.randoms(use_true_random=False))
def test_any_switches_of_different_points_go_together(name, switches, random):
    profile = PROFILES[name].switched(*switches)
    shuffled = list(switches)
    random.shuffle(shuffled)
    assert PROFILES[name].switched(*shuffled) == profile
    assert profile.table.keys() == OMA.table.keys()
    in_force = profile.readings()
    for switch in switches:
        assert in_force[POINT_OF[switch].name] == switch
    for (state, event), row in profile.table.items():
        if isinstance(row, Row):
            given_ = [row.result] if row.result is not None else ALLOWED[state]
            assert set(given_) <= ALLOWED[row.state], (state, event)
        else:
            assert row == 0 or not c.is_success(row)


class AnyDevice(RuleBasedStateMachine):
    """An object /5/0 with any profile and any switches, to which anything happens."""

    @initialize(
        name=st.sampled_from(sorted(PROFILES)), switches=CHOICES, version=st.sampled_from(["1.0", "1.1", "1.2"])
    )
    def born(self, name, switches, version):
        self.profile = habits_of(name, switches, version)
        self.host = Host()
        self.definition = object_definition(self.profile, "1.1")
        self.fw = FirmwareObject(self.host, FirmwareUpdate(self.profile), self.definition, SCHEMES)
        self.stored = Persistent("1.0.0")
        self.seen = {3: 0, 5: 0}
        self.held = False
        """Whether a whole package is in the flash."""

    @rule(uri=st.sampled_from(["coap://h/x", "ftp://h/x", "", "not a uri", "coap://h/" + "x" * 300]))
    def uri_is_written(self, uri):
        self.answered(self.fw.write(1, uri))

    @rule(data=st.sampled_from([b"", b"\0", b"image"]), verdict=st.sampled_from([E.DOWNLOAD_COMPLETED, E.FLASH_FULL]))
    def package_is_written(self, data, verdict):
        self.host.verdict = verdict
        before = len(self.host.packages)
        self.answered(self.fw.write(0, data))
        self.held |= len(self.host.packages) > before and verdict is E.DOWNLOAD_COMPLETED

    @rule()
    def push_begins(self):
        self.answered(self.fw.package_started())

    @rule()
    def pull_begins(self):
        if self.fw.transfer is Transfer.PULL:
            self.fw.download_begun()

    @rule(event=st.sampled_from([E.DOWNLOAD_COMPLETED, E.CONNECTION_LOST, E.INTEGRITY_FAILED, E.FLASH_FULL]))
    def transfer_ends(self, event):
        there = self.fw.transfer is not Transfer.NONE
        self.answered(self.fw.finished(event))
        self.held |= there and event is E.DOWNLOAD_COMPLETED

    @rule(resource=st.sampled_from([2, 10]), defers=st.booleans())
    def something_is_executed(self, resource, defers):
        self.host.defers = defers
        before = self.fw.machine.state
        code = self.fw.execute(resource, "")
        self.answered(code)
        if resource == 2 and c.is_success(code):
            assert before is S.DOWNLOADED

    @rule(event=st.sampled_from([E.INSTALL_SUCCEEDED, E.INSTALL_FAILED, E.INSTALL_CORRUPT]))
    def installation_ends(self, event):
        self.fw.installation_ended(event)

    @rule(value=st.booleans())
    def automatic_upgrade_is_written(self, value):
        there = 14 in self.definition.resources
        assert self.fw.write(14, value) == (c.CHANGED if there else c.NOT_FOUND)

    @rule()
    def user_agrees(self):
        self.fw.deferral_ended()

    @rule(installed=st.sampled_from([None, InstallOutcome(True, version="2"), InstallOutcome(False, reverted=True)]))
    def device_reboots(self, installed):
        outcome = installed if self.fw.machine.state is S.UPDATING else None
        boot = after_boot(save(self.stored, self.fw, received=1, etag=b"e"), self.profile, outcome, now_unix=1)
        self.stored = boot.persistent
        self.held &= Effect.ERASE_PACKAGE not in boot.effects
        self.fw = restore(self.stored, self.host, self.profile, self.definition, SCHEMES)
        assert Effect.START_INSTALLATION not in boot.effects or self.fw.machine.state is S.UPDATING
        # Nobody observes it now; whoever does so then is told what is.
        self.seen = {3: self.fw.read(3), 5: self.fw.read(5)}

    def answered(self, code):
        assert code == 0 or code == c.CHANGED or 0x80 <= code < 0xC0

    @invariant()
    def what_was_notified_is_what_is(self):
        if not hasattr(self, "fw"):
            return
        fw = self.fw
        while effects := fw.take_effects():
            for effect in effects:
                assert self.held or effect is not Effect.START_INSTALLATION
                self.held &= effect is not Effect.ERASE_PACKAGE
                if effect is Effect.BEGIN_UPGRADE:
                    fw.upgrade()
        for resource in fw.take_changes():
            if resource in self.seen:
                self.seen[resource] = fw.read(resource)
        assert self.seen == {3: fw.read(3), 5: fw.read(5)}
        assert fw.machine.result in ALLOWED[fw.machine.state]
        assert self.definition.resources[5].range[0] <= fw.machine.result <= self.definition.resources[5].range[1]
        assert self.held or fw.machine.state not in (S.DOWNLOADED, S.UPDATING)
        assert fw.transfer is Transfer.NONE or fw.machine.state in (S.IDLE, S.DOWNLOADING)


AnyDevice.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestAnyDevice = AnyDevice.TestCase
