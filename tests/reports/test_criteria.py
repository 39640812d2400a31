import math

import pytest

from reports.criteria import MEASURES, all_hold, judge
from tests.reports.synthetic import Device, Written, health

KIND = "throughput_min_bytes_per_s"


def fleet():
    """Ten devices: 7 ok, 1 fail, 2 unknown; updates of 1 s to 10 s; downloads of 0.5 s to 0.95 s.

    The one that fails is a push that the server has altered.
    """
    devices = [Device(k, update_s=1.0 + k, download_s=0.5 + k / 20) for k in range(10)]
    devices[7] = Device(7, delivery="push", outcome="fail", device_end=(0, 5))
    devices[8] = Device(8, outcome="unknown", server_end=(-1, -1))
    devices[9] = Device(9, outcome="unknown", server_end=(-1, -1))
    return devices


def rows():
    return health("fleet-0", late_starts=3, missed_starts=2, loop_lag_s=0.05)


@pytest.mark.parametrize(
    ("name", "measured", "holding", "failing"),
    [
        ("failed_max", 1, 1, 0),
        ("unknown_max", 2, 2, 1),
        ("as_declared_min", 0.7, 0.7, 0.71),
        ("pattern_complete_min", 0.7, 0.7, 0.71),
        ("server_differs_max", 1, 1, 0),
        ("late_starts_max", 3, 3, 2),
        ("missed_starts_max", 2, 2, 1),
        ("loop_lag_max_s", 0.05, 0.05, 0.049),
        ("update_p95_max_s", 6.7, 6.8, 6.6),
        ("update_p99_max_s", 6.94, 7.0, 6.9),
        ("download_p95_max_s", 0.78, 0.8, 0.75),
        (KIND, 9.5 * 65536 / 0.8, 778_239.0, 778_241.0),
    ],
)
def test_each_criterion_holds_and_fails(summary, name, measured, holding, failing):
    found = summary(fleet(), criteria={name: holding}, fleet_health=rows()).criteria
    assert [(one.name, one.limit, one.holds, one.why) for one in found] == [(name, holding, True, "")]
    assert found[0].measured == pytest.approx(measured)


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("failed_max", 0),
        ("unknown_max", 1),
        ("as_declared_min", 0.71),
        ("pattern_complete_min", 0.71),
        ("server_differs_max", 0),
        ("late_starts_max", 2),
        ("missed_starts_max", 1),
        ("loop_lag_max_s", 0.049),
        ("update_p95_max_s", 6.6),
        ("update_p99_max_s", 6.9),
        ("download_p95_max_s", 0.75),
        (KIND, 778_241.0),
    ],
)
def test_each_criterion_fails(summary, name, limit):
    found = summary(fleet(), criteria={name: limit}, fleet_health=rows()).criteria
    assert [(one.holds, one.why) for one in found] == [(False, "")]
    assert found[0].measured is not None


def test_every_criterion_is_tested_here():
    tested = {mark.args[1][k][0] for mark in test_each_criterion_fails.pytestmark for k in range(len(mark.args[1]))}
    assert tested == set(MEASURES)


def test_throughput_by_kind(summary):
    devices = [Device(0), Device(1, "p", delivery="push")]
    limits = {KIND: {"coap/pull": 100_000.0, "coap/push": 1e9, "http/pull": 1.0}}
    found = {one.name: one for one in summary(devices, criteria=limits).criteria}
    assert found[f"{KIND}[coap/pull]"].holds
    assert not found[f"{KIND}[coap/push]"].holds
    absent = found[f"{KIND}[http/pull]"]
    assert (absent.holds, absent.measured) == (False, None)
    assert absent.why == "not measured: no transfer over http/pull was recorded"


def test_what_cannot_be_measured_does_not_hold(summary):
    limits = {name: 1e12 if "max" in name else 0 for name in MEASURES}
    found = summary([], criteria=limits, fleet_health=[], server_health=[]).criteria
    assert [one.name for one in found] == list(MEASURES)
    assert not any(one.holds for one in found)
    assert all(one.why.startswith("not measured: ") for one in found)


def test_measure_with_rows_missing_does_not_hold(summary):
    limits = {"failed_max": 0, "late_starts_max": 0, "download_p95_max_s": 100}
    found = summary([Device(0), Device(1)], criteria=limits, close_operator=False).criteria
    assert [(one.name, one.measured, one.holds) for one in found] == [
        ("failed_max", 0, False),
        ("late_starts_max", 0, False),
        ("download_p95_max_s", 0.5, True),
    ]
    assert found[0].why == "cannot be relied on: rows are missing from updates"


@pytest.mark.parametrize("limit", ["5", True, [1], {}, None])
def test_limit_that_is_no_number(summary, limit):
    found = judge(summary([Device(0)]), {"failed_max": math.nan if limit is None else limit})[0]
    assert (found.holds, found.why) == (False, "its limit is not a number")


def test_unknown_criterion_does_not_hold_and_none_is_none(summary):
    found = summary([Device(0)], criteria={"fail_max": 3, "failed_max": None}).criteria
    assert [(one.name, one.holds) for one in found] == [("fail_max", False)]
    assert "no criterion of this name" in found[0].why


@pytest.mark.parametrize(
    ("options", "holds", "verdict"),
    [
        ({"criteria": {"failed_max": 0, "unknown_max": 0}}, True, "holds"),
        ({"criteria": {"failed_max": 0, "update_p95_max_s": 0.1}}, False, "does not hold"),
        ({"criteria": {}}, True, "no criteria"),
        ({"criteria": {"failed_max": 0}, "status": "cut short"}, False, "does not hold"),
        ({"criteria": {}, "status": "running"}, False, "does not hold"),
    ],
)
def test_all_hold(summary, options, holds, verdict):
    found = summary([Device(0)], **options)
    assert all_hold(found) is holds
    assert found.verdict == verdict


def test_written_run_is_the_one_that_was_asked_for(tmp_path):
    assert (Written(fleet()).write(tmp_path / "r") / "manifest.json").exists()
