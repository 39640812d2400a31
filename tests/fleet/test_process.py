"""A fleet process as the command that started it sees it."""

from __future__ import annotations

import json
import subprocess
import sys

SCENARIO = """
[groups.g]
count = 2
"""
BROKEN = """
import sys
from simulator.fleet import runner

async def run(self, begin):
    raise RuntimeError("no device can be made")

runner.FleetRunner.run = run
from simulator.fleet.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_fleet_that_cannot_be_started_says_so(tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    plan = {"scenario": str(tmp_path / "scenario.toml"), "set": [], "devices": None, "seed": 1, "package_bytes": 1000}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    command = [sys.executable, "-c", BROKEN, str(tmp_path), "0.0", "0", "1", "coap://127.0.0.1:9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b'{"do": "go", "at": 0.0}\n')
        process.stdin.flush()
        # Its input stays open: it ends by itself.
        lines = [json.loads(line) for line in process.stdout]
        log = process.stderr.read().decode()
    assert process.returncode == 0, log
    (failed,) = [line["failed"] for line in lines if "failed" in line]
    assert failed == "fleet-0 cannot go on: RuntimeError: no device can be made"
    assert lines[-1]["ended"]
