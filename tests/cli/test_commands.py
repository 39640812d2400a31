"""The commands as a user meets them: what they print, and their exit codes. Never a traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from simulator import __version__
from simulator.cli import app, doctor, origins, run
from simulator.cli.app import main
from simulator.cli.plan import Ended
from simulator.fleet.population import Population
from simulator.scenario import load
from tests.cli.fakes import IDLE_OPERATOR, use_fakes

GOOD = """
[run]
name = "tiny"
[firmware]
size = "1 KiB"
[groups.a]
count = 3
[groups.b]
count = 2
delivery = "push"
[[groups.b.faults]]
kind = "install-fails"
share = "50 %"
"""
BAD = """
[run]
nmae = "x"
[groups.a]
count = -1
delivery = "carry"
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def command(monkeypatch, capsys):
    """A function that runs the command; its exit code, output and errors."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["lwm2m-fleet", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return end.value.code or 0, printed.out, printed.err

    return command


# -- arguments --------------------------------------------------------------------------------------------------------


def test_version(command):
    assert command("--version") == (0, f"lwm2m-fleet {__version__}\n", "")


def test_help_names_every_command(command):
    code, out, _ = command("--help")
    assert code == 0
    for name in ("run", "report", "devices", "schema", "doctor"):
        assert name in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--colour",),
        ("fly",),
        ("run",),
        ("run", "s.toml", "--devcies", "10"),
        ("run", "s.toml", "--devices", "0"),
        ("run", "s.toml", "--devices", "many"),
        ("run", "s.toml", "--seed", "-1"),
        ("run", "s.toml", "--seed", str(2**63)),
        ("run", "s.toml", "--processes", "0"),
        ("run", "s.toml", "--server", "tomcat"),
        ("run", "s.toml", "t.toml"),
        ("devices", "s.toml", "--format", "xml"),
        ("report",),
    ],
)
def test_arguments_that_are_wrong(command, arguments):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: lwm2m-fleet" in err


def test_a_scenario_that_is_not_there(command):
    code, out, err = command("run", "missing.toml")
    assert (code, out) == (2, "")
    assert "missing.toml: No such file or directory" in err


def test_all_problems_of_a_scenario_at_once(command, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    code, out, err = command("run", path, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert "the scenario has 3 problems" in err
    for place, word in ((3, "nmae"), (5, "-1"), (6, "carry")):
        line = next(line for line in err.splitlines() if f"bad.toml:{place}:" in line)
        assert word in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["[run", "x = ", "[[[", "\x00", "[groups.a]\ncount = 1\n[groups.a]\n", "[/red]"])
def test_a_scenario_that_is_no_toml(command, tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    code, out, err = command("run", path)
    assert (code, out) == (2, "")
    assert "bad.toml" in err
    assert "problem" in err


@pytest.mark.parametrize("change", ["nothing", "=1", "run.nmae=1", 'groups.a.count="[/bold]"', "a.b.c=1", "[red]=1"])
def test_a_change_that_is_wrong(command, scenario, tmp_path, change):
    code, out, err = command("run", scenario, "--set", change, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert "--set" in err
    assert not (tmp_path / "run").exists()


def test_an_url_needs_the_server_that_has_one(command, scenario):
    code, _, err = command("run", scenario, "--server", "aiocoap", "--url", "http://127.0.0.1:8080")
    assert code == 2
    assert "--url is for --server leshan-demo, not aiocoap" in err


@pytest.mark.parametrize("url", ["8080", "coap://127.0.0.1", "http://127.0.0.1:99999", "", "\\"])
def test_an_url_that_is_none(command, scenario, url):
    code, out, err = command("run", scenario, "--url", url)
    assert (code, out) == (2, "")
    assert "server.url" in err


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "http://192.0.2.1:8080"),
        ("--server", "external", "--set", 'server.host="192.0.2.1"'),
        ("--server", "external", "--set", 'server.host="2001:db8::1"'),
        ("--server", "embedded", "--set", 'server.host="192.0.2.1"'),
    ],
)
def test_a_public_target_needs_the_flag(command, scenario, tmp_path, monkeypatch, options):
    use_fakes(monkeypatch, tmp_path, origin="tell(failed='as far as it should get'); end()")
    run = ("run", scenario, *options, "--out", tmp_path / "run")
    code, _, err = command(*run)
    assert code == 2
    assert "outside loopback and private ranges" in err
    assert "--allow-public-target" in err
    assert not (tmp_path / "run").exists()
    code, out, err = command(*run, "--allow-public-target")
    assert code == 3
    assert "The run failed: as far as it should get" in out


def test_more_sockets_than_the_machine_has(command, scenario, tmp_path):
    code, _, err = command("run", scenario, "--devices", 50_000, "--out", tmp_path / "run")
    assert code == 3
    assert "--processes" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_run_directory_that_is_occupied(command, scenario, tmp_path, what):
    out = tmp_path / "run [x]"
    if what == "file":
        out.touch()
    else:
        out.mkdir()
        (out / "manifest.json").touch()
    code, _, err = command("run", scenario, "--out", out)
    assert code == 2
    assert str(out) in err.replace("\n", "")
    assert "name a" in err


def test_a_run_directory_that_cannot_be_made(command, scenario):
    code, _, err = command("run", scenario, "--out", scenario / "run")
    assert code == 2
    assert "cannot be made or read: Not a directory" in err.replace("\n", " ")


# -- run --------------------------------------------------------------------------------------------------------------


def test_a_run_that_fails_names_the_reason_and_the_logs(command, scenario, tmp_path, monkeypatch):
    fleet = "tell(ready=True)\nnext(commands())\nsys.exit('no [/memory]')"
    use_fakes(monkeypatch, tmp_path, operator=IDLE_OPERATOR, fleet=fleet)
    code, out, _ = command("run", scenario, "--out", tmp_path / "run [1]", "--seed", 5)
    assert code == 3
    assert "tiny: 5 devices in 1 process, server embedded, seed 5" in out
    assert "The run failed: fleet-0 ended unexpectedly with exit code 1: no [/memory]" in out
    assert f"Logs are in {tmp_path / 'run [1]' / 'logs'}" in out


def test_ctrl_c_before_a_run_begins_has_nothing_to_report(command, scenario, tmp_path, monkeypatch):
    use_fakes(
        monkeypatch, tmp_path, origin="os.kill(os.getppid(), signal.SIGINT)\nfor command in commands(): pass\nend()"
    )
    code, out, _ = command("run", scenario, "--out", tmp_path / "run")
    assert code == 130
    assert "Cut short: stopped by the user before the run had begun" in out
    assert not (tmp_path / "run" / "report.html").exists()


# -- lists and schema -------------------------------------------------------------------------------------------------


def test_devices_as_csv(command, scenario):
    code, out, err = command("devices", scenario, "--seed", 5)
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    plans = [Population(load(scenario), 5).device(k) for k in range(5)]
    assert [row["endpoint"] for row in rows] == [plan.endpoint for plan in plans]
    assert [row["fault"] for row in rows] == [plan.fault for plan in plans]
    assert [row["fault"] for row in rows].count("install-fails") == 1
    assert [int(row["index"]) for row in rows] == list(range(5))


def test_devices_as_json_in_a_file(command, scenario, tmp_path):
    file = tmp_path / "devices.json"
    code, out, err = command("devices", scenario, "--format", "json", "--devices", 20, "--out", file)
    assert (code, out) == (0, "")
    assert "No seed is given: the faults are those of seed 0." in err
    rows = json.loads(file.read_text())
    assert len(rows) == 20
    assert len({row["endpoint"] for row in rows}) == 20
    assert {row["delivery"] for row in rows} == {"pull", "push"}


def test_devices_of_a_bad_scenario(command, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    code, out, err = command("devices", path)
    assert (code, out) == (2, "")
    assert "the scenario has 3 problems" in err


@pytest.mark.parametrize("arguments", [("schema",), ("devices", "S")])
def test_a_file_that_cannot_be_written(command, scenario, tmp_path, arguments):
    arguments = [scenario if argument == "S" else argument for argument in arguments]
    code, out, err = command(*arguments, "--out", tmp_path / "missing" / "file")
    assert (code, out) == (3, "")
    assert "cannot be written: No such file or directory" in err.replace("\n", " ")


def test_schema(command, tmp_path):
    code, out, err = command("schema")
    assert (code, err) == (0, "")
    schema = json.loads(out)
    assert schema["type"] == "object"
    assert {"run", "server", "firmware", "groups", "campaign", "criteria"} <= set(schema["properties"])
    file = tmp_path / "schema.json"
    assert command("schema", "--out", file)[0] == 0
    assert json.loads(file.read_text()) == schema


# -- report -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["missing", "empty", "no manifest", "no json"])
def test_a_report_of_what_is_no_run(command, tmp_path, what):
    directory = tmp_path / "run"
    if what != "missing":
        directory.mkdir()
    if what == "no manifest":
        (directory / "parts").mkdir()
    if what == "no json":
        (directory / "manifest.json").write_text("{")
    code, out, err = command("report", directory)
    assert (code, out) == (2, "")
    assert str(directory) in err.replace("\n", "")


def test_a_run_with_oscore_needs_its_packages(command, tmp_path, monkeypatch):
    file = tmp_path / "oscore.toml"
    file.write_text(
        '[server]\nkind = "aiocoap"\n[groups.a]\ncount = 1\nstack = "aiocoap"\n'
        '[groups.a.credentials]\nkind = "oscore"\n'
    )
    monkeypatch.setattr(run, "missing_for_oscore", lambda: ["lakers-python"])
    code, _, err = command("run", str(file), "--out", str(tmp_path / "run"))
    assert code == 3
    assert "OSCORE needs lakers-python: pip install 'lwm2m-fleet[oscore]'" in " ".join(err.split())


def test_more_origin_processes_than_cores_are_told(command, scenario, monkeypatch):
    monkeypatch.setattr(origins, "usable_cores", lambda: 2)
    monkeypatch.setattr(run, "run_plan", lambda _plan, _console: Ended("failed"))
    for processes, told in ((2, False), (3, True)):
        code, out, _ = command("run", scenario, "--set", f"firmware.processes={processes}")
        assert code == 3
        assert ("firmware.processes is 3 on 2 cores" in out) is told


# -- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor(command):
    code, out, _ = command("doctor")
    assert code in (0, 3)
    for what in ("Python", "open files", "local ports", "Java", "mvn", "firmware.processes"):
        assert what in out


def test_doctor_says_what_to_do_where_nothing_is_there(command, monkeypatch):
    monkeypatch.setattr(doctor, "java_version", lambda: None)
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _limit: (256, 256))
    monkeypatch.setattr(doctor, "missing_for_oscore", lambda: ["lakers-python"])
    code, out, _ = command("doctor")
    assert code == 3
    assert "without lakers-python" in out
    assert "openjdk-17-jdk-headless" in out
    assert "apt-get install maven" in out
    assert "missing" in out


def test_doctor_is_content_without_what_only_some_uses_need(command, monkeypatch):
    monkeypatch.setattr(doctor, "java_version", lambda: 11)
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _limit: (1024, 5000))
    code, out, _ = command("doctor")
    assert code == 0
    assert "version 11, 17 is needed" in out


# -- pipes ------------------------------------------------------------------------------------------------------------


def test_output_that_nobody_reads(scenario):
    with subprocess.Popen(
        [sys.executable, "-m", "simulator", "devices", scenario, "--devices", "20000", "--seed", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(60)
    assert errors == b""


def test_the_console_falls_silent_when_nobody_reads_it(tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as file:
        console = app.Output(file=file)
        console.print("nobody hears this")
        assert console.quiet
        console.print("nor this")
