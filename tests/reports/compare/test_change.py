"""Known shifts are found, equal runs are not told apart, and what cannot be told is said to be so."""

import random
from dataclasses import replace

import numpy as np
import pytest

from reports.compare.change import BETTER, EQUAL, SAME, UNTOLD, WORSE, adjusted, between, changes, measure
from reports.compare.comparison import compare
from reports.compare.limits import LimitError, judge, parse_limit
from reports.compare.resample import blocked, cliffs_delta, draws, quantile_975, redrawn, tail, value_of
from reports.compare.rows import Record, Rows
from reports.metrics import Values
from reports.read import read_run
from simulator.criteria import Selection
from tests.reports.synthetic import Device, Written, health

UPDATE = Selection("update_seconds", function="mean")
MEDIAN = 'p50(update_seconds{fault="none"})'


@pytest.fixture
def run(tmp_path):
    def make(name, count=60, shift=0.0, seed=1, **options):
        dice, noise = random.Random(1), random.Random(seed)
        devices = [
            Device(k, due=k / 50, update_s=1.0 + dice.random() + noise.gauss(0, 0.02) + shift) for k in range(count)
        ]
        return Record(read_run(Written(devices, **options).write(tmp_path / name)))

    return make


def mean_of(record):
    rows = record.run.tables["updates"].to_dict("records")
    return sum(row["t"] - row["started"] for row in rows) / len(rows)


def verdict(found):
    return next(one.verdict for one in found if one.name == MEDIAN)


def test_a_known_shift_is_found_with_a_narrow_interval(run):
    base, slow = run("a", seed=1), run("b", seed=2, shift=0.4)
    one = measure(UPDATE, [base], [slow])
    assert one.method == "paired blocks"
    means = [sum(t) / len(t) for t in ((r.run.tables["updates"].eval("t - started")).tolist() for r in (base, slow))]
    assert one.difference == pytest.approx(means[1] - means[0])
    assert 0.3 < one.low < one.difference < one.high < 0.5  # pairing takes away how devices differ, 0.29 s
    assert verdict(changes([base], [slow])) == WORSE
    assert verdict(changes([slow], [base])) == BETTER


def test_equal_runs_show_no_change_and_give_the_same_figures_again(run):
    base, again = run("a", seed=1), run("b", seed=2)
    found = changes([base], [again])
    assert {one.verdict for one in found} <= {SAME, UNTOLD}
    assert found == changes([base], [again])


def test_repetitions_find_less_than_one_run_each(run):
    base = [run(f"a{k}", seed=k) for k in range(3)]
    slow = [run(f"b{k}", seed=k + 9, shift=0.12) for k in range(3)]
    limit = [parse_limit("p50(update_seconds) +5%")]
    assert [judge(limit, base[:many], slow[:many])[0].holds for many in (1, 3)] == [True, False]


def test_one_run_is_held_against_repetitions(run):
    base = [run(f"a{k}", seed=k) for k in range(4)]
    slow, same = run("b", seed=9, shift=0.12), run("c", seed=10)
    limit = [parse_limit("p50(update_seconds) +5%")]
    assert [judge(limit, base, [one])[0].holds for one in (slow, same)] == [False, True]
    one = measure(UPDATE, base, [slow])
    values = [mean_of(record) for record in base]
    assert one.method == "4 and 1 runs"
    assert one.difference == pytest.approx(mean_of(slow) - sum(values) / 4)
    reach = quantile_975(3) * np.std(values, ddof=1) * (1 / 4 + 1) ** 0.5
    assert one.high - one.difference == pytest.approx(reach)
    assert measure(UPDATE, base[:2], [slow]).method == "paired blocks"  # two runs do not tell how runs differ


def test_repeated_runs_that_are_equal_give_few_alarms():
    """Values of runs with heavy tails: the share of p below 5 % is about that, or less."""
    dice = np.random.default_rng(5)
    for counts in ((3, 3), (4, 1)):
        low = 0
        for _ in range(2000):
            base, other = (list(1 + 0.015 * dice.standard_t(4, count)) for count in counts)
            _, spread, freedom = between(base, other)
            low += 2 * tail(abs(np.mean(other) - np.mean(base)) / spread, freedom) < 0.05
        assert low < 0.06 * 2000


def test_times_of_a_generator_that_was_the_bottleneck_are_not_judged(run):
    late = {"fleet_health": health("fleet-0", late_starts=9, loop_lag_s=0.6)}
    base, slow = [run("a"), run("c", seed=3)], run("b", seed=2, shift=0.4, **late)
    by_name = {one.name: one for one in changes(base[:1], [slow])}
    assert (by_name[MEDIAN].verdict, by_name[MEDIAN].method) == (UNTOLD, "generator was the bottleneck")
    assert by_name["rate(ok)"].verdict == SAME
    (judged,) = judge([parse_limit("p50(update_seconds) +10%")], base[:1], [slow])
    assert (judged.holds, judged.why) == (False, "cannot be judged: generator was the bottleneck")
    # Among repetitions such a run has no part.
    assert measure(UPDATE, base, [slow, run("d", seed=4)]).other == pytest.approx(mean_of(run("e", seed=4)))


def test_what_is_equal_everywhere_costs_the_others_nothing(run):
    found = changes([run("a", seed=1)], [run("b", seed=2, shift=0.4)])
    equal = [one for one in found if one.method == EQUAL]
    assert {"rate(ok)", 'mean(retransmissions{fault="none"})'} & {one.name for one in equal}
    assert {(one.verdict, one.p, one.low, one.high) for one in equal} == {(SAME, 1.0, 0.0, 0.0)}
    tests = [one for one in found if one.p is not None and one.method != EQUAL]
    least = min(tests, key=lambda one: one.p)
    assert least.p_adjusted == pytest.approx(min(1.0, least.p * len(tests)))


def test_throughput_may_vary_by_the_share_that_the_noise_is_of_a_download(run):
    one = measure(Selection("device_throughput", function="p50"), [run("a")], [run("b", seed=2)], noise_s=0.2)
    assert one.least == pytest.approx(one.base * 0.2 / 0.5)  # downloads take 0.5 s


def test_time_of_the_peer_is_that_of_the_metric(tmp_path):
    devices = [
        Device(0, peer=(6000, 3)),
        Device(1, blocks=[1000, 3000]),
        Device(2, group="far", network={"name": "lte-m"}, peer=(50, 1)),
        Device(3, group="far", network={"name": "lte-m"}),  # behind a link, and not timed: it has no value
        Device(4, blocks=[]),
    ]
    record = Record(read_run(Written(devices).write(tmp_path / "run")))
    rows = record.rows("peer_seconds")
    assert dict(zip(rows.device.tolist(), rows.value.tolist(), strict=True)) == pytest.approx(
        {0: 0.002, 1: 0.002, 2: 0.00005}
    )
    by_criteria = Values(record.run, record.devices, record.updates).measure(Selection("peer_seconds", function="mean"))
    assert rows.value.mean() == pytest.approx(by_criteria)


def test_other_devices_are_not_paired(run):
    base, fewer = run("a"), run("b", count=40, shift=1.0)
    one = measure(UPDATE, [base], [fewer])
    assert (one.method, one.verdict) == ("blocks", WORSE)
    assert any("differ in devices (60 and 40)" in note for note in compare([base], [fewer]).notes)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_devices_tell_nothing(run, count):
    found = changes([run("a", count=count)], [run("b", count=count, shift=1.0)])
    assert {one.verdict for one in found} == {UNTOLD}


def test_a_damaged_run_is_compared_and_said_to_be_damaged(run):
    base, cut = run("a"), run("b", status="cut short", close_fleet=False, operator_rows=False)
    found = compare([base], [cut])
    assert any("b is cut short" in note for note in found.notes)
    assert any("rows missing" in note for note in found.notes)


def test_a_limit_fails_past_it_only(run):
    base, slow = run("a"), run("b", seed=2, shift=0.4)  # the mean is 1.5 s
    limits = [parse_limit("mean(update_seconds) +10%"), parse_limit('mean(update_seconds{transport="coap"}) + 50 %')]
    assert [one.holds for one in judge(limits, [base], [slow])] == [False, True]
    (unknown,) = judge([parse_limit('p95(update_seconds{transport="http"}) +10%')], [base], [slow])
    assert not unknown.holds
    assert "not in both" in unknown.why


@pytest.mark.parametrize(
    "text",
    [
        "p95(update_seconds)",
        "p95(nothing) +10%",
        "rate(update_seconds) +10%",
        "update_seconds +10%",
        'p95(update_seconds{role="fleet"}) +1%',
        "p95(update_seconds) -10%",
        "p50(device_throughput) +10%",
        "p95( +10%",
        "p95(update_seconds) * 2 +10%",
    ],
)
def test_limits_that_cannot_be_read(text):
    with pytest.raises(LimitError):
        parse_limit(text)


def test_holm_by_hand(run):
    one = measure(UPDATE, [run("a")], [run("b")])
    some = [replace(one, p=p) for p in (0.04, 0.01, 0.03)]
    assert [each.p_adjusted for each in adjusted(some)] == pytest.approx([0.06, 0.03, 0.06])


def test_student_against_tables():
    assert tail(2.228, 10) == pytest.approx(0.025, abs=1e-4)
    assert tail(-1.0, 1) == pytest.approx(0.75, abs=1e-6)
    assert quantile_975(4) == pytest.approx(2.776, abs=1e-3)


def test_cliffs_delta_by_counting_pairs():
    dice = random.Random(3)
    a, b = ([dice.randrange(9) for _ in range(n)] for n in (7, 11))
    counted = sum((y > x) - (y < x) for x in a for y in b) / 77
    assert cliffs_delta(np.array(a, float), np.array(b, float)) == pytest.approx(counted)


@pytest.mark.parametrize("percentile", [None, 50.0])
def test_the_interval_covers_the_truth_in_most_seeds(percentile):
    covered, order, drawn = 0, np.arange(200), draws(20, 0)
    for seed in range(100):
        dice = np.random.default_rng(seed)
        own = dice.exponential(1.0, 200)
        rows = [Rows(order, own + shift + dice.normal(0, 0.3, 200), np.ones(200)) for shift in (0.0, 0.5)]
        first, second = (redrawn(blocked(each, order, whole=True), percentile, drawn) for each in rows)
        reach = quantile_975(19) * (second - first).std(ddof=1)
        covered += abs(value_of(rows[1], percentile) - value_of(rows[0], percentile) - 0.5) < reach
    assert covered >= 88
