"""What the figures of a comparison are made of, against plain Python, and that their size is limited."""

import math
import random
import statistics
from dataclasses import replace

import numpy as np
import pytest

from reports.compare import figures, figures_bars, figures_cdf, figures_forest
from reports.compare.change import BETTER, SAME, WORSE, Change, changes
from reports.compare.resample import quantile_975
from reports.compare.rows import Record
from reports.compare.sides import Side, estimate, names_of, sides_of
from reports.read import read_run
from simulator.criteria import Selection
from tests.reports.synthetic import SIZE, Device, Written

ONE = Change("", 2.0, 2.5, 0.5, 0.3, 0.7, 0.25, 0.9, "blocks", 0.001, 0.01, 0.2, WORSE, up_is_worse=True)


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    """Two repetitions of a base, and one run that is slower; of devices of two transports, one of them with a fault."""
    directory = tmp_path_factory.mktemp("runs")
    found = []
    for name, shift, seed in (("a", 0.0, 1), ("b", 0.0, 2), ("c", 0.4, 3)):
        dice = random.Random(seed)
        devices = [
            Device(k, f"over-{k % 2}", "coaps" if k % 2 else "coap", due=k / 50,
                   download_s=0.4 + dice.random() / 10 + shift, update_s=1.0 + dice.random() + shift)
            for k in range(30)
        ]  # fmt: skip
        devices[4].fault, devices[4].declared = "flash-too-small", (0, 2)
        found.append(Record(read_run(Written(devices).write(directory / name))))
    return [found[:2], found[2:]]


def downloads(record, transport):
    """The durations of downloads of sound devices, in plain Python."""
    devices = record.run.tables["devices"].to_dict("records")
    own = {row["device"] for row in devices if row["transport"] == transport and not row["fault"]}
    rows = record.run.tables["transfers"].to_dict("records")
    return sorted(row["t"] - row["started"] for row in rows if row["outcome"] == "ok" and row["device"] in own)


def test_curves_have_the_times_of_each_side_by_transport(groups):
    panels = figures_cdf.take(sides_of(groups), "download_seconds")
    assert [panel.transport for panel in panels] == ["coap", "coaps"]
    for panel in panels:
        for curve, records in zip(panel.curves, groups, strict=True):
            wanted = sorted(value for record in records for value in downloads(record, panel.transport))
            assert curve.values.tolist() == pytest.approx(wanted)
    assert [len(curve.values) for curve in panels[0].curves] == [28, 14]
    told = figures_cdf.told(panels)
    assert told.startswith("coap: a and 1 more p50 ")
    assert told.count("p95") == 4


def test_points_of_a_curve_are_every_value_or_exact_quantiles():
    times, shares = figures_cdf.points(np.array([1.0, 2.0, 4.0]), 3)
    assert (times.tolist(), shares.tolist()) == ([1.0, 2.0, 4.0], pytest.approx([1 / 3, 2 / 3, 1.0]))
    many = np.sort(np.random.default_rng(1).exponential(1.0, 10_000))
    times, shares = figures_cdf.points(many, 101)
    assert len(times) == 101
    assert (times[0], times[-1]) == (many[0], many[-1])
    cuts = statistics.quantiles(many.tolist(), n=100, method="inclusive")
    assert times[1:-1].tolist() == pytest.approx(cuts)


def test_bars_are_medians_with_their_intervals(groups):
    bars = dict(figures_bars.take(sides_of(groups)))
    for transport, own in bars.items():
        medians = [statistics.median(SIZE / took for took in downloads(record, transport)) for record in groups[0]]
        base, other = (bar for _, bar in own)
        assert base.value == pytest.approx(statistics.mean(medians))
        reach = quantile_975(1) * statistics.stdev(medians) / math.sqrt(2)
        assert (base.low, base.high) == pytest.approx((base.value - reach, base.value + reach))
        assert other.value == pytest.approx(statistics.median(SIZE / t for t in downloads(groups[1][0], transport)))
        assert other.low < other.value < other.high
    assert "coaps: a and 1 more " in figures_bars.told(figures_bars.take(sides_of(groups)))


def test_an_interval_needs_some_devices(tmp_path):
    few = Record(read_run(Written([Device(k) for k in range(4)]).write(tmp_path / "few")))
    (side,) = sides_of([[few]])
    known = estimate(side, Selection("device_throughput", (), "p50"))
    assert (known.value, known.low, known.high) == (pytest.approx(SIZE / 0.5), None, None)
    assert estimate(side, Selection("device_throughput", few_labels(), "p50")) is None


def few_labels():
    """A transport that nobody has."""
    return figures_cdf.SOUND, replace(figures_cdf.SOUND, name="transport", value="https")


def test_effects_are_shares_of_the_base():
    one = figures_forest.effect(ONE)
    assert (one.at, one.low, one.high, one.margin) == pytest.approx((0.25, 0.15, 0.35, 0.1))
    negative = figures_forest.effect(replace(ONE, base=-2.0))
    assert negative.at == pytest.approx(0.25)
    for gone in (replace(ONE, base=0.0), replace(ONE, low=None), replace(ONE, low=0.0, high=0.0, difference=0.0)):
        assert figures_forest.effect(gone) is None


def test_of_too_many_metrics_those_that_changed_are_drawn():
    same = [replace(ONE, name=f"same {k}", verdict=SAME) for k in range(50)]
    changed = [replace(ONE, name=f"changed {k}", verdict=word) for k, word in enumerate((WORSE, BETTER))]
    forest = figures_forest.take([("b", [*same, *changed])])
    assert len(forest.names) == figures_forest.ROWS_MOST
    assert forest.names[-2:] == ["changed 0", "changed 1"]
    assert forest.left_out == 52 - figures_forest.ROWS_MOST
    assert f"{forest.left_out} further metrics without" in figures_forest.caption(forest)
    told = figures_forest.told(forest)
    assert told.startswith("b: changed 0 +25.0 % (+15.0 to +35.0 %), worse, changed 1")
    assert told.endswith("50 metrics without evidence of change")
    short = replace(ONE, name="short", verdict=SAME, least=2.5)  # not even 100 % would count
    assert figures_forest.take([("b", [*changed, short])]).names == ["changed 0", "changed 1"]
    assert figures_forest.take([("b", [short])]) is None
    assert figures_forest.take([("b", [replace(ONE, p=None)])]) is None


def test_all_figures_are_drawn_and_told(groups):
    sides = sides_of(groups)
    drawn = figures.draw(sides, [(sides[1].name, changes(*groups))])
    assert [one.name for one in drawn] == ["differences", "throughput", "download-times", "update-times"]
    for one in drawn:
        assert one.svg.startswith(b"<?xml")
        assert one.alt != one.caption
        assert "c" in one.alt


def test_many_runs_and_values_make_no_large_figure():
    values = np.sort(np.random.default_rng(1).exponential(1.0, 50_000))
    sides = [Side(f"run {place}", (), place) for place in range(figures.SIDES_MOST)]
    panels = [
        figures_cdf.Panel(name, [figures_cdf.Curve(side, values * (1 + side.place)) for side in sides])
        for name in ("coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https")
    ]
    assert len(figures.svg(figures_cdf.draw(panels, "Time of a download"))) < 500_000


def test_names_are_as_short_as_they_can_be(tmp_path):
    paths = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    assert names_of(paths) == ["x/run", "y/run"]
    assert names_of([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
