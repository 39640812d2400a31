"""The fleet's CPU against that of Leshan's server library, in one run of the shipped scenario."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from simulator.recorder.manifest import MANIFEST
from simulator.servers.java import ToolMissingError, find_compiler, find_java, find_maven
from tests.bench.rig import BenchError

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SCENARIO: Final = ROOT / "scenarios" / "leshan.toml"
TIMEOUT_S: Final = 900


def missing() -> str:
    """What to install for Leshan to run here, or nothing."""
    try:
        find_java()
        find_compiler()
        find_maven()
    except ToolMissingError as error:
        return str(error)
    return ""


def cpu_of_one_run(directory: Path, devices: int | None) -> tuple[float, float]:
    """CPU seconds of the fleet and of Leshan over a whole run; both include the start of their processes.

    Args:
        directory: the run directory; it must not exist.
        devices: instead of the number in the scenario.

    Raises:
        BenchError: the run did not end well, so that the two did not do the same work.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "simulator",
        "run",
        str(SCENARIO),
        "--server",
        "leshan",
        "--out",
        str(directory),
    ]
    if devices is not None:
        command += ["--devices", str(devices)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=TIMEOUT_S)
    if done.returncode:
        msg = f"the run against Leshan ended with exit code {done.returncode}: {_last_line(done.stdout + done.stderr)}"
        raise BenchError(msg)
    by_role = cpu_by_role(directory)
    if by_role.get("fleet", 0.0) <= 0 or by_role.get("server", 0.0) <= 0:
        msg = f"the manifest does not tell the CPU of fleet and server, only {by_role}"
        raise BenchError(msg)
    return by_role["fleet"], by_role["server"]


def cpu_by_role(directory: Path) -> dict[str, float]:
    """CPU seconds of the processes of a run, as its manifest has them: of each role together."""
    by_role: dict[str, float] = {}
    for one in json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["usage"]:
        by_role[one["role"]] = by_role.get(one["role"], 0.0) + float(one["cpu_s"])
    return by_role


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
