"""Locust as a user starts it: a command of its own, with its workers and their fleet processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
LOCUSTFILE = ROOT / "scenarios" / "locustfile.py"
MARK = "LWM2M_FLEET_TEST_MARK"
"""In the environment of every process of a run, so that those left behind are found."""
GATE = "LWM2M_FLEET_TEST_GATE"
"""In the environment of a worker by ``elsewhere.py`` that is to wait: the file for which it waits."""


@dataclass
class Locust:
    """One run of Locust."""

    directory: Path
    process: subprocess.Popen
    log: Path
    mark: str
    port: int = 0
    joined: list = field(default_factory=list)

    def tree(self):
        """All its processes that live, whoever their parent is by now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def of(self, *words):
        """The processes whose command line has these words."""
        return [one for one in self.tree() if all(any(word in part for part in one.cmdline()) for word in words)]

    @property
    def workers(self):
        """Locust's workers, which are forked off by its master."""
        return [one for one in self.of("locust") if one.ppid() == self.process.pid]

    @property
    def fleets(self):
        """The fleet processes."""
        return self.of("simulator.fleet")

    def until(self, reached, seconds=60):
        """Wait until something holds; what it gave."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = reached()
            if found:
                return found
            assert self.process.poll() is None, self.text
            time.sleep(0.1)
        raise AssertionError(self.text)

    def wait(self, seconds=120):
        """Wait for its end; the exit code."""
        return self.process.wait(seconds)

    @property
    def text(self):
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def run(self):
        """The run directory."""
        return self.directory / "run"

    @property
    def manifest(self):
        """What the run was."""
        return json.loads((self.run / "manifest.json").read_text(encoding="utf-8"))

    @property
    def stats(self):
        """Locust's totals by type and name."""
        rows = json.loads((self.directory / "stats.json").read_text(encoding="utf-8"))
        return {(row["method"], row["name"]): row for row in rows}

    def join(self, name, locustfile=LOCUSTFILE, **environment):
        """Start a worker as a command of its own, with a directory of its own for what is temporary; its process."""
        (self.directory / name).mkdir()
        command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--worker"]
        command += ["--master-host", "127.0.0.1", "--master-port", str(self.port)]
        worker = start(command, self.log_of(name), self.mark, TMPDIR=str(self.directory / name), **environment)
        self.joined.append(worker)
        return worker

    def log_of(self, name):
        """The log of a worker that was started as a command of its own."""
        return self.directory / f"{name}.log"

    def end(self):
        """Leave nothing behind."""
        for process in (self.process, *self.joined):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        for one in self.tree():
            with suppress(psutil.Error):
                one.kill()


def locust(directory, scenario, *options, port=0):
    """Start Locust without its page; distributed where it has a port for its master."""
    file = directory / "scenario.toml"
    file.write_text(scenario, encoding="utf-8")
    mark = f"{os.getpid()}-{directory.name}-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    command += ["--scenario", str(file), "--fleet-out", str(directory / "run"), "--fleet-seed", "7"]
    command += ["--json-file", str(directory / "stats"), *options]
    if port:
        command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(port), "--master-port", str(port)]
    log = directory / "locust.log"
    return Locust(directory, start(command, log, mark), log, mark, port)


def start(command, log, mark, **more):
    """Start a command whose output goes to a file; it and all that it starts are found by the mark."""
    environment = {name: value for name, value in os.environ.items() if name != "LOCUST_SKIP_MONKEY_PATCH"}
    with log.open("wb") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env={**environment, **more, MARK: mark}
        )
