import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.pattern import judge
from tests.reports.synthetic import Device, scenario


@pytest.mark.parametrize(
    ("states", "results", "verdict"),
    [
        ("01230", "01", "complete"),
        ("1230", "1", "complete"),
        ("01230", "101", "complete"),
        ("021230", "01", "complete"),
        ("02130", "01", "out of order"),
        ("03210", "01", "out of order"),
        ("0230", "01", "incomplete"),
        ("0123", "01", "incomplete"),
        ("01230", "0", "incomplete"),
        ("01230", "015", "incomplete"),
        ("01230", "", "incomplete"),
        ("", "1", "incomplete"),
        ("0", "1", "incomplete"),
    ],
)
def test_judge(states, results, verdict):
    assert judge(list(states), list(results)) == verdict


@pytest.mark.parametrize(("states", "verdict"), [("0230", "complete"), ("230", "complete"), ("030", "incomplete")])
def test_judge_where_downloading_need_not_show(states, verdict):
    assert judge(list(states), ["1"], downloading=False) == verdict


@given(st.lists(st.text(max_size=2)), st.lists(st.text(max_size=2)), st.booleans())
def test_judge_takes_anything(states, results, downloading):
    verdict = judge(states, results, downloading=downloading)
    assert verdict in {"complete", "out of order", "incomplete"}
    if verdict != "incomplete":
        assert states[-1] == "0"
        assert results[-1] == "1"


def test_only_sound_devices_of_the_campaign_are_judged(summary):
    devices = [
        Device(0),
        Device(1, states=("0", "2", "1", "3", "0")),
        Device(2, states=("0", "2", "3", "0")),
        Device(3, states=(), results=()),
        Device(4, fault="flash-too-small", declared=(0, 2)),
    ]
    found = summary(devices).pattern
    assert (found.devices, found.complete, found.out_of_order, found.incomplete) == (4, 1, 1, 2)
    assert found.without_downloading == 0
    assert found.seen["State 0 → 1 → 2 → 3 → 0, Result 0 → 1"] == 1
    assert found.seen["State never reported, Result never reported"] == 1


def test_a_sound_device_that_is_declared_to_end_otherwise_has_another_pattern(summary):
    devices = [
        Device(0),
        Device(1, "left", states=("0", "1", "2"), results=("0",), declared=(2, 0)),
        Device(2, "small", states=("0", "1", "0"), results=("0", "2"), declared=(0, 2)),
    ]
    found = summary(devices).pattern
    assert (found.devices, found.complete, found.incomplete) == (1, 1, 0)


def test_anjay_does_not_show_downloading_on_push(summary):
    devices = [
        Device(0, "p", delivery="push", states=("0", "2", "3", "0")),
        Device(1, "p", delivery="push"),
        Device(2, "q", delivery="pull", states=("0", "2", "3", "0")),
    ]
    plan = scenario(devices)
    plan["groups"]["p"]["profile"] = plan["groups"]["q"]["profile"] = "anjay"
    found = summary(devices, scenario=plan).pattern
    assert (found.complete, found.without_downloading, found.incomplete) == (2, 1, 1)


def test_what_devices_show_is_taken_from_the_scenario_of_the_run(summary):
    devices = [
        Device(0, "hidden", delivery="push", states=("0", "2", "3", "0")),
        Device(1, "shown", delivery="push", states=("0", "2", "3", "0")),
        Device(2, "quiet", states=("0", "2", "0")),
    ]
    plan = scenario(devices)
    plan["groups"]["hidden"] |= {"profile": "oma", "shows_downloading_on_push": False}
    plan["groups"]["shown"] |= {"profile": "anjay", "shows_downloading_on_push": True}
    plan["groups"]["quiet"]["notifies_every_change"] = False
    found = summary(devices, scenario=plan).pattern
    assert (found.devices, found.complete, found.without_downloading, found.incomplete) == (2, 1, 1, 1)
