"""Runs of several sizes side by side: figures out of known runs, exponents out of known laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.compare.rows import Record
from reports.growth import SizesError, growth
from reports.growth.figure import PANELS, draw, told
from reports.growth.fit import fit, further
from reports.growth.page import render
from reports.growth.points import MEASURES, point
from reports.read import read_run
from tests.reports.pages import Reader
from tests.reports.synthetic import Device, Written, health, scenario


@pytest.fixture
def record(tmp_path):
    def make(count, name="", **more):
        devices = [Device(k, due=k / 50, update_s=1.0 + k / 100, download_s=0.5 + k / 100) for k in range(count)]
        return Record(read_run(Written(devices, **more).write(tmp_path / (name or f"run-{count}"))))

    return make


@given(st.floats(-3, 3), st.floats(1e-6, 1e6), st.lists(st.integers(1, 10**6), min_size=2, max_size=6, unique=True))
def test_a_power_law_is_found_again(exponent, factor, sizes):
    power = fit(sizes, [factor * n**exponent for n in sizes])
    # Sizes that hardly differ tell less of a law than the arithmetic takes off.
    accuracy = 1e-9 / (max(sizes) / min(sizes) - 1)
    assert power.exponent == pytest.approx(exponent, abs=1e-6 + accuracy)
    assert power.at(sizes[0]) == pytest.approx(factor * sizes[0] ** exponent, rel=1e-6)
    assert (power.error is None) == (len(sizes) == 2)


def test_exponent_and_error_are_those_of_a_least_squares_fit():
    sizes, values = [10, 100, 1000, 1000], [1.0, 3.0, 20.0, 25.0]
    (slope, offset), covariance = np.polyfit(np.log(sizes), np.log(values), 1, cov="unscaled")
    left = np.log(values) - slope * np.log(sizes) - offset
    power = fit(sizes, values)
    assert power.exponent == pytest.approx(slope)
    assert power.factor == pytest.approx(math.exp(offset))
    assert power.error == pytest.approx(math.sqrt(covariance[0, 0] * (left @ left) / 2))
    assert power.told == f"~ n^{slope:.2f} ± {power.error:.2f}"


@pytest.mark.parametrize("values", [[None, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, None, None]])
def test_one_size_has_no_law(values):
    assert fit([1, 2, 3], values) is None


def test_no_growth_is_told_without_a_sign():
    assert fit([10, 100], [1.0, 0.9999]).told == "~ n^0.00"


def test_what_each_further_device_adds_is_free_of_what_a_run_costs_without_any():
    assert further([10, 100, 1000], [(500 + 3 * n) / n for n in (10, 100, 1000)]) == pytest.approx(3.0)
    assert further([10, 10], [1.0, 1.0]) is None
    assert further([10, 100], [1.0, None]) is None


def test_figures_of_a_run(record):
    made = record(20)
    rows = made.run.tables["transfers"].to_dict("records")
    updates = made.run.tables["updates"].to_dict("records")
    one = point(made)
    took = [row["t"] - row["started"] for row in updates]
    downloads = [row["t"] - row["started"] for row in rows]
    span_s = max(row["t"] for row in rows) - min(row["started"] for row in rows)
    assert (one.name, one.devices, one.updates) == ("run-20", 20, 20)
    assert {name: value for name, value in one.values.items() if name != "wall_s"} == pytest.approx(
        {
            "bytes_per_s": sum(row["received"] for row in rows) / span_s,
            "fleet_cpu_s_per_update": 2.0 / 20, "server_cpu_s_per_update": 3.0 / 20,
            "fleet_cpu_s_per_device": 2.0 / 20, "server_cpu_s_per_device": 3.0 / 20,
            "fleet_bytes_per_device": 50_000_000 / 20, "server_bytes_per_device": 50_000_000 / 20,
            "update_s_p50": np.percentile(took, 50), "update_s_p95": np.percentile(took, 95),
            "download_s_p50": np.percentile(downloads, 50), "download_s_p95": np.percentile(downloads, 95),
            "loop_lag_s_max": 0.002, "late_starts": 0.0,
        }
    )  # fmt: skip
    assert one.values["wall_s"] >= 0
    assert list(one.values) == [measure.name for measure in MEASURES]
    assert {name for _, series in PANELS for _, name in series} == set(one.values)


def test_growth_of_known_runs(record):
    found = growth([record(40), record(10)])
    assert [one.devices for one in found.points] == [10, 40]
    assert found.notes == []
    # The runs used the same in all, so each device and update used less of it.
    for name in ("fleet_cpu_s_per_update", "server_cpu_s_per_device", "fleet_bytes_per_device"):
        assert found.fits[name].exponent == pytest.approx(-1.0)
    assert found.further["fleet_bytes_per_device"] == pytest.approx(0.0, abs=1e-3)
    assert found.fits["late_starts"] is None
    table = found.table()
    row = next(row for row in table.rows if row[0] == "CPU of the fleet per device")
    assert row == ["CPU of the fleet per device", "200 ms", "50 ms", "~ n^-1.00", "0 s"]
    assert len({len(row) for row in [table.headers, *table.rows]}) == 1
    assert found.to_dict()["runs"][1]["devices"] == 40
    assert "memory of the fleet per device 5 MB to 1.25 MB (~ n^-1.00)" in told(found)


def test_what_differs_beside_the_size_is_told(record, monkeypatch):
    devices = [Device(0)]
    runs = [
        record(10),
        record(20, "other-scenario", scenario=scenario(devices, campaign={"concurrency": 3})),
        record(30, "other-server", server="leshan"),
        record(40, "other-machine", cores=64),
        record(50, "cut", status="cut short"),
        record(60, "busy", fleet_health=health("fleet-0", late_starts=60)),
    ]
    notes = growth(runs).notes
    assert [note for note in notes if "other-scenario" in note and "differ in scenario: what grows may be" in note]
    assert [note for note in notes if "differ in server (embedded and leshan): " in note]
    assert [note for note in notes if "other-machine differ in machine" in note]
    assert "cut is cut short: updates that take long are missing from it." in notes
    assert [note for note in notes if note.startswith("In busy the generator was the bottleneck")]
    assert len(notes) == len(set(notes)) == 5


@pytest.mark.parametrize(
    ("sizes", "text"), [((), "none is given"), ((5,), "run-5 has 5 devices"), ((0, 5), "run-0: no")]
)
def test_fewer_than_two_sizes_are_an_error(record, sizes, text):
    with pytest.raises(SizesError, match=text):
        growth([record(size) for size in sizes])


def test_a_page_of_runs_in_which_little_was_measured(record):
    found = growth([record(count, fleet_health=[], server_health=[], operator_rows=False) for count in (3, 9)])
    assert draw(found).svg.startswith(b"<?xml")
    page = Reader(render(found))
    assert page.complaints == []
    assert "synthetic: from 3 to 9 devices" in page.text
    assert "memory of the fleet per device" in page.text
    (image,) = page.all("img")
    assert image["src"].startswith("data:image/svg+xml;base64,")
    assert image["alt"] == told(found)
