"""The command ``lwm2m-fleet compare``."""

import csv
import inspect
import io
import json
import shutil
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

from reports.compare.change import SECONDS_OF_ONE
from reports.compare.limits import parse_noise
from simulator.cli.app import app
from simulator.cli.compare import compare
from simulator.cli.failure import CommandFailedError
from tests.reports.pages import Reader
from tests.reports.synthetic import Device, Written

LIMIT = ("--fail-on", "p95(update_seconds) +10%")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of which the second is slower, and the fifth has no update."""
    made, directory = [], tmp_path_factory.mktemp("runs")
    for name, shift, count in (("a", 0.0, 30), ("b", 0.5, 30), ("c", 0.0, 30), ("d", 0.0, 30), ("none", 0.0, 0)):
        devices = [Device(k, due=k / 50, update_s=1.0 + k % 7 / 100 + shift) for k in range(count)]
        made.append(str(Written(devices).write(directory / name)))
    return made


def typed(*words):
    return CliRunner().invoke(app, ["compare", *words])


def test_a_limit_sets_the_exit_code_and_all_forms_are_written(runs, tmp_path):
    found = typed(*runs[:2], *LIMIT, "--format", "md", "--out", str(tmp_path / "out"))
    assert found.exit_code == 1
    assert "**does not hold**: `p95(update_seconds) +10%`" in found.output
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["holds"] is False
    assert "p95(update_seconds) +10%" in (tmp_path / "out" / "compare.html").read_text()


def test_several_runs_are_each_held_against_the_first(runs, tmp_path):
    found = typed(*runs[:3], *LIMIT, "--out", str(tmp_path / "out"))
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert [line.partition(":")[0] for line in lines if line.startswith(("b:", "c:", "holds", "does not"))] == [
        "b", "does not hold", "c", "holds",
    ]  # fmt: skip
    document = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [pair["other"] for pair in document["comparisons"]] == [["b"], ["c"]]
    assert [pair["holds"] for pair in document["comparisons"]] == [False, True]
    page = Reader((tmp_path / "out" / "compare.html").read_text())
    assert not page.complaints
    heads = page.text.partition("All runs side by side")[2][:200]
    assert all(word in heads for word in ("a (base)", " b ", " c "))


def test_equal_repetitions_hold(runs):
    a, _, c, d, _ = runs
    found = typed("--base", f"{a},{c}", "--with", d, *LIMIT, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.output)["headline"] == "No evidence of change"


def test_groups_of_repetitions_side_by_side(runs):
    a, b, c, d, _ = runs
    found = typed("--base", f"{a},{c}", "--with", d, "--with", b, "--format", "md")
    assert found.exit_code == 0
    assert found.output.startswith("# d: no evidence of change; b: ")
    assert "| metric | a and 1 more (base) | d | b |" in found.output


def test_csv_has_a_row_for_each_metric_in_base_units(runs):
    rows = list(csv.DictReader(io.StringIO(typed(*runs[:3], "--format", "csv").output)))
    assert {row["runs"] for row in rows} == {"b", "c"}
    one = next(row for row in rows if row["runs"] == "b" and row["name"] == 'p50(update_seconds{fault="none"})')
    assert float(one["difference"]) == pytest.approx(0.5)
    assert one["verdict"] == "worse"
    assert len(rows) == 2 * len({row["name"] for row in rows})


def test_junit_fails_where_the_exit_code_does(runs):
    found = typed(*runs[:3], *LIMIT, "--fail-on", "rate(ok) -1%", "--format", "junit")
    assert found.exit_code == 1
    suites = ET.fromstring(found.output).findall("testsuite")
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in suites] == [
        ("b", "2", "1"),
        ("c", "2", "0"),
    ]
    (failed,) = suites[0].findall("testcase/failure")
    assert "p95(update_seconds) +10%: 1.06 s to 1.56 s" in failed.get("message")


def test_the_noise_of_the_command_is_that_of_the_method():
    assert parse_noise(inspect.signature(compare).parameters["noise"].default) == pytest.approx(SECONDS_OF_ONE)


@pytest.mark.parametrize(("noise", "code"), [("20 ms", 1), ("600 ms", 0)])
def test_what_the_machine_may_do_is_no_change(runs, noise, code):
    assert typed(*runs[:2], *LIMIT, "--noise", noise).exit_code == code


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{0}"], "two run directories are needed"),
        (["{0}", "{1}", "--base", "{0}"], "either run directories, or both --base and --with"),
        (["--base", "{0}", "--with", ","], "either run directories, or both --base and --with"),
        (["{0}", "gone"], "gone"),
        (["{0}", "{0}"], "a is given twice"),
        (["{0}", "{1}", "{1}/../b"], "b is given twice"),
        (["{0}", "{4}"], "none has no update and no transfer in it"),
        (["{0}", "{1}", "--fail-on", "nonsense"], "is no limit"),
        (["{0}", "{1}", "--fail-on", "p95(nothing) +10%"], "nothing"),
        (["{0}", "{1}", "--fail-on", "max(cpu_share) +10%"], "cpu_share is not compared; compared are update_seconds"),
        (["{0}", "{1}", "--noise", "much"], "write a number and a unit"),
        (["{0}", "{1}", "--noise", "20 kB"], "write a number and a unit"),
        (["{0}", "{1}", "--format", "junit"], "--format junit needs --fail-on"),
    ],
)
def test_wrong_arguments_are_told(runs, words, told):
    found = typed(*(word.format(*runs) for word in words))
    assert isinstance(found.exception, CommandFailedError)
    assert found.exception.code == 2
    assert told in str(found.exception)


def test_where_nothing_can_be_told_no_change_is_said_to_be_missing(tmp_path):
    few = [str(Written([Device(k, update_s=1.0 + place) for k in range(4)]).write(tmp_path / name))
           for place, name in enumerate(("a", "b"))]  # fmt: skip
    found = typed(*few, *LIMIT, "--format", "md", "--out", str(tmp_path / "out"))
    assert found.exit_code == 1
    assert found.output.startswith("## No metric can be compared")
    assert "cannot be judged: too few devices" in found.output
    assert '<header class="bad">' in (tmp_path / "out" / "compare.html").read_text()
    assert typed(*few, "--out", str(tmp_path / "out")).exit_code == 0
    assert '<header class="">' in (tmp_path / "out" / "compare.html").read_text()


def test_a_damaged_run_is_told(runs, tmp_path):
    cut = tmp_path / "cut"
    shutil.copytree(runs[1], cut)
    part = min((cut / "parts" / "updates").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    found = typed(runs[0], str(cut))
    assert found.exit_code == 0
    assert "Read this first: cut has rows missing" in found.output
    (cut / "manifest.json").write_text("{")
    found = typed(runs[0], str(cut))
    assert isinstance(found.exception, CommandFailedError)
    assert (found.exception.code, str(cut) in str(found.exception)) == (2, True)


def test_a_directory_that_cannot_be_written(runs, tmp_path):
    (tmp_path / "out").write_text("a file")
    found = typed(*runs[:2], "--out", str(tmp_path / "out"))
    assert isinstance(found.exception, CommandFailedError)
    assert found.exception.code == 3
