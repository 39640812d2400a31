"""Goal: the compiled CoAP engine and the pure one are the same engine.

Method: build the package with the engine compiled, and replay one history in virtual time with either.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import hashlib
from simulator.coap import endpoint
from simulator.scenario import loads
from tests.simulation.test_virtual_fleet import ROUGH, SCENARIO
from tests.simulation.world import simulate
outcome = simulate(loads(SCENARIO).scaled(150), 3, ROUGH, reboots=15)
print(endpoint.__file__.rpartition(".")[2], len(outcome.log.events), hashlib.sha256(outcome.log.to_bytes()).hexdigest())
"""


def history(site: Path, tmp_path: Path) -> list[str]:
    tests = tmp_path / "only-tests"
    tests.mkdir(exist_ok=True)
    if not (tests / "tests").exists():
        (tests / "tests").symlink_to(ROOT / "tests")
    environment = {**os.environ, "PYTHONPATH": f"{site}:{tests}"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_the_compiled_engine_has_the_same_history(tmp_path, peer_tool):
    peer_tool("cc", "gcc")
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "simulator", "reports"):
        (source / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--target", site, "."],
        cwd=source,
        # What is computed is the same at every level; compiling for speed takes twice as long.
        env={**os.environ, "LWM2M_FLEET_NATIVE": "1", "LWM2M_FLEET_OPT": "0"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    compiled, pure = history(site, tmp_path), history(ROOT, tmp_path)
    assert (compiled[0], pure[0]) == ("so", "py")
    assert int(pure[1]) > 1000
    assert compiled[1:] == pure[1:]
