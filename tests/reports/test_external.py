"""Somebody else drives the server, so nobody asks what it knew: devices speak for themselves, and the page says so."""

from tests.reports.synthetic import Device

CRITERIA = {"failed_max": 0, "unknown_max": 0, "as_declared_min": 1.0}


def holding(found):
    return {criterion.name: criterion.holds for criterion in found.criteria}


def test_devices_speak_for_themselves(summary):
    devices = [Device(0), Device(1, fault="flash-too-small", declared=(0, 2))]
    found = summary(devices, server="external", operator_rows=False, criteria=CRITERIA)
    assert (found.outcomes.overall.ok, found.outcomes.overall.fail, found.outcomes.overall.unknown) == (2, 0, 0)
    assert all(holding(found).values())
    assert any("Nobody asked the server" in note for note in found.notes)


def test_another_end_than_declared_fails(summary):
    found = summary(
        [Device(0), Device(1, device_end=(0, 5))], server="external", operator_rows=False, criteria=CRITERIA
    )
    assert (found.outcomes.overall.ok, found.outcomes.overall.fail) == (1, 1)
    assert holding(found) == {"failed_max": False, "unknown_max": True, "as_declared_min": False}


def test_an_update_without_an_end_is_unknown(summary):
    found = summary([Device(0), Device(1, device_end=(1, 0))], server="external", operator_rows=False)
    assert (found.outcomes.overall.ok, found.outcomes.overall.unknown) == (1, 1)


def test_with_an_operator_the_servers_account_still_counts(summary):
    found = summary([Device(0)], operator_rows=False, criteria=CRITERIA)
    assert found.outcomes.overall.unknown == 1
    assert not any("Nobody asked the server" in note for note in found.notes)
