import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from simulator.recorder.machine import cpu_model, machine, versions
from simulator.recorder.manifest import (
    Manifest,
    RunDirectoryError,
    Usage,
    hide_arguments,
    hide_values,
    make_run_directory,
    run_id,
)


def manifest(directory, **changes):
    settings = {"scenario": {"name": "first"}, "seed": 7, "t0": 12.5, "command": ["lwm2m-fleet", "run"], **changes}
    return Manifest(directory, **settings)


def load(directory):
    return json.loads((directory / "manifest.json").read_text())


def test_start_processes_and_end(tmp_path):
    one = manifest(tmp_path / "r1", server={"kind": "embedded"})
    first = load(tmp_path / "r1")
    assert (first["status"], first["ended"], first["t0"], first["seed"]) == ("running", "", 12.5, 7)
    assert first["run"] == "r1"
    assert datetime.fromisoformat(first["started"]).utcoffset() == timedelta(0)
    one.add_process("fleet-0", "fleet", 123)
    one.add_process("origin", "origin", 124)
    one.add_process("odd", "origin", 125, records=True)
    one.describe_server({"kind": "embedded", "server": "x/1"})
    one.end("cut short", "stopped by hand", [Usage("fleet-0", "fleet", 1.5, 1000)])
    last = load(tmp_path / "r1")
    assert last["processes"] == [
        {"name": "fleet-0", "role": "fleet", "pid": 123, "records": True},
        {"name": "origin", "role": "origin", "pid": 124, "records": False},
        {"name": "odd", "role": "origin", "pid": 125, "records": True},
    ]
    assert last["usage"] == [{"process": "fleet-0", "role": "fleet", "cpu_s": 1.5, "rss_bytes": 1000}]
    assert (last["status"], last["reason"]) == ("cut short", "stopped by hand")
    assert last["ended"] >= last["started"]
    assert last["server"]["server"] == "x/1"
    assert [path.name for path in (tmp_path / "r1").iterdir()] == ["manifest.json"]


def test_process_names_are_unique(tmp_path):
    one = manifest(tmp_path / "r")
    one.add_process("fleet-0", "fleet", 1)
    with pytest.raises(ValueError, match="fleet-0"):
        one.add_process("fleet-0", "fleet", 2)


def test_failed_write_leaves_the_manifest_as_it_was(tmp_path):
    one = manifest(tmp_path / "r")
    with pytest.raises(ValueError, match="JSON"):
        one.describe_server({"rate": float("nan")})
    assert load(tmp_path / "r")["status"] == "running"


def test_argument_that_is_no_unicode(tmp_path):
    manifest(tmp_path / "r", command=["run", "caf\udce9", "ü"])
    assert load(tmp_path / "r")["command"] == ["run", "caf\udce9", "ü"]


def test_run_directory_may_exist_empty_only(tmp_path):
    make_run_directory(tmp_path / "a")
    make_run_directory(tmp_path / "a")
    (tmp_path / "a/old.txt").touch()
    with pytest.raises(RunDirectoryError, match=r"old\.txt"):
        make_run_directory(tmp_path / "a")
    with pytest.raises(RunDirectoryError, match="is a file"):
        make_run_directory(tmp_path / "a/old.txt")
    with pytest.raises(RunDirectoryError, match="cannot be made"):
        make_run_directory(tmp_path / "a/old.txt/below")


def test_run_id():
    at = datetime(2025, 1, 31, 13, 0, 0, tzinfo=timezone(timedelta(hours=1)))
    assert run_id("first", 7, at) == "20250131T120000Z-first-7"
    assert run_id("../odd name", 7, at) == "20250131T120000Z-odd-name-7"
    assert run_id("", 7, datetime(2025, 1, 31, tzinfo=UTC)).endswith("-run-7")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["run", "a.toml", "--seed", "7"], ["run", "a.toml", "--seed", "7"]),
        (["--psk", "aabb", "x"], ["--psk", "***", "x"]),
        (["--api-key=aabb"], ["--api-key=***"]),
        (["--set", "server.password=hunter2"], ["--set", "server.password=***"]),
        (["--password", "--verbose"], ["--password", "--verbose"]),
        (["--monkey=3", "keyboard=1"], ["--monkey=3", "keyboard=1"]),
    ],
)
def test_secrets_on_the_command_line(given, shown):
    assert hide_arguments(given) == shown


def test_secrets_in_the_scenario():
    given = {"psk": "aa", "groups": [{"key_hex": "bb", "count": 1}], "token": "", "n": ("a",)}
    assert hide_values(given) == {"psk": "***", "groups": [{"key_hex": "***", "count": 1}], "token": "", "n": ["a"]}


def test_machine_and_versions_are_told_and_no_host_name():
    assert versions()["python"].startswith("3.")
    assert versions()["lwm2m-fleet"]
    assert machine()["cores"] >= 1
    assert machine()["memory_bytes"] > 2**20
    assert set(machine()) == {"cpu", "cores", "memory_bytes", "architecture", "network"}


def test_cpu_model(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Some CPU\n")
    assert cpu_model(info) == "Some CPU"
    assert isinstance(cpu_model(tmp_path / "absent"), str)
