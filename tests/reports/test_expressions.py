"""Expressions of criteria on a recorded run, each metric against plain Python over what was written."""

import statistics

import pytest

from simulator.criteria import METRICS
from tests.reports.synthetic import BLOCKS, SIZE, Device, health

DEVICES = [
    Device(
        k, "ab"[k % 2], ["coap", "http"][k % 2], download_s=0.5 + k / 10, update_s=1.0 + k, refetched=k,
        blocks=[1000 + k] * BLOCKS, fault="flash-bit+slow" if k == 3 else "",
    )
    for k in range(8)
]  # fmt: skip
DEVICES[6] = Device(6, "a", outcome="fail", device_end=(0, 5), server_end=(0, 1), declared=(0, 1))
HEALTH = health("fleet-0", late_starts=3, missed_starts=2, loop_lag_s=0.05)
GOOD = [k for k in range(8) if k != 6]
WIRE = SIZE + 5000 + 4000
VALUES = {
    "max(update_seconds)": 8.0,
    'mean(update_seconds{group="b"})': statistics.mean(1.0 + k for k in (1, 3, 5, 7)),
    'count(update_seconds{fault="slow"})': 1,
    'count(update_seconds{fault!="none"})': 1,
    "min(update_from_due_seconds)": 1.1,
    "rate(ok)": 7 / 8,
    "sum(fail)": 1,
    "sum(unknown)": 0,
    "rate(as_declared)": 7 / 8,
    "server_disagreements": 1,
    "median(download_seconds)": statistics.median(0.5 + k / 10 for k in GOOD),
    'max(block_seconds{transport="http"})': 0.001007,
    "mean(peer_seconds)": statistics.mean([1000, *(1000 + k for k in GOOD)]) / 1e6,
    "max(device_throughput)": SIZE / 0.5,
    "throughput": (7 * SIZE + SIZE // 2) / 1.2,
    "throughput(http)": 4 * SIZE / 1.2,
    "payload_bytes": 7 * SIZE + SIZE // 2,
    "refetched_bytes": sum(GOOD),
    "wire_bytes": 8 * WIRE,
    "wire_overhead": 8 * WIRE / (7 * SIZE + SIZE // 2) - 1,
    "retransmissions": 16,
    "duplicates": 8,
    "mean(register_seconds)": 0.009,
    "late_starts": 3,
    "missed_starts": 2,
    "max(loop_lag_seconds)": 0.05,
    'max(cpu_share{role="fleet"})': 0.2,
}


def judged(summary, *texts, devices=DEVICES, **options):
    found = summary(devices, criteria={"expressions": list(texts)}, fleet_health=HEALTH, **options)
    return found.criteria


def test_each_metric_is_what_plain_python_makes_of_the_run(summary):
    found = judged(summary, *(f"{text} >= 0" for text in VALUES))
    assert [one.why for one in found] == [""] * len(VALUES)
    assert [one.measured for one in found] == pytest.approx(list(VALUES.values()))
    assert all(any(name in text for text in VALUES) for name in METRICS)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("max(update_seconds) <= 8.001 s", True),
        ("max(update_seconds) < 7999 ms", False),
        ("rate(ok) == 87.5 %", True),
        ("throughput(http) > 2 * throughput(coap)", False),
        ("not sum(fail) > 0", False),
        ("sum(fail) > 5 or missed_starts == 2 and late_starts - 1 == 2", True),
        ("-max(update_seconds) / 2 < -3 s", True),
    ],
)
def test_an_expression_is_judged(summary, text, holds):
    [one] = judged(summary, text)
    assert (one.holds, one.why) == (holds, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('not p95(update_seconds{group="c"}) > 1 s', 'no value of p95(update_seconds{group="c"})'),
        ("count(ok) / sum(unknown) > 1", "divides by zero"),
        ("p95(gone) < 1", "there is no metric"),
    ],
)
def test_without_a_value_it_does_not_hold(summary, text, why):
    [one] = judged(summary, text)
    assert not one.holds
    assert why in one.why


def test_on_a_table_with_rows_missing_it_does_not_hold(summary):
    [one] = judged(summary, "max(update_seconds) < 100 s", close_operator=False)
    assert not one.holds
    assert "rows are missing from" in one.why


def test_the_time_of_a_peer_is_that_behind_the_link_where_there_is_one(summary):
    lan = {"name": "lan", "delay_s": 0.001}
    devices = [
        Device(0, network=lan, peer=(3000, 2)),
        Device(1, network=lan),
        Device(2, blocks=[100, 300]),
        Device(3, blocks=[]),
    ]
    found = judged(
        summary, "max(peer_seconds) > 0", "min(peer_seconds) > 0", "count(peer_seconds) == 2", devices=devices
    )
    assert [one.measured for one in found] == pytest.approx([0.0015, 0.0002, 2])
