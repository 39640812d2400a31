"""The operator process over a scripted driver: commands in, lines out, and always an end."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from simulator.operator.campaign import Tactics, Target
from simulator.operator.job import Job, ServerChoice
from simulator.operator.requests import Patience
from tests.operator.scripted import GOOD

# The real process, but for the driver and for the devices that register as soon as it is ready.
PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from simulator.operator import __main__ as operator
from simulator.operator.driver import DriverError, ServerStartError
from tests.operator.scripted import Driver

class Scripted(Driver):
    async def start(self, on_event):
        address = await super().start(on_event)
{start}
        for k in range(2):
            device = self.add(f"ep-{{k}}", download_s={download_s}, install_s=0.1)
            asyncio.get_running_loop().call_soon(device.register)
        return address

    async def closed(self):
{closed}

operator.driver_for = lambda choice, progress: progress("making ready") or Scripted()
sys.exit(operator.main([sys.argv[1], repr(time.monotonic())]))
"""
FOR_EVER = "await asyncio.get_running_loop().create_future()"


@pytest.fixture
def operate(tmp_path):
    """A function that runs the operator on these commands to its end; its lines, exit code and log."""
    tactics = Tactics("registered", 0.0, 10, "downloaded", 0.0, 0.0, 30.0)
    targets = tuple(Target(k, f"ep-{k}", GOOD) for k in range(2))
    Job(ServerChoice("x", "", 0, "", "", 1024), tactics, Patience(20.0, 5.0, 5.0), targets).write(
        tmp_path / "operator.json"
    )

    def operate(*commands, start="pass", closed=FOR_EVER, download_s=0.1, until="done"):
        text = PROGRAM.format(start="        " + start, closed="        " + closed, download_s=download_s)
        command = [sys.executable, "-c", text, str(tmp_path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in commands:
                process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            lines = []
            for line in process.stdout:
                lines.append(json.loads(line))
                if until in lines[-1]:
                    process.stdin.close()
                    break
            lines += [json.loads(line) for line in process.stdout]
            log = process.stderr.read()
            return lines, process.wait(60), log

    return operate


def keys(lines):
    """What was told in which order; the updates that were judged are told whenever there are new ones."""
    told = [next(iter(line)) for line in lines if "status" not in line or len(line) > 1]
    return [key for key in told if key != "updates"]


def updates(lines):
    """The updates that were told, by device: outcome, State and Update Result."""
    rows = [row for line in lines for row in line.get("updates", ())]
    assert all(due <= ended for _, _, due, ended, *_ in rows)
    return {device: (outcome, state, result) for device, outcome, _, _, state, result, _ in rows}


def test_a_campaign(operate):
    lines, code, log = operate({"do": "campaign", "at": 0.0}, {"do": "campaign", "at": 0.0})
    assert code == 0
    assert keys(lines) == ["progress", "ready", "done", "server_usage", "ended"]
    assert lines[1] == {
        "ready": True,
        "coap": "coap://127.0.0.1:1",
        "server": "scripted 1.0",
        "uris": {"coap": "coap://127.0.0.1:1"},
    }
    assert lines[-1]["status"]["ok"] == lines[-1]["status"]["targets"] == 2
    assert updates(lines) == {0: ("ok", 0, 1), 1: ("ok", 0, 1)}
    assert "Traceback" not in log


def test_the_server_knows_the_devices_before_the_operator_is_ready(operate, tmp_path):
    job = Job.read(tmp_path / "operator.json")
    targets = tuple(replace(target, security="psk") for target in job.targets)
    replace(job, targets=targets, seed=5).write(tmp_path / "operator.json")
    lines, code, log = operate(until="ready")
    assert code == 0
    told = [line["progress"] for line in lines if "progress" in line]
    assert told[-1] == "the server has the credentials of 2 devices"
    assert keys(lines)[: len(told) + 1] == ["progress"] * len(told) + ["ready"]
    assert "Traceback" not in log


def test_a_server_that_takes_no_credentials(operate, tmp_path):
    job = Job.read(tmp_path / "operator.json")
    replace(job, targets=(replace(job.targets[0], security="x509"),)).write(tmp_path / "operator.json")
    lines, code, log = operate(start="self.error = DriverError('it takes none')", until="never")
    assert code == 3
    assert {"failed": "the server did not take credentials: it takes none"} in lines
    assert "Traceback" not in log


def test_a_campaign_that_is_stopped(operate):
    lines, code, log = operate({"do": "campaign", "at": 0.0}, until="status", download_s=1e6)
    assert code == 0
    assert keys(lines) == ["progress", "ready", "server_usage", "ended"]
    assert lines[-1]["status"]["unknown"] == 2
    assert [outcome for outcome, _, _ in updates(lines).values()] == ["unknown", "unknown"]
    assert "Traceback" not in log


def test_no_campaign_at_all(operate):
    lines, code, _ = operate(until="ready")
    assert code == 0
    assert lines[-1]["status"]["unknown"] == 2


def test_a_server_that_cannot_be_started(operate):
    lines, code, log = operate(start='raise ServerStartError("install Java")', until="never")
    assert code == 3
    assert {"failed": "install Java"} in lines
    assert "Traceback" not in log


def test_stop_while_the_server_is_still_being_started(operate):
    lines, code, log = operate(start=FOR_EVER, until="progress")
    assert code == 3
    assert keys(lines) == ["progress", "server_usage", "ended"]
    assert "Traceback" not in log


def test_a_server_that_goes_away(operate):
    lines, code, _ = operate(
        {"do": "campaign"}, closed="await asyncio.sleep(0.5); return 'x'", until="never", download_s=1e6
    )
    assert code == 0
    assert {"failed": "the server under test is gone: x"} in lines
    assert lines[-1]["status"]["unknown"] == 2
