"""The watch of conftest.py catches what it is there for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

CASES = {
    "warning": (
        "logging.getLogger('x').warning('disk is full')",
        "unexpected log records (1):\nWARNING x: disk is full",
    ),
    "info": ("logging.getLogger('x').info('all is well')", ""),
    "task": ("asyncio.get_running_loop().create_task(asyncio.sleep(60), name='lost')", "tasks left running"),
    "ended_task": ("asyncio.get_running_loop().create_task(asyncio.sleep(60)).cancel()", ""),
    "socket": ("import socket; socket.socket()", "unclosed <socket.socket"),
}


def run_pytest(tmp_path: Path, test: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "test_inner.py"
    file.write_text(f"import asyncio, logging\nimport pytest\n{test}")
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    command += ["-p", "tests.conftest", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)


def test_what_a_test_leaves_behind_fails_it(tmp_path):
    done = run_pytest(tmp_path, "\n".join(f"async def test_{name}():\n    {do}\n" for name, (do, _) in CASES.items()))
    # One section for each test that failed, begun by its name between underscores.
    told = dict(re.findall(r"(?ms)^_+ (?:ERROR at \w+ of )?test_(\w+) _+$\n(.*?)(?=^_{3}|^={3})", done.stdout))
    assert told.keys() == {name for name, (_, complaint) in CASES.items() if complaint}, done.stdout
    assert [name for name, text in told.items() if CASES[name][1] not in text] == [], done.stdout


def test_an_announced_warning_may_come_and_no_other(tmp_path):
    test = "@pytest.mark.expected_warnings('full')\ndef test_it():\n"
    test += "    logging.getLogger('x').warning('disk is full')\n"
    assert run_pytest(tmp_path, test).returncode == 0
    done = run_pytest(tmp_path, test + "    logging.getLogger('x').error('disk is gone')\n")
    assert "(1):\nERROR x: disk is gone" in done.stdout
    assert done.returncode == 1


def test_a_missing_peer_skips_and_fails_in_ci(tmp_path, monkeypatch):
    test = "def test_it(peer_tool):\n    peer_tool('no-such-program', 'no-such-package')\n"
    monkeypatch.delenv("CI", raising=False)
    done = run_pytest(tmp_path, test)
    assert "1 skipped" in done.stdout
    assert "no-such-program is missing: install Debian package no-such-package" in done.stdout
    monkeypatch.setenv("CI", "1")
    assert "1 failed" in run_pytest(tmp_path, test).stdout
