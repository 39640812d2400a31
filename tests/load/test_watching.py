"""What the live charts are drawn from: rows of a run, and what the fleet processes tell of themselves."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from simulator.cli.metrics import Totals
from simulator.load.history import POINTS_MAX, History, Outcomes
from simulator.load.meters import SPAN_S_MAX, STALE_S, Meter, Meters
from simulator.load.watching import NO_RUN, Watcher


def told(t, *, cpu=0.0, moved=0, lag=0.0, late=0, process="fleet-0"):
    """What a fleet process tells at a time."""
    health = {"t": t, "cpu_s": cpu, "lag_s": lag, "late_starts": late}
    return {"process": process, "moved": {"coap": moved}, "health": health}


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_history_of_any_length_is_as_long_as_a_page_can_show():
    history = History()
    for t in range(10 * POINTS_MAX):
        history.add({"t": t})
    times = [row["t"] for row in history.rows]
    assert POINTS_MAX / 3 < len(times) <= POINTS_MAX
    assert times[0] < history.step
    assert {later - earlier for earlier, later in pairwise(times)} == {history.step}
    assert times[-1] > 9.9 * POINTS_MAX


def test_what_counts_up_and_every_peak_survive_the_thinning():
    history = History()
    for t in range(5 * POINTS_MAX + 3):
        peak = 900.0 if t in (7, 5 * POINTS_MAX + 1) else 1.0
        history.add({"t": t, "moved": {"coap": 10 * t}, "lag": {"x": peak}, "cpu": {}})
    history.close()
    last = history.rows[-1]
    assert (last["t"], last["moved"]) == (5 * POINTS_MAX + 2, {"coap": 10 * (5 * POINTS_MAX + 2)})
    assert sum(row["lag"]["x"] == 900.0 for row in history.rows) == 2


def test_outcomes_are_told_by_what_was_injected():
    outcomes = Outcomes()
    outcomes.add("g", "", "0/1", "0/1", "ok")
    outcomes.add("g", "image-corrupt", "0/5", "0/5", "ok")
    outcomes.add("g", "image-corrupt", "0/5", "0/1", "fail")
    outcomes.add("g", "image-corrupt", "0/5", "", "unknown")
    sound, corrupt = outcomes.rows()
    assert (sound["fault"], sound["observed"], sound["ok"]) == ("none", "0/1: 1", 1)
    assert (corrupt["observed"], corrupt["ok"], corrupt["fail"], corrupt["unknown"]) == ("0/1: 1, 0/5: 1", 1, 1, 1)
    assert outcomes.total == {"ok": 2, "fail": 1, "unknown": 1}


# -- processes ---------------------------------------------------------------------------------------------------------


def test_three_seconds_in_one_report_are_shown_one_after_the_other():
    meter = Meter()
    meter.take(told(3.0, moved=300), 3.0)
    shown = [meter.moved(now)["coap"] for now in (3.0, 4.0, 5.0, 6.0, 60.0)]
    assert shown == [0, 100, 200, 300, 300]
    meter.take(told(6.0, moved=900), 6.0)
    assert [meter.moved(now)["coap"] for now in (6.0, 7.0, 9.0)] == [300, 500, 900]


def test_what_is_told_twice_is_no_news():
    meter = Meter()
    meter.take(told(1.0, moved=100), 1.0)
    meter.take(told(1.0, moved=100), 1.5)
    assert meter.moved(2.0) == {"coap": 100}


def test_a_download_that_begins_anew_takes_nothing_back():
    meter = Meter()
    for t, moved in ((1.0, 500), (2.0, 100), (3.0, 700)):
        meter.take(told(t, moved=moved), t)
    assert meter.moved(3.0) == {"coap": 500}
    assert meter.moved(9.0) == {"coap": 700}


def test_after_a_long_silence_the_chart_does_not_lag_for_as_long():
    meter = Meter()
    meter.take(told(60.0, moved=100), 60.0)
    assert meter.moved(60.0 + SPAN_S_MAX) == {"coap": 100}


def test_cpu_is_that_between_two_reports_and_the_last_ones_stay():
    meters = Meters()
    meters.take([told(1.0, cpu=0.5, lag=0.010, late=1), told(1.0, cpu=0.1, process="fleet-1")], 1.0)
    meters.take([told(3.0, cpu=2.3, lag=0.002, late=4), told(3.0, cpu=0.5, process="fleet-1")], 3.0)
    assert meters.cpu() == {"busiest fleet process": pytest.approx(90), "fleet process on average": pytest.approx(55)}
    assert meters.lag_ms() == {"longest of a fleet process": pytest.approx(2.0)}
    assert meters.late_starts == 4
    assert [row["process"] for row in meters.rows()] == ["fleet-0", "fleet-1"]


def test_a_process_that_is_gone_keeps_what_it_moved_and_nothing_else():
    meters = Meters()
    meters.take([told(1.0, moved=100, cpu=1.0)], 1.0)
    again = told(2.0 + STALE_S, moved=50, cpu=0.1, process="fleet-0-again-1")
    meters.take([again], 2.0 + STALE_S)
    assert meters.moved(ended=True) == {"coap": 150}
    assert [row["process"] for row in meters.rows()] == ["fleet-0-again-1"]


def test_a_process_that_has_told_nothing_yet_is_not_there():
    meters = Meters()
    meters.take([{"counts": {}}, {"process": "fleet-0", "moved": {}, "health": {}}], 1.0)
    assert (meters.rows(), meters.cpu(), meters.lag_ms(), meters.moved(ended=True)) == ([], {}, {}, {})


# -- a run -------------------------------------------------------------------------------------------------------------


class Conductor:
    """A run as far as it is watched."""

    def __init__(self, directory):
        self.directory = directory
        self.totals = Totals()
        self.outcomes = Outcomes()
        self.gauges = {"states": [["g", 0, 2], ["h", 0, 1], ["h", 3, 4]], "results": []}
        self.t = 0.0

    def now(self):
        self.t += 1.0
        return self.t


@pytest.fixture
def watcher():
    runner = SimpleNamespace(current_cpu_usage=12, state="running", user_count=7)
    return Watcher(SimpleNamespace(runner=runner))


def test_a_row_has_all_that_the_charts_show(watcher, tmp_path):
    conductor = Conductor(tmp_path / "run-1")
    watcher.begin(conductor)
    conductor.totals.gauges["worker"] = told(1.0, cpu=0.25, moved=100, late=2)
    conductor.outcomes.add("g", "", "0/1", "0/1", "ok")
    watcher.look()
    watcher.look(ended=True)
    live = watcher.live()
    assert live["now"] == "run-1: 7 devices, running"
    assert live["rows"][-1] == {
        "t": 2.0,
        "states": {"idle": 3, "downloading": 0, "downloaded": 0, "updating": 4},
        "ended": {"ok": 1},
        "moved": {"coap": 100},
        "cpu": {"busiest fleet process": 25.0, "Locust": 12.0},
        "lag": {"longest of a fleet process": 0.0},
        "late": {"in all": 2},
    }


def test_who_has_rows_gets_those_that_are_new_and_after_a_new_run_all(watcher, tmp_path):
    watcher.begin(Conductor(tmp_path / "one"))
    for _ in range(3):
        watcher.look()
    first = watcher.live()
    assert [row["t"] for row in watcher.live(first["series"], 2.0)["rows"]] == [3.0]
    watcher.begin(Conductor(tmp_path / "two"))
    watcher.look()
    assert [row["t"] for row in watcher.live(first["series"], 3.0)["rows"]] == [1.0]


def test_a_report_stays_until_the_next_one(watcher, tmp_path):
    assert (watcher.live()["now"], watcher.report) == (NO_RUN, None)
    for name, expected in (("one", "one"), ("none", "one"), ("two", "two")):
        directory = tmp_path / name
        directory.mkdir()
        watcher.begin(Conductor(directory))
        assert "report" not in watcher.live()["now"]
        if name != "none":
            Path(directory / "report.html").write_text("x", encoding="utf-8")
        watcher.reported(directory)
        assert (watcher.live()["report"], watcher.report.parent.name) == (expected, expected)


def test_why_a_run_cannot_be_is_said(watcher):
    watcher.begin(Conductor(None))
    watcher.note("the port is taken", lasting=True)
    watcher.note("it is being stopped")
    assert watcher.live()["now"] == "the port is taken"
    watcher.begin(Conductor(None))
    assert watcher.live()["now"] == NO_RUN
