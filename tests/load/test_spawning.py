"""Processes under a gevent hub, in an interpreter of their own: the hub takes the end of every child for its own."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, sys
os.register_at_fork(before=lambda: os.write(1, b"a fork"))
from pathlib import Path
from gevent.event import Event
from simulator.load.pipe import Process
from simulator.load.spawning import Spawned

ends = ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"]
print([one.wait() for one in [Spawned([sys.executable, "-c", end]) for end in ends]])
try:
    Spawned(["/nowhere"])
except OSError as error:
    print(error.strerror)

lines, codes, came = [], [], Event()
log = Path(sys.argv[1])
process = Process("echoing", [str(log)], log, lambda line: (lines.append(line), came.set()), codes.append)
process.tell({"do": "this"})
came.wait(20)
print(process.stop(20), lines, codes, process.last_words())
"""
ECHOING = """
import sys
for line in sys.stdin:
    print(line, flush=True)
print("bye", sys.argv[1], file=sys.stderr)
raise SystemExit(4)
"""


def test_processes_start_without_a_fork_and_tell_how_they_end(tmp_path):
    (tmp_path / "echoing.py").write_text(ECHOING)
    log = tmp_path / "echoing.log"
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(log)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{':'.join(path for path in sys.path if path)}:{tmp_path}"},
    )
    assert found.stdout.splitlines() == [
        "[3, -9]",
        "No such file or directory",
        f"True [{{'do': 'this'}}] [4] bye {log}",
    ], found.stderr
