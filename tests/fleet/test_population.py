"""The plan: each device is the same in every slice, faults are dealt as declared, groups are mixed."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults.kinds import FaultKind
from simulator.fleet.population import Population, _Deal
from simulator.scenario import loads


def nothing(_scene):
    """No fault is made here."""


def kind(name, expected):
    return FaultKind(name, "flash", "A fault.", nothing, expected)


KINDS = {
    each.name: each
    for each in (kind("corrupt", (0, 5)), kind("fails", (2, 8)), kind("loss", None), kind("delay", None))
}

TEXT = """
[devices]
boot_time = { min = "1 s", max = "3 s" }
[groups.pull]
count = 300
install_time = "2 s"
coap.ack_timeout = "500 ms"
[[groups.pull.faults]]
kind = "corrupt"
share = "5 %"
[[groups.pull.faults]]
kind = "fails"
share = "10 %"
[[groups.pull.faults]]
kind = "loss"
share = "50 %"
[[groups.pull.faults]]
kind = "delay"
share = "50 %"
[groups.push]
count = 100
delivery = "push"
notifications = "non"
[groups.idle]
count = 50
delivery = "none"
[groups.left-out]
count = 50
[arrivals]
rate = "100/s"
[campaign]
groups = ["pull", "push"]
"""


def population(text=TEXT, seed=1, *overrides):
    return Population(loads(text, overrides, kinds=KINDS), seed)


@pytest.fixture(scope="module")
def plans():
    fleet = population()
    return [fleet.device(k) for k in range(len(fleet))]


def test_a_device_has_what_its_group_says(plans):
    assert len(plans) == 500
    pull = next(plan for plan in plans if plan.group == "pull")
    assert (pull.delivery, pull.transport, pull.profile, pull.lwm2m) == ("pull", "coap", "oma", "1.1")
    assert (pull.flash_bytes, pull.block_size, pull.lifetime_s) == (2 * 2**20, 1024, 86400)
    assert (pull.firmware_version, pull.model, pull.think_time_s) == ("1.0.0", "vd-1", 0)
    assert (pull.install_time_s, pull.parameters.ACK_TIMEOUT, pull.parameters.MAX_RETRANSMIT) == (2, 0.5, 4)
    push = next(plan for plan in plans if plan.group == "push")
    assert (push.delivery, push.confirmable_notifications, pull.confirmable_notifications) == ("push", False, True)
    assert push.endpoint == f"vd-push-{push.index:06d}"


def test_a_group_may_run_another_version_than_the_others():
    fleet = population(TEXT, 1, "groups.push.from_version=1.1.1")
    versions = {fleet.device(k).group: fleet.device(k).firmware_version for k in range(len(fleet))}
    assert versions == {"pull": "1.0.0", "push": "1.1.1", "idle": "1.0.0", "left-out": "1.0.0"}


def test_names_and_indices_are_unique(plans):
    assert [plan.index for plan in plans] == list(range(500))
    assert len({plan.endpoint for plan in plans}) == 500
    assert Counter(plan.group for plan in plans) == {"pull": 300, "push": 100, "idle": 50, "left-out": 50}


def test_devices_start_as_the_arrivals_say(plans):
    assert [plan.due_s for plan in plans] == [k / 100 for k in range(500)]


def test_groups_arrive_side_by_side(plans):
    for first in range(0, 500, 20):
        window = Counter(plan.group for plan in plans[first : first + 20])
        assert 11 <= window["pull"] <= 13
        assert 3 <= window["push"] <= 5


def test_a_range_is_drawn_per_device(plans):
    times = [plan.boot_time_s for plan in plans]
    assert all(1 <= time <= 3 for time in times)
    assert len(set(times)) == 500
    assert 1.9 < sum(times) / 500 < 2.1


def test_the_declared_number_of_devices_carries_each_fault(plans):
    carried = Counter(fault.kind for plan in plans for fault in plan.faults)
    assert carried == {"corrupt": 15, "fails": 30, "loss": 150, "delay": 150}
    assert {plan.group for plan in plans if plan.faults} == {"pull"}


def test_a_device_ends_one_way_only(plans):
    ends = Counter((plan.expected_state, plan.expected_result) for plan in plans if plan.delivery)
    assert ends == {(0, 5): 15, (2, 8): 30, (0, 1): 355}
    for plan in plans:
        assert sum(fault.decisive for fault in plan.faults) <= 1
        if any(fault.kind == "corrupt" for fault in plan.faults):
            assert (plan.expected_state, plan.expected_result) == (0, 5)


def test_faults_that_decide_nothing_meet_by_chance(plans):
    both = sum(plan.fault.endswith("loss+delay") for plan in plans)
    assert 50 < both < 100
    assert {plan.fault for plan in plans} >= {"", "loss", "fails+loss", "corrupt+loss+delay"}


def test_no_campaign_reaches_a_group_that_is_left_out(plans):
    for plan in plans:
        if plan.group in ("idle", "left-out"):
            assert (plan.delivery, plan.faults, plan.expected_state, plan.expected_result) == ("", (), 0, 0)


def test_a_group_may_be_declared_to_fail():
    text = '[groups.a]\ncount = 2\nflash = "1 KiB"\nexpect = { state = 0, result = 2 }\n'
    text += '[[groups.a.faults]]\nkind = "loss"\n'
    plan = population(text).device(1)
    assert (plan.fault, plan.expected_state, plan.expected_result) == ("loss", 0, 2)


def test_every_fault_strikes_somebody_in_a_small_fleet():
    fleet = Population(loads(TEXT, kinds=KINDS).scaled(20), 1)
    carried = Counter(fault.kind for k in range(len(fleet)) for fault in fleet.device(k).faults)
    assert carried == {"corrupt": 1, "fails": 1, "loss": 6, "delay": 6}


@given(slices=st.integers(1, 60), seed=st.integers(0, 2**64 - 1))
def test_slices_are_the_whole_and_disjoint(slices, seed):
    fleet = population("[groups.a]\ncount = 37\n", seed)
    parts = [list(fleet.slice(i, slices)) for i in range(slices)]
    assert sorted(itertools.chain(*parts)) == list(range(37))
    assert all(k % slices == i for i, part in enumerate(parts) for k in part)


@given(seed=st.integers(0, 2**64 - 1), asked=st.lists(st.integers(0, 499), max_size=5))
def test_a_device_does_not_depend_on_what_was_asked_before(seed, asked):
    one, other = population(TEXT, seed), population(TEXT, seed)
    for k in asked:
        other.device(499 - k)
    assert [one.device(k) for k in asked] == [other.device(k) for k in asked]


def test_another_seed_is_another_fleet(plans):
    other = population(seed=2)
    assert [plan.fault for plan in plans] != [other.device(k).fault for k in range(500)]


@pytest.mark.parametrize(("i", "n"), [(2, 2), (-1, 2), (0, 0)])
def test_there_is_no_slice_outside_the_fleet(i, n):
    with pytest.raises(ValueError, match="slice"):
        population().slice(i, n)


@pytest.mark.parametrize("k", [-1, 500])
def test_there_is_no_device_outside_the_fleet(k):
    with pytest.raises(IndexError):
        population().device(k)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_cards_are_dealt_completely_and_evenly(counts):
    total = sum(counts)
    cards = [_Deal(counts)(k) for k in range(total)]
    assert sorted(cards) == [(colour, j) for colour, count in enumerate(counts) for j in range(count)]
    dealt = [0] * len(counts)
    for k, (colour, j) in enumerate(cards):
        assert j == dealt[colour]
        dealt[colour] += 1
        for at, count in enumerate(counts):
            assert abs(dealt[at] - count * (k + 1) / total) < len(counts)
