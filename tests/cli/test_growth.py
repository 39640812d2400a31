"""The command ``lwm2m-fleet growth``."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError
from tests.reports.synthetic import Device, Written


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of 3 and 9 devices."""
    directory = tmp_path_factory.mktemp("runs")
    return [str(Written([Device(k) for k in range(n)]).write(directory / f"run-{n}")) for n in (9, 3)]


def typed(*words):
    return CliRunner().invoke(app, ["growth", *map(str, words)])


def test_all_forms(runs, tmp_path):
    page = tmp_path / "new" / "page.html"
    found = typed(*runs, "--out", page)
    assert found.exit_code == 0
    assert "synthetic: from 3 to 9 devices" in found.output
    assert "~ n^-1.00" in found.output
    assert page.read_text().startswith("<!doctype html>")
    document = json.loads(typed(*runs, "--format", "json").output)
    assert [one["devices"] for one in document["runs"]] == [3, 9]
    assert document["growth"]["fleet_bytes_per_device"]["exponent"] == pytest.approx(-1.0)
    rows = list(csv.DictReader(io.StringIO(typed(*runs, "--format", "csv").output)))
    assert [float(row["fleet_cpu_s_per_device"]) for row in rows] == pytest.approx([2 / 3, 2 / 9])


def test_what_is_wrong_is_told(runs, tmp_path):
    for words, text, code in (
        ((runs[0], runs[0]), "two runs of different sizes are needed .run-9 has 9 devices.", USAGE),
        ((runs[0], tmp_path), "has no manifest.json", USAGE),
        ((*runs, "--out", tmp_path), "the page cannot be written: ", ENVIRONMENT),
    ):
        error = typed(*words).exception
        assert isinstance(error, CommandFailedError)
        assert error.code == code
        with pytest.raises(CommandFailedError, match=text):
            raise error
    assert typed().exit_code == USAGE
