"""``lwm2m-fleet benchmark``: every scenario of a directory against each server, again and again, as one page.

The runs come in random order, so that what changes slowly on a machine does not fall on one scenario alone. A run is a
command of its own. One that is there already, whole, is not run again: an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from reports.benchmark import Repetition, gather, write
from reports.read import RunError
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError
from simulator.cli.run import load_scenario
from simulator.recorder.manifest import MANIFEST

if TYPE_CHECKING:
    from rich.console import Console

LONG_S: Final = 600.0
"""A scenario that may last longer than this waits for its network nearly all of the time: such runs go side by side."""
LONG_AT_ONCE: Final = 8
SUMMARY: Final = "summary.json"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    scenarios: Path
    out: Path
    runs: Path
    servers: tuple[str, ...]
    repeat: int
    seed: int
    only: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One run to be made."""

    scenario: Path
    server: str
    number: int
    seed: int
    long: bool

    @property
    def name(self) -> str:
        """Name of its run directory."""
        return f"{self.scenario.stem}-{self.server}-{self.number}"


def jobs_of(options: Options) -> list[Job]:
    """All runs, in the order in which they are made: the short ones, then the long ones, each in random order.

    Raises:
        CommandFailedError: there is no scenario, or one has problems.
    """
    files = sorted(options.scenarios.glob("*.toml"))
    if options.only:
        unknown = sorted(set(options.only) - {file.stem for file in files})
        if unknown:
            known = ", ".join(file.stem for file in files)
            msg = f"--only: there is no {', '.join(unknown)} in {options.scenarios}; there are {known}"
            raise CommandFailedError(msg, USAGE)
        files = [file for file in files if file.stem in options.only]
    if not files:
        msg = f"{options.scenarios} holds no scenario (*.toml)"
        raise CommandFailedError(msg, USAGE)
    long = {file: load_scenario(file, (), None).run.duration_max > LONG_S for file in files}
    dice = random.Random(options.seed)
    jobs = [
        Job(file, server, number, dice.randrange(2**31), long[file])
        for number in range(1, options.repeat + 1)
        for file in files
        for server in options.servers
    ]
    dice.shuffle(jobs)
    return sorted(jobs, key=lambda job: job.long)


class Benchmark:
    """Makes the runs.

    Args:
        options: what the user asked for.
        say: told what goes on.
    """

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._begun = 0
        self._total = 0
        self._lock = threading.Lock()

    def run(self, jobs: Sequence[Job]) -> tuple[list[Repetition], list[str]]:
        """Make all runs: those that there are in the end, and what is to be said of the others."""
        self._total = len(jobs)
        long = [job for job in jobs if job.long]
        done = [self._make(job) for job in jobs if not job.long]
        at_once = min(LONG_AT_ONCE, len(long))
        if long:
            with ThreadPoolExecutor(at_once) as pool:
                done += pool.map(self._make, long)
        there, missing = [], []
        for order, (job, problem) in enumerate(zip(jobs, done, strict=True), 1):
            if problem:
                missing.append(f"{job.scenario.stem} against {job.server}, repetition {job.number}: {problem}")
            else:
                beside = at_once - 1 if job.long else 0
                there.append(Repetition(job.scenario.stem, job.server, job.number, order, beside, job.name))
        return there, missing

    def _make(self, job: Job) -> str:
        """Make a run, unless it is there; why it could not be, or nothing."""
        directory = self._options.runs / job.name
        with self._lock:
            self._begun += 1
            place = f"{self._begun} of {self._total}"
        if _is_whole(directory):
            self._say(f"{place}  {job.name}: there already")
            return ""
        self._say(f"{place}  {job.name} ...")
        begun = time.monotonic()
        problem = _make(job, directory)
        self._say(f"{place}  {job.name}: {problem or 'done'}, {time.monotonic() - begun:.0f} s")
        return problem


def _is_whole(directory: Path) -> bool:
    try:
        ended = json.loads((directory / MANIFEST).read_bytes()).get("status")
    except (OSError, ValueError, AttributeError):
        return False
    return ended == "complete" and (directory / SUMMARY).is_file()


def _make(job: Job, directory: Path) -> str:
    if directory.exists():
        # What an earlier try has left may tell why it failed.
        directory.rename(directory.with_name(f"{directory.name}.{time.time_ns()}"))
    log = directory.with_suffix(".log")
    command = [sys.executable, "-P", "-m", "simulator", "run", str(job.scenario), "--server", job.server]
    command += ["--seed", str(job.seed), "--out", str(directory)]
    with log.open("wb") as out:
        code = subprocess.call(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if _is_whole(directory):
        return ""
    return f"its run ended with exit code {code}, see {log.name}"


def run_benchmark(options: Options, console: Console) -> int:
    """Make all runs and the page; the exit code.

    Raises:
        CommandFailedError: nothing could be run, or the page could not be written.
    """
    jobs = jobs_of(options)
    try:
        options.runs.mkdir(parents=True, exist_ok=True)
        runs = escape(str(options.runs))
        console.print(
            f"[bold]{len(jobs)} runs[/], seed {options.seed}; the record of each is in {runs}", soft_wrap=True
        )
        there, missing = Benchmark(options, lambda text: console.print(text, markup=False, soft_wrap=True)).run(jobs)
        made = gather(there, options.runs, seed=options.seed, command=options.command, failed=missing)
        files = write(made, options.out)
    except RunError as error:
        raise CommandFailedError(str(error), ENVIRONMENT) from None
    except OSError as error:
        msg = f"{error.filename or options.out}: {error.strerror or error}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    for file in files:
        console.print(f"Written: {escape(str(file))}", soft_wrap=True)
    for text in missing:
        console.print(f"[bold red]Missing:[/] {escape(text)}", soft_wrap=True)
    as_declared = all(cell.ok == cell.devices for cell in made.cells)
    return HOLDS if as_declared and not missing else CRITERION_FAILED
