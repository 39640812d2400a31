import csv
import io
import json
import sys
import xml.etree.ElementTree as ET

import openpyxl
import pytest

from reports import build
from reports.formats.workbook import FormatError
from tests.reports.synthetic import Device, Written, fleet_of

EVIL = "=1+1 | <b>`@all`\x01"


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


@pytest.fixture
def built(tmp_path):
    """Write a report of these devices in all formats, beside its run; the summary and where it is."""

    def make(devices, **options):
        run, out = Written(devices, **options).write(tmp_path / "run"), tmp_path / "out" / "of it"
        before = sorted(run.iterdir())
        summary = build(run, ("html", "md", "csv", "json", "junit", "xlsx"), out)
        assert sorted(run.iterdir()) == before
        return summary, out

    return make


def test_every_format_tells_the_summary(built):
    summary, out = built(fleet_of(60), criteria={"failed_max": 0, "update_p95_max_s": 0.001})
    assert {"report.html", "report.md", "tables", "summary.json", "junit.xml", "report.xlsx"} <= {
        path.name for path in out.iterdir()
    }
    found = json.loads((out / "summary.json").read_text())
    kinds = found["throughput"]

    rows = {row["kind"]: row for row in read(out / "tables/throughput.csv")}
    assert {kind: float(row["download_s_p95"]) for kind, row in rows.items()} == {
        kind: one["download_s"]["p95"] for kind, one in kinds.items()
    }
    faults = read(out / "tables/faults.csv")
    assert [(row["fault"], int(row["devices"]), row["verdict"]) for row in faults] == [
        (one["fault"], one["devices"], one["verdict"]) for one in found["faults"]
    ]

    series = read(out / "tables/series.csv")
    rates = found["series"]["bytes_per_s"]["transport"]["coap"]
    assert [float(row["bytes_per_s coap"]) for row in series] == rates
    assert float(series[1]["from_s"]) == found["series"]["step_s"]
    slices = {(row["by"], row["value"]): int(row["bytes"]) for row in read(out / "tables/slices.csv")}
    assert slices == {(by, one["value"]): one["bytes"] for by, rows in found["slices"].items() for one in rows}
    assert [int(row["turns"]) for row in read(out / "tables/peers.csv")] == [one["turns"] for one in found["peers"]]

    book = openpyxl.load_workbook(out / "report.xlsx")
    assert set(book.sheetnames) == {path.stem for path in (out / "tables").iterdir()}
    titles, *lines = book["throughput"].iter_rows(values_only=True)
    for line in lines:
        row = dict(zip(titles, line, strict=True))
        assert row["bytes"] == kinds[row["kind"]]["bytes"]
        assert row["block_us_p99"] == pytest.approx(kinds[row["kind"]]["block_us"]["p99"])

    text = (out / "report.md").read_text()
    assert summary.headline in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    every = next(row for row in rows if row[0] == "| all")
    overall = found["outcomes"]["overall"]
    assert [int(cell.rstrip(" |")) for cell in every[2:]] == [overall["ok"], overall["fail"], overall["unknown"]]
    assert "$ lwm2m-fleet run scenarios/synthetic.toml --seed 7" in text


def test_junit_has_a_case_for_each_criterion_group_and_fault(built):
    devices = [*fleet_of(20), Device(20, "broken", outcome="fail", reason="it did not come back")]
    summary, out = built(devices, criteria={"failed_max": 0, "unknown_max": 0}, status="cut short", reason="by hand")
    root = ET.parse(out / "junit.xml").getroot()
    cases = {suite.get("name"): {one.get("name"): one for one in suite} for suite in root}
    assert list(cases["criteria"]) == ["failed_max", "unknown_max"]
    assert set(cases["groups"]) == set(summary.outcomes.by_group)
    assert len(cases["faults"]) == len(summary.faults) > 0
    failed = {name: {title for title, one in of.items() if len(one)} for name, of in cases.items()}
    assert failed == {
        "run": {"comes to its end"},
        "criteria": {one.name for one in summary.criteria if not one.holds},
        "groups": {name for name, one in summary.outcomes.by_group.items() if one.ok < one.total},
        "faults": {f"{one.fault}, declared {one.declared}" for one in summary.faults if one.verdict != "as declared"},
    }
    assert "it did not come back" in cases["groups"]["broken"].find("failure").text
    assert int(root.get("tests")) == sum(map(len, cases.values()))
    assert int(root.get("failures")) == sum(map(len, failed.values()))


def test_words_of_a_server_are_no_formula_and_no_markup(built):
    _, out = built([Device(0, outcome="fail", reason=EVIL, server_end=(0, 5))])
    [row] = read(out / "tables/reasons.csv")
    assert row["reason"].startswith("'=1+1")
    cell = openpyxl.load_workbook(out / "report.xlsx")["reasons"]["B2"]
    assert (cell.data_type, cell.value) == ("s", EVIL.replace("\x01", "\ufffd"))
    text = (out / "report.md").read_text()
    assert "=1+1 \\| \\<b\\>\\`\\@all\\`" in text
    assert "\ufffd" in (out / "junit.xml").read_text()


def test_a_workbook_without_its_library(tmp_path, monkeypatch):
    run = Written([Device(0)]).write(tmp_path / "run")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(FormatError, match=r"lwm2m-fleet\[xlsx\]"):
        build(run, ["xlsx"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    build(run, ["md"], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.md"]
