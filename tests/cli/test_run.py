"""Whole runs of the real processes: how they end when something comes between."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

SLOW = """
[run]
name = "slow"
[firmware]
size = "4 KiB"
[devices]
install_time = "20 s"
[groups.a]
count = 3
[campaign]
timeout = "60 s"
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts ``run`` on a scenario whose devices install for 20 s, and waits until they do."""
    started = []

    def start(*options, wait=True):
        (tmp_path / "s.toml").write_text(SLOW)
        command = [sys.executable, "-m", "simulator", "run", str(tmp_path / "s.toml"), *options]
        command += ["--out", str(tmp_path / "run")]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        started.append(process)
        if wait:
            wait_for(lambda: updating(tmp_path / "run"), process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for(condition, process):
    for _ in range(600):
        if condition():
            return
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    pytest.fail("it never came to this")


def updating(directory):
    """Whether all devices of the run have been told to install."""
    steps = list((directory / "parts" / "steps").glob("*.parquet")) if directory.exists() else []
    if not steps:
        return False
    rows = [row for path in steps for row in pq.read_table(path, columns=["step"]).to_pylist()]
    return sum(row["step"] == "execute" for row in rows) == 3


def manifest(tmp_path):
    return json.loads((tmp_path / "run" / "manifest.json").read_text())


def finish(process):
    out, _ = process.communicate(timeout=120)
    assert "Traceback" not in out
    return out


def nobody_left(tmp_path):
    pids = [entry["pid"] for entry in manifest(tmp_path)["processes"]]
    assert len(pids) >= 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_interrupted_is_reported(start, tmp_path, number):
    process = start()
    process.send_signal(number)
    out = finish(process)
    assert process.returncode == 130
    assert "Cut short: stopped by the user" in out
    assert (tmp_path / "run" / "report.html").exists()
    assert (manifest(tmp_path)["status"], manifest(tmp_path)["reason"]) == ("cut short", "stopped by the user")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["outcomes"]["overall"]["unknown"] == 3
    assert [reason["reason"] for reason in summary["outcomes"]["reasons"]] == ["the run was cut short"]
    nobody_left(tmp_path)


@pytest.mark.parametrize("name", ["fleet-0", "operator", "origin-1"])
def test_a_process_that_is_killed_ends_the_run(start, tmp_path, name):
    process = start("--set", "firmware.processes=2")
    (pid,) = [entry["pid"] for entry in manifest(tmp_path)["processes"] if entry["name"] == name]
    os.kill(pid, signal.SIGKILL)
    out = finish(process)
    assert process.returncode == 3
    assert f"The run failed: {name} ended unexpectedly, killed by signal 9" in out
    assert f"For what was recorded: lwm2m-fleet report {tmp_path / 'run'}" in out
    assert manifest(tmp_path)["status"] == "failed"
    nobody_left(tmp_path)


TWO_ORIGINS = """
[firmware]
size = "4 KiB"
processes = 2
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.coap]
count = 24
[groups.https]
count = 24
transport = "https"
[groups.begins-anew]
count = 8
faults = [{ kind = "package-replaced", share = "100 %" }]
[campaign]
timeout = "30 s"
[criteria]
failed_max = 0
unknown_max = 0
as_declared_min = "100 %"
"""


def test_two_origin_processes_serve_the_devices_of_one_run(tmp_path):
    (tmp_path / "s.toml").write_text(TWO_ORIGINS)
    command = [sys.executable, "-m", "simulator", "run", str(tmp_path / "s.toml"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["name"] for one in manifest(tmp_path)["processes"]][:2] == ["origin-0", "origin-1"]
    logs = [(tmp_path / "run" / "logs" / f"origin-{k}.log").read_text() for k in (0, 1)]
    asked = [int(count) for log in logs for count in re.findall(r"was asked (\d+) times", log)]
    # Of 56 devices one process gets none only once in 2**55. Who begins anew has two of its four blocks twice.
    assert all(asked), asked
    assert sum(asked) == 24 * 4 + 24 + 8 * (4 + 3)
    health = pq.read_table(tmp_path / "run" / "parts" / "health", columns=["process", "cpu_s"]).to_pylist()
    assert {row["process"] for row in health if row["cpu_s"] > 0} >= {"origin-0", "origin-1"}
    assert not (tmp_path / "run" / "logs" / "exchanges").exists()


def test_a_server_that_dies_ends_the_run(start, tmp_path):
    process = start()
    (operator,) = [entry["pid"] for entry in manifest(tmp_path)["processes"] if entry["name"] == "operator"]
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and parent_of(entry.name) == operator:
            os.kill(int(entry.name), signal.SIGKILL)
    out = finish(process)
    assert process.returncode == 3
    assert "The run failed: the server under test is gone: embedded ended" in out
    nobody_left(tmp_path)


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return -1


def test_the_time_is_over(start, tmp_path):
    limits = ["campaign.timeout=3 s", "campaign.request_timeout=2 s", "run.duration_max=4 s"]
    process = start(*(word for limit in limits for word in ("--set", limit)), wait=False)
    out = finish(process)
    assert process.returncode == 1
    assert "unknown" in out
    assert (tmp_path / "run" / "report.html").exists()


def test_the_command_is_killed_and_nothing_outlives_it(start, tmp_path):
    process = start()
    pids = [entry["pid"] for entry in manifest(tmp_path)["processes"]]
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert manifest(tmp_path)["status"] == "running", "which is how a report knows"
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "report", str(tmp_path / "run")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_run_whose_output_nobody_reads_goes_on(start, tmp_path):
    process = start("--set", "devices.install_time=500 ms", wait=False)
    assert re.match(r"slow: 3 devices", process.stdout.readline())
    process.stdout.close()
    process.wait(120)
    assert process.returncode == 0
    assert manifest(tmp_path)["status"] == "complete"
    assert (tmp_path / "run" / "report.html").exists()


def test_the_demo_accuses_nobody(tmp_path):
    scenario = Path(__file__).parents[2] / "scenarios" / "first.toml"
    command = [
        sys.executable,
        "-m",
        "simulator",
        "run",
        str(scenario),
        "--devices",
        "24",
        "--out",
        str(tmp_path / "run"),
    ]
    subprocess.run([*command, "--set", "arrivals.rate=20/s"], check=True, capture_output=True, timeout=200)
    found = json.loads((tmp_path / "run" / "summary.json").read_text())["verdicts"]
    assert found["classes"] == []
    assert found["server"] == found["device"] == {"as_declared": 24, "differs": 0, "unknown": 0}
