"""Object 5 in its versions: which resources and which Update Results each has, and updates that begin by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.lwm2m.firmware_resources import OBJECT_VERSIONS, object_definition
from simulator.lwm2m.firmware_table import Effect, Event, State, UpdateResult
from simulator.lwm2m.links import format_registration
from simulator.lwm2m.objects import ResourceType
from simulator.lwm2m.profiles import OMA, PROFILES, habits_of
from tests.lwm2m.firmware_rig import Rig
from tests.lwm2m.test_firmware_update import PATHS

E, S, R = Event, State, UpdateResult
VERSIONS = sorted(OBJECT_VERSIONS)
ADDED = {"1.0": set(), "1.1": {10, 11, 12, 13}, "1.2": {10, 11, 12, 13, 14}}
LATER = {R.CANCELLED: "1.1", R.DEFERRED: "1.1"}
"""Update Results that no object had from the beginning."""


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_its_resources_and_results(version):
    definition = OBJECT_VERSIONS[version]
    assert definition.resources.keys() == {0, 1, 2, 3, 5, 6, 7, 8, 9} | ADDED[version]
    assert definition.resources[5].range == (0, 9 if version == "1.0" else 11)
    assert format_registration([(definition, 0)]) == f"</5>;ver={version},</5/0>".encode()


def test_automatic_upgrade_is_as_the_registry_has_it():
    resource = OBJECT_VERSIONS["1.2"].resources[14]
    assert (resource.name, resource.operations) == ("Automatic Upgrade at Download", "RW")
    assert (resource.type, resource.multiple, resource.mandatory) == (ResourceType.BOOLEAN, False, False)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("version", VERSIONS)
def test_any_profile_can_have_any_version(profile, version):
    habits = habits_of(profile, (), version)
    assert object_definition(habits, "1.1") is OBJECT_VERSIONS[version]
    assert habits.table == PROFILES[profile].table
    assert habits_of(profile).object_versions == PROFILES[profile].object_versions


def drive(rig, event):
    """What brings an event about from outside: a request where there is one."""
    requests = {
        E.URI_WRITTEN: lambda: rig.fw.write(1, "coap://h/x"),
        E.URI_UNSUPPORTED: lambda: rig.fw.write(1, "ftp://h/x"),
        E.PACKAGE_STARTED: rig.fw.package_started,
        E.UPDATE_EXECUTED: lambda: rig.fw.execute(2, ""),
        E.UPDATE_DEFERRED: lambda: rig.fw.execute(2, ""),
        E.CANCEL_EXECUTED: lambda: rig.fw.execute(10, ""),
        E.INSTALL_SUCCEEDED: lambda: rig.fw.installation_ended(event),
        E.INSTALL_FAILED: lambda: rig.fw.installation_ended(event),
    }
    rig.host.defers = event is E.UPDATE_DEFERRED
    requests.get(event, lambda: rig.fw.finished(event))()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("result", UpdateResult)
def test_which_update_results_a_server_can_get(result, version):
    rig = Rig(OMA, version=version)
    for event in PATHS[result]:
        drive(rig, event)
    has = version >= LATER.get(result, "1.0")
    assert (rig.pair[1] == result) is has
    if not has:
        # Cancel is no resource there, and what nobody can put off is installed.
        assert rig.pair == {R.CANCELLED: (1, 0), R.DEFERRED: (3, 0)}[result]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_has_not_is_not_found(version):
    rig = Rig(OMA, state=S.DOWNLOADED, version=version)
    there = ADDED[version]
    assert rig.execute(10) == ("2.04" if 10 in there else "4.04")
    for resource, value in ((11, 0), (13, 60), (14, True)):
        assert rig.write(resource, value) == ("2.04" if resource in there else "4.04")
        assert rig.fw.read(resource) == (value if resource in there else None)
    assert (rig.fw.read(12) is not None) is (12 in there)


def rig_1_2(**more):
    return Rig(OMA, version="1.2", **more)


def test_automatic_upgrade_is_false_until_it_is_written():
    rig = rig_1_2()
    assert rig.fw.read(14) is False
    assert rig.write(14, True) == "2.04"
    assert rig.fw.read(14) is True
    assert rig.fw.take_changes() == [14]
    assert rig.write(14, 1.5) == "4.00"


@pytest.mark.parametrize("automatic", [True, False])
def test_an_update_begins_by_itself_after_downloaded_was_shown(automatic):
    rig = rig_1_2()
    rig.write(14, automatic)
    rig.write(1, "coap://h/x")
    rig.fw.take_effects()
    rig.fw.finished(E.DOWNLOAD_COMPLETED)
    assert rig.pair == (2, 0)
    assert rig.fw.take_effects() == ([Effect.BEGIN_UPGRADE] if automatic else [])
    rig.fw.upgrade()
    assert rig.pair == (3, 0)
    assert rig.fw.take_effects() == [Effect.START_INSTALLATION]
    assert rig.host.transitions[-1] == (3, 0, "upgrade_begun")


def test_a_push_in_one_message_begins_it_too():
    rig = rig_1_2()
    rig.write(14, True)
    assert rig.write(0, b"image") == "2.04"
    assert rig.fw.take_effects() == [Effect.BEGIN_UPGRADE]


def test_nothing_begins_after_a_download_that_failed_or_was_called_off():
    rig = rig_1_2()
    rig.write(14, True)
    rig.write(1, "coap://h/x")
    rig.fw.take_effects()
    rig.fw.finished(E.INTEGRITY_FAILED)
    assert Effect.BEGIN_UPGRADE not in rig.fw.take_effects()
    rig.write(0, b"image")
    rig.execute(10)
    rig.fw.upgrade()
    assert rig.pair == (0, 10)


def test_what_is_downloaded_already_waits_for_an_execute():
    rig = rig_1_2(state=S.DOWNLOADED)
    rig.write(14, True)
    assert rig.fw.take_effects() == []
    assert (rig.pair, rig.execute(2), rig.pair[0]) == ((2, 0), "2.04", 3)


def test_the_user_may_put_off_what_begins_by_itself():
    rig = rig_1_2()
    rig.write(14, True)
    rig.write(13, 60)
    rig.write(0, b"image")
    rig.host.defers = True
    rig.fw.upgrade()
    assert rig.pair == (2, 11)
    rig.fw.deferral_ended()
    assert rig.pair == (3, 0)


def test_a_failed_installation_does_not_begin_again_by_itself():
    rig = rig_1_2()
    rig.write(14, True)
    rig.write(0, b"image")
    rig.fw.upgrade()
    rig.fw.take_effects()
    rig.fw.installation_ended(E.INSTALL_FAILED)
    assert rig.pair == (2, 8)
    assert rig.fw.take_effects() == []


def test_a_version_that_a_profile_does_not_know_is_an_error():
    with pytest.raises(ValueError, match="not known to profile oma"):
        object_definition(replace(OMA, object_versions={}), "1.1")
