"""The command ``lwm2m-fleet compare``."""

import json

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.failure import CommandFailedError
from tests.reports.synthetic import Device, Written

LIMIT = ("--fail-on", "p95(update_seconds) +10%")


@pytest.fixture
def runs(tmp_path):
    made = []
    for name, shift in (("a", 0.0), ("b", 0.5), ("c", 0.0)):
        devices = [Device(k, due=k / 50, update_s=1.0 + k % 7 / 100 + shift) for k in range(30)]
        made.append(str(Written(devices).write(tmp_path / name)))
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
    assert typed(*runs, "--out", str(tmp_path / "out")).exit_code == 0
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["1-b", "2-c"]


def test_equal_repetitions_hold(runs):
    a, _, c = runs
    found = typed("--base", f"{a},{c}", "--with", f"{c},{a}", *LIMIT, "--format", "json")
    assert found.exit_code == 0
    assert json.loads(found.output)["headline"] == "No evidence of change"


@pytest.mark.parametrize(
    "words", [["{0}"], ["{0}", "{1}", "--base", "{0}"], ["{0}", "gone"], ["{0}", "{1}", "--fail-on", "nonsense"]]
)
def test_wrong_arguments_are_told(runs, words):
    found = typed(*(word.format(*runs) for word in words))
    assert isinstance(found.exception, CommandFailedError)
    assert found.exception.code == 2
