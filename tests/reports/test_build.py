import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from reports import RunError, Summary, all_hold, build
from reports.build import finite
from tests.reports.synthetic import SIZE, Device, Written, fleet_of

DOCUMENT = Path(__file__).parents[2] / "docs/summary-schema.md"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "20250131T120000Z-synthetic-7"


def small():
    return [
        Device(0, blocks=[100, 200, 300]),
        Device(1, blocks=[400], update_s=2.0, due=1.0),
        Device(2, "p", delivery="push", fault="flash-too-small", declared=(0, 2), due=2.0, blocks=[500]),
        Device(3, outcome="unknown", reason="no report within 60 s", server_end=(-1, -1), blocks=[]),
    ]


def test_golden_summary_of_a_small_run(directory):
    build(Written(small(), criteria={"failed_max": 0, "unknown_max": 0}).write(directory))
    found = json.loads((directory / "summary.json").read_text())
    assert (found["schema"], found["verdict"]) == (1, "does not hold")
    assert found["headline"] == "1 of 2 criteria does not hold: 4 updates, 3 ok, 0 failed, 1 unknown."
    assert found["notes"] == []
    run = found["run"]
    assert (run["id"], run["status"], run["scenario"], run["seed"]) == (directory.name, "complete", "synthetic", 7)
    assert run["repeat"] == ["lwm2m-fleet", "run", "scenarios/synthetic.toml", "--seed", "7"]
    assert (run["devices"], run["devices_planned"], run["rows_missing"], run["missing"]) == (4, 4, 0, [])
    assert run["rows"]["updates"] == 4
    assert found["outcomes"]["overall"] == {"ok": 3, "fail": 0, "unknown": 1, "unended": 0}
    assert found["outcomes"]["by_kind"]["coap/push"] == {"ok": 1, "fail": 0, "unknown": 0, "unended": 0}
    assert found["totals"]["bytes"] == 3 * SIZE + SIZE // 2
    block_us = found["totals"]["block_us"]
    assert block_us == {
        "n": 5, "p50": 300.0, "p90": 460.0, "p95": 480.0, "p99": 496.0, "p99_9": pytest.approx(499.6), "mean": 300.0,
        "max": 500.0,
    }  # fmt: skip
    assert found["throughput"]["coap/pull"]["update_s"]["p50"] == pytest.approx(1.5)
    assert found["results"]["cross"] == [
        {"device": "0/1", "server": "0/1", "count": 2},
        {"device": "0/1", "server": "?", "count": 1},
        {"device": "0/2", "server": "0/2", "count": 1},
    ]
    assert found["faults"] == [
        {
            "fault": "flash-too-small", "declared": "0/2", "devices": 1, "devices_struck": 1, "applied": 1,
            "device_results": {"0/2": 1}, "server_results": {"0/2": 1}, "as_declared": 1, "verdict": "as declared",
        }
    ]  # fmt: skip
    assert found["pattern"]["complete"] == 2
    assert found["generator"]["bottleneck"] is False
    assert found["usage"]["server_to_fleet"] == 1.5
    assert found["criteria"] == [
        {"name": "failed_max", "limit": 0, "measured": 0, "holds": True, "why": "", "unit": "", "parts": []},
        {"name": "unknown_max", "limit": 0, "measured": 1, "holds": False, "why": "", "unit": "", "parts": []},
    ]


def test_summary_json_has_the_types_of_the_summary(directory):
    summary = build(Written(fleet_of(30), criteria={"failed_max": 0}).write(directory))
    text = (directory / "summary.json").read_bytes()
    assert TypeAdapter(Summary).validate_json(text) == summary
    assert all_hold(summary)


def keys_of(value):
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from keys_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from keys_of(one)


def test_every_key_is_documented(directory):
    devices = [*small(), Device(4, server_end=(0, 5), outcome="fail", reason="x")]
    summary = build(Written(devices, criteria={"failed_max": 0}).write(directory)).to_dict()
    for names in ("by_group", "by_kind"):
        summary["outcomes"][names] = {}
    for place, name in [("results", "device"), ("results", "server"), ("pattern", "seen"), ("run", "rows")]:
        summary[place][name] = {}
    for name in ("server", "versions", "machine"):
        summary["run"][name] = {}
    for fault in summary["faults"]:
        fault["device_results"] = fault["server_results"] = {}
    summary["throughput"] = list(summary["throughput"].values())
    for by_value in summary["series"]["bytes_per_s"].values():
        by_value.clear()
    documented = set(re.findall(r"`([a-z0-9_]+)`", DOCUMENT.read_text()))
    assert set(keys_of(summary)) - documented == set()


def test_page_is_one_file_that_fetches_nothing(directory):
    build(Written(fleet_of(60), criteria={"failed_max": 0}).write(directory))
    page = (directory / "report.html").read_text()
    drawn = list((directory / "figures").glob("*.png"))
    assert page.count("<img ") == len(drawn) + page.count('alt="timeline of ')
    links = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')>\s]+)", re.sub(r"base64,[^\"]*", "", page))
    assert links
    assert all(link.startswith(("data:image/svg+xml;", "#")) for link in links)
    assert "lwm2m-fleet run scenarios/synthetic.toml --seed 7" in page
    assert sorted(path.name for path in (directory / "figures").glob("*.png")) == [
        "accounts.png", "block-latency.png", "devices-over-time.png", "download-times.png", "generator.png",
        "latency-over-time.png", "overhead.png", "pace.png", "states.png", "throughput-over-time.png",
        "throughput.png", "update-times.png",
    ]  # fmt: skip


def test_text_from_a_server_is_escaped(directory):
    evil = "<script>alert(1)</script>"
    devices = [Device(0, evil, outcome="fail", reason=evil, server_end=(0, 5), states=(evil,))]
    build(Written(devices).write(directory))
    page = (directory / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_text_that_is_no_unicode(directory):
    devices = [Device(0, outcome="fail", reason="half \ud800 pair", server_end=(0, 5))]
    written = Written(devices)
    written.scenario = {"name": "caf\udce9"}
    build(written.write(directory))
    assert json.loads((directory / "summary.json").read_text())["run"]["scenario"] == "caf\udce9"
    assert "half \\ud800 pair" in (directory / "report.html").read_text()


def test_killed_run_is_reported_with_what_is_missing_at_the_top(directory):
    written = Written(small(), status="running", close_fleet=False, close_operator=False, criteria={"failed_max": 0})
    summary = build(written.write(directory))
    assert not all_hold(summary)
    assert summary.headline.startswith("The run did not come to its end: 4 updates")
    assert summary.notes[0] == "The run never wrote its end: it was killed, or is still going on."
    assert sum("was killed" in note for note in summary.notes[1:]) == 2
    page = (directory / "report.html").read_text()
    assert page.index("Read this first") < page.index("Key figures</h2>")


@pytest.mark.parametrize(("whole", "start"), [(True, "The server reported another end"), (False, "The last report of")])
def test_a_device_whose_rows_are_missing_is_not_held_against_the_server(directory, whole, start):
    devices = [Device(0, outcome="fail", server_end=(0, 5))]
    summary = build(Written(devices, close_fleet=whole).write(directory))
    [note] = [note for note in summary.notes if "the server" in note.lower()]
    assert note.startswith(start)


def test_run_that_was_cut_short(directory):
    summary = build(Written(small(), status="cut short", reason="stopped by hand").write(directory))
    assert summary.notes[0] == "The run is cut short: stopped by hand."


def test_devices_that_never_started_are_told(directory):
    written = Written(small())
    written.scenario = {"name": "s", "groups": {"pull": {"count": 9}, "p": {"count": 1}}}
    summary = build(written.write(directory))
    assert (summary.run.scenario, summary.run.devices_planned) == ("s", 10)
    assert "Of 10 planned devices only 4 were switched on." in summary.notes


def test_empty_run(directory):
    summary = build(Written([], fleet_health=[], server_health=[]).write(directory))
    assert summary.headline == "No criteria were declared: no update was recorded."
    assert (directory / "report.html").exists()


def test_manifest_of_odd_values(directory):
    Written(small()).write(directory)
    odd = {
        "processes": 5, "scenario": [], "command": 7, "usage": [{"role": "fleet", "cpu_s": "x"}, 3], "seed": "a",
        "machine": 3, "versions": [], "server": None, "status": 4, "started": 1, "ended": "soon",
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(odd))
    summary = build(directory)
    assert (summary.run.seed, summary.run.status, summary.run.duration_s) == (-1, "running", None)


def test_report_twice_is_the_same(directory):
    Written(fleet_of(20)).write(directory)
    first = build(directory)
    page = (directory / "report.html").read_bytes()
    assert build(directory) == first
    assert (directory / "report.html").read_bytes() == page


def test_no_run(tmp_path):
    with pytest.raises(RunError):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_json_does_not_have():
    assert finite({"a": [float("nan"), 1.5, {"b": float("inf")}]}) == {"a": [None, 1.5, {"b": None}]}
