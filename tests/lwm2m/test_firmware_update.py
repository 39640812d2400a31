"""The Firmware Update machine: total, within the allowed pairs, and as the OMA texts have it."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.coap import codes as c
from simulator.lwm2m.firmware_switches import SWITCHES
from simulator.lwm2m.firmware_update import (
    ALLOWED,
    REFUSED,
    TABLE,
    Effect,
    Event,
    FirmwareUpdate,
    Row,
    State,
    Step,
    UpdateResult,
)
from simulator.lwm2m.profiles import OMA, PROFILES

E, S, R = Event, State, UpdateResult
ALL_PAIRS = {(state, event) for state in State for event in Event}
ALLOWED_PAIRS = [(state, result) for state in State for result in sorted(ALLOWED[state])]
VARIANTS = [*PROFILES.values(), *(OMA.switched(name) for name in SWITCHES)]


def at(state: State, result: UpdateResult = R.INITIAL, profile=OMA) -> FirmwareUpdate:
    return FirmwareUpdate(profile, state, result)


def test_table_and_refusals_share_no_pair_and_leave_none_out():
    assert TABLE.keys() & REFUSED.keys() == set()
    assert TABLE.keys() | REFUSED.keys() == ALL_PAIRS


@pytest.mark.parametrize("profile", VARIANTS, ids=lambda p: f"{p.name}-{VARIANTS.index(p)}")
def test_every_state_takes_or_refuses_every_event_in_every_profile(profile):
    assert profile.table.keys() == ALL_PAIRS
    known = {0, c.CHANGED, *range(0x80, 0xC0)}
    for state, result in ALLOWED_PAIRS:
        for event in Event:
            machine = at(state, result, profile)
            step = machine.step(event)
            row = profile.table[state, event]
            assert step.code in known
            assert machine.result in ALLOWED[machine.state]
            if isinstance(row, Row):
                assert step.taken
                assert machine.state is row.state
                assert machine.result is (result if row.result is None else row.result)
            else:
                assert step == Step(False, row)
                assert (machine.state, machine.result) == (state, result)
                assert not c.is_success(step.code)


@pytest.mark.parametrize("profile", VARIANTS, ids=lambda p: f"{p.name}-{VARIANTS.index(p)}")
def test_changes_name_what_changed_and_nothing_else(profile):
    for state, result in ALLOWED_PAIRS:
        for event in Event:
            machine = at(state, result, profile)
            changes = machine.step(event).changes
            assert (3 in changes) == (machine.state is not state)
            assert (5 in changes) == (machine.result is not result)
            assert len(set(changes)) == len(changes) <= 2


# One line per arrow of the specification: From, event, code, to, effects. Written without a look at the table.
SPECIFIED = [
    ((0, 0), E.URI_WRITTEN, "2.04", (1, 0), ["start_download"]),
    ((0, 8), E.URI_WRITTEN, "2.04", (1, 0), ["start_download"]),
    ((0, 4), E.URI_CLEARED, "2.04", (0, 0), []),
    ((0, 10), E.PACKAGE_CLEARED, "2.04", (0, 0), []),
    ((0, 0), E.URI_UNSUPPORTED, "4.00", (0, 9), []),
    ((0, 0), E.URI_TOO_LONG, "4.00", (0, 7), []),
    ((0, 1), E.UPDATE_EXECUTED, "4.05", (0, 1), []),
    ((0, 0), E.CANCEL_EXECUTED, "4.05", (0, 0), []),
    ((0, 2), E.PACKAGE_STARTED, "", (1, 0), []),
    ((0, 3), E.REBOOTED, "", (0, 0), ["erase_package"]),
    ((1, 0), E.DOWNLOAD_COMPLETED, "2.04", (2, 0), []),
    ((1, 0), E.FLASH_FULL, "2.04", (0, 2), ["erase_package"]),
    ((1, 0), E.OUT_OF_MEMORY, "2.04", (0, 3), ["erase_package"]),
    ((1, 0), E.CONNECTION_LOST, "", (0, 4), ["erase_package"]),
    ((1, 0), E.PACKAGE_ABANDONED, "", (0, 4), ["erase_package"]),
    ((1, 0), E.INTEGRITY_FAILED, "2.04", (0, 5), ["erase_package"]),
    ((1, 0), E.PACKAGE_UNSUPPORTED, "2.04", (0, 6), ["erase_package"]),
    ((1, 0), E.URI_INVALID, "", (0, 7), ["erase_package"]),
    ((1, 0), E.SCHEME_UNSUPPORTED, "", (0, 9), ["erase_package"]),
    ((1, 0), E.URI_CLEARED, "2.04", (0, 0), ["stop_transfer", "erase_package"]),
    ((1, 0), E.PACKAGE_CLEARED, "2.04", (0, 0), ["stop_transfer", "erase_package"]),
    ((1, 0), E.CANCEL_EXECUTED, "2.04", (0, 10), ["stop_transfer", "erase_package"]),
    ((1, 0), E.USER_CANCELLED, "", (0, 10), ["stop_transfer", "erase_package"]),
    ((1, 0), E.URI_WRITTEN, "4.00", (1, 0), []),
    ((1, 0), E.PACKAGE_STARTED, "4.00", (1, 0), []),
    ((1, 0), E.PACKAGE_RESTARTED, "", (1, 0), ["erase_package"]),
    ((1, 0), E.UPDATE_EXECUTED, "4.05", (1, 0), []),
    ((1, 0), E.REBOOTED, "", (0, 0), ["erase_package"]),
    ((1, 0), E.DOWNLOAD_RESUMED, "", (1, 0), ["resume_download"]),
    ((2, 0), E.UPDATE_EXECUTED, "2.04", (3, 0), ["start_installation"]),
    ((2, 8), E.UPDATE_EXECUTED, "2.04", (3, 0), ["start_installation"]),
    ((2, 0), E.UPDATE_DEFERRED, "2.04", (2, 11), []),
    ((2, 0), E.UPGRADE_BEGUN, "", (3, 0), ["start_installation"]),
    ((2, 11), E.DEFERRAL_ENDED, "", (3, 0), ["start_installation"]),
    ((2, 0), E.URI_CLEARED, "2.04", (0, 0), ["erase_package"]),
    ((2, 8), E.PACKAGE_CLEARED, "2.04", (0, 0), ["erase_package"]),
    ((2, 11), E.CANCEL_EXECUTED, "2.04", (0, 10), ["erase_package"]),
    ((2, 11), E.USER_CANCELLED, "", (0, 10), ["erase_package"]),
    ((3, 0), E.USER_CANCELLED, "", (3, 0), []),
    ((2, 0), E.URI_WRITTEN, "4.00", (2, 0), []),
    ((2, 0), E.PACKAGE_STARTED, "4.00", (2, 0), []),
    ((2, 8), E.REBOOTED, "", (2, 0), []),
    ((3, 0), E.INSTALL_SUCCEEDED, "", (0, 1), ["erase_package"]),
    ((3, 0), E.INSTALL_FAILED, "", (2, 8), []),
    ((3, 0), E.OLD_FIRMWARE_BOOTED, "", (2, 8), []),
    ((3, 0), E.INSTALL_CORRUPT, "", (0, 5), ["erase_package"]),
    ((3, 0), E.CANCEL_EXECUTED, "4.05", (3, 0), []),
    ((3, 0), E.UPDATE_EXECUTED, "4.05", (3, 0), []),
    ((3, 0), E.URI_WRITTEN, "4.05", (3, 0), []),
    ((3, 0), E.URI_CLEARED, "4.05", (3, 0), []),
    ((3, 0), E.PACKAGE_STARTED, "4.05", (3, 0), []),
    ((3, 0), E.PACKAGE_CLEARED, "4.05", (3, 0), []),
    ((3, 0), E.REBOOTED, "", (3, 0), ["start_installation"]),
]


@pytest.mark.parametrize(("before", "event", "code", "after", "effects"), SPECIFIED)
def test_the_oma_machine_does_what_the_specification_says(before, event, code, after, effects):
    machine = at(S(before[0]), R(before[1]))
    step = machine.step(event)
    assert (machine.state, machine.result) == after
    assert step.code == (c.code_number(code) if code else 0)
    assert [effect.value for effect in step.effects] == effects


PATHS = {
    R.INITIAL: [],
    R.UPDATED_SUCCESSFULLY: [E.PACKAGE_STARTED, E.DOWNLOAD_COMPLETED, E.UPDATE_EXECUTED, E.INSTALL_SUCCEEDED],
    R.NOT_ENOUGH_FLASH: [E.PACKAGE_STARTED, E.FLASH_FULL],
    R.OUT_OF_RAM: [E.PACKAGE_STARTED, E.OUT_OF_MEMORY],
    R.CONNECTION_LOST: [E.URI_WRITTEN, E.CONNECTION_LOST],
    R.INTEGRITY_CHECK_FAILURE: [E.PACKAGE_STARTED, E.INTEGRITY_FAILED],
    R.UNSUPPORTED_PACKAGE_TYPE: [E.PACKAGE_STARTED, E.PACKAGE_UNSUPPORTED],
    R.INVALID_URI: [E.URI_WRITTEN, E.URI_INVALID],
    R.UPDATE_FAILED: [E.URI_WRITTEN, E.DOWNLOAD_COMPLETED, E.UPDATE_EXECUTED, E.INSTALL_FAILED],
    R.UNSUPPORTED_PROTOCOL: [E.URI_UNSUPPORTED],
    R.CANCELLED: [E.URI_WRITTEN, E.CANCEL_EXECUTED],
    R.DEFERRED: [E.URI_WRITTEN, E.DOWNLOAD_COMPLETED, E.UPDATE_DEFERRED],
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("result", UpdateResult)
def test_every_update_result_can_be_reached(result, profile):
    machine = FirmwareUpdate(profile)
    for event in PATHS[result]:
        assert machine.step(event).taken, event
    assert machine.result is result


def test_result_is_seen_before_state_and_zephyr_turns_it_round_on_the_way_to_idle():
    assert at(S.DOWNLOADING).step(E.FLASH_FULL).changes == (5, 3)
    assert at(S.DOWNLOADED, R.UPDATE_FAILED).step(E.UPDATE_EXECUTED).changes == (5, 3)
    zephyr = PROFILES["zephyr"]
    assert at(S.DOWNLOADING, profile=zephyr).step(E.FLASH_FULL).changes == (3, 5)
    assert at(S.IDLE, R.INVALID_URI, zephyr).step(E.URI_WRITTEN).changes == (5, 3)


def test_a_repeated_result_is_no_change():
    machine = at(S.IDLE, R.UNSUPPORTED_PROTOCOL)
    assert machine.step(E.URI_UNSUPPORTED).changes == ()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("result", UpdateResult)
def test_a_machine_is_born_in_the_allowed_pairs_alone(state, result):
    if result in ALLOWED[state]:
        assert at(state, result).state is state
    else:
        with pytest.raises(ValueError, match="cannot occur"):
            at(state, result)


def test_an_installation_starts_on_the_way_to_updating_and_nowhere_else():
    for profile in VARIANTS:
        for (state, event), row in profile.table.items():
            if isinstance(row, Row):
                starts = Effect.START_INSTALLATION in row.effects
                assert starts == (row.state is S.UPDATING and row.code in (0, c.CHANGED) and event in INSTALLS), state


INSTALLS = {E.UPDATE_EXECUTED, E.UPGRADE_BEGUN, E.DEFERRAL_ENDED, E.REBOOTED}


def test_whatever_leaves_a_package_behind_erases_it():
    for profile in VARIANTS:
        for (state, event), row in profile.table.items():
            if isinstance(row, Row) and state is not S.IDLE and row.state is S.IDLE:
                if profile.keeps_image:
                    assert Effect.ERASE_PACKAGE not in at(state, profile=profile).step(event).effects
                assert Effect.ERASE_PACKAGE in row.effects, (profile.name, state, event)


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens in whatever order, the server sees allowed pairs, and what it saw adds up to what is."""

    @initialize(profile=st.sampled_from(VARIANTS), pair=st.sampled_from(ALLOWED_PAIRS))
    def born(self, profile, pair):
        self.machine = FirmwareUpdate(profile, *pair)
        self.seen = dict(zip((3, 5), pair, strict=True))

    @rule(event=st.sampled_from(Event))
    def happens(self, event):
        step = self.machine.step(event)
        now = {3: self.machine.state, 5: self.machine.result}
        for resource in step.changes:
            self.seen[resource] = now[resource]
        if not step.taken:
            assert not step.effects

    @invariant()
    def pair_is_allowed_and_known_to_the_server(self):
        if hasattr(self, "machine"):
            assert self.machine.result in ALLOWED[self.machine.state]
            assert self.seen == {3: self.machine.state, 5: self.machine.result}


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
