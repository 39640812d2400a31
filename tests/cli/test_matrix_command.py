"""``lwm2m-fleet matrix`` as a user meets it, with stand-ins for the processes of the run."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from simulator.cli.app import main
from simulator.cli.matrix_print import MatrixLive
from simulator.cli.plan import View
from simulator.scenario import load
from tests.cli.fakes import FLEET, use_fakes

SMALL = ("--result", "11", "--transport", "coap")


@pytest.fixture
def command(monkeypatch, capsys):
    """A function that runs the command; its exit code, output and errors."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["lwm2m-fleet", "matrix", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return end.value.code or 0, printed.out, printed.err

    return command


def test_the_list_tells_rows_and_reasons_and_runs_nothing(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command("--list")
    assert code == 0
    assert "connection lost" in out
    assert "packet faults: TCP hides them" in out
    assert list(tmp_path.iterdir()) == []


def test_the_list_writes_the_scenario_where_it_is_asked_to(command, tmp_path):
    code, out, _ = command(*SMALL, "--list", "--devices-per-cell", "3", "--out", tmp_path / "plan")
    assert code == 0
    assert "4 cells of 4" in out
    [file] = (tmp_path / "plan").iterdir()
    scenario = load(file)
    assert (scenario.devices, scenario.campaign.concurrency) == (12, 12)
    assert {name.split("-")[0] for name in scenario.groups} == {"r11"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--kind", "batery-low"), "did you mean `battery-low`?"),
        (("--kind", "battery-low", "--result", "2"), "no row of Update Result 2 is battery-low"),
        (("--server", "leshan", "--delivery", "push", "--transport", "https"), "leshan has no push over https"),
        (("--result", "7", "--delivery", "push"), "no cell has a meaning: uri-not-found over push coap: a push has no"),
        (("--server", "leshan", "--url", "http://127.0.0.1:8080"), "--url is for --server leshan-demo, not leshan"),
        (("--server", "external", "--set", "server.host=203.0.113.7"), "outside loopback and private ranges"),
        (("--server", "external"), "server.host: `host` is missing"),
        (("--set", "devices.flsh=1"), "unknown key `flsh`"),
        (("--result", "12"), "Invalid value"),
    ],
)
def test_what_cannot_be_run_is_told(command, tmp_path, arguments, problem):
    out = tmp_path / "out"
    code, _, errors = command(*arguments, "--out", out)
    assert code == 2
    assert problem in " ".join(errors.split())
    assert not out.exists() or not any(out.iterdir())


def test_a_directory_that_holds_something_is_refused(command, tmp_path):
    (tmp_path / "something").touch()
    code, _, errors = command(*SMALL, "--out", tmp_path)
    assert code == 2
    assert "is not empty" in errors


def test_a_run_without_a_record_leaves_a_matrix_of_unknowns(command, tmp_path, monkeypatch):
    use_fakes(monkeypatch, tmp_path)
    out = tmp_path / "out"
    code, printed, _ = command(*SMALL, "--seed", "7", "--out", out)
    assert code == 1
    assert "matrix: 4 cells of 4, 4 devices, server embedded, seed 7" in printed
    assert "server against the devices: as declared 0, differs 0, unknown 4" in printed
    assert "no device of it was switched on" in printed
    assert {path.name for path in out.iterdir()} == {
        *("junit.xml", "matrix.html", "matrix.json", "matrix.toml", "matrix.txt", "run"),
    }
    assert ET.fromstring((out / "junit.xml").read_bytes()).get("failures") == "4"
    document = json.loads((out / "matrix.json").read_text())
    assert (document["run"]["seed"], len(document["cells"])) == (7, 4)
    assert "update-deferred" in (out / "matrix.html").read_text()
    assert "the battery is too low" in (out / "matrix.txt").read_text()


def test_a_server_that_does_not_start_is_an_error_of_the_environment(command, tmp_path, monkeypatch):
    use_fakes(monkeypatch, tmp_path, operator='sys.exit("no server here")')
    code, printed, _ = command(*SMALL, "--out", tmp_path / "out")
    assert code == 3
    assert "The run failed:" in printed
    assert not (tmp_path / "out" / "matrix.html").exists()


def test_a_fleet_that_dies_is_one_too(command, tmp_path, monkeypatch):
    use_fakes(monkeypatch, tmp_path, fleet=FLEET.replace('    assert command["do"] == "go"', "    os.abort()"))
    code, printed, _ = command(*SMALL, "--out", tmp_path / "out")
    assert code == 3
    assert "For what was recorded: lwm2m-fleet report" in printed


# -- progress ----------------------------------------------------------------------------------------------------------


def progress(view, *, terminal):
    file = io.StringIO()
    with MatrixLive(view, Console(file=file, width=100, force_terminal=terminal)) as live:
        live.refresh()
        if terminal:
            live._live.refresh()
    return file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_counts_the_devices_that_have_ended(terminal):
    view = View(phase="running", devices=9, campaign={"targets": 9, "ok": 3, "fail": 1, "unknown": 1})
    assert "5 of 9 devices" in progress(view, terminal=terminal)


def test_progress_without_an_operator_is_that_of_the_devices():
    view = View(phase="running", devices=9, fleet={"updated": 1, "failed": 3})
    assert "4 of 9 devices have ended" in progress(view, terminal=False)
