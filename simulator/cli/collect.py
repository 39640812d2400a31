"""``lwm2m-fleet collect``: what a worker on another machine recorded and could not send comes into its run."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError
from simulator.cli.recorded import check_version

if TYPE_CHECKING:
    from rich.console import Console

MANIFEST: Final = "manifest.json"
PLAN: Final = "plan.json"
SCENARIO: Final = "scenario.toml"
OF_A_MACHINE: Final = frozenset({"scenario", "tally"})
"""Keys of a plan that may differ: where its scenario is, and who wants to be told how it goes."""


def collect(
    run_directory: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the run.", show_default=False)],
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIRECTORY", help="Copies of the directories that workers kept.", show_default=False),
    ],
) -> None:
    """Bring what workers of Locust on other machines recorded and could not send into their run."""
    from simulator.cli.app import output

    raise typer.Exit(collect_records(run_directory, directories, output))


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The directory of a run, or of a worker."""

    directory: Path
    about: dict[str, Any]
    """Its manifest; of a worker's, what says whose it is."""
    plan: dict[str, Any]
    scenario: str

    @property
    def process(self) -> str:
        """The process that recorded, where it is a worker's."""
        return str(self.about["process"])

    def has(self, file: str) -> bool:
        """Whether a file, by its name without folders, is of this worker: of its fleet process, or of one after it."""
        return file.startswith((f"{self.process}-", f"{self.process}."))


def collect_records(run_directory: Path, directories: list[Path], console: Console) -> int:
    """Bring the files of workers into their run, and its manifest up to date; the exit code.

    It is 0 where all files are in the run afterwards, and 1 where some were left out.

    Raises:
        CommandFailedError: a directory is not one of a run or of a worker, or of another run (2); a file cannot be
            read or written (3). In the first two cases nothing was changed.
    """
    run = _read(run_directory, MANIFEST, ("t0", "seed"), "name the directory of a run")
    check_version(run.about, run_directory / MANIFEST)
    copies = [_read(directory, *_OF_WORKER) for directory in directories]
    for copy in copies:
        _check(run, copy)
    try:
        whole = [_bring(run, copy, console) for copy in copies]
        _update(run, console)
    except OSError as error:
        msg = f"{error.filename or run_directory}: {error.strerror or error}; mend that and collect again"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    console.print(f"Report it again: [bold]{escape(shlex.join(['lwm2m-fleet', 'report', str(run_directory)]))}[/bold]")
    return HOLDS if all(whole) else CRITERION_FAILED


# -- what belongs together ---------------------------------------------------------------------------------------------

_OF_WORKER: Final = ("spool.json", ("process", "run", "t0"), "name a copy of the directory that a worker has told")


def _read(directory: Path, about: str, keys: tuple[str, ...], remedy: str) -> _Recorded:
    try:
        path = directory / about
        told = json.loads(path.read_bytes())
        path = directory / PLAN
        plan = json.loads(path.read_bytes())
        path = directory / SCENARIO
        scenario = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        msg = f"{path}: {getattr(error, 'strerror', None) or 'it is damaged'}; {remedy}"
        raise CommandFailedError(msg, USAGE) from None
    if not isinstance(told, dict) or not isinstance(plan, dict) or not told.keys() >= set(keys):
        msg = f"{directory / about}: it was not written by this program; {remedy}"
        raise CommandFailedError(msg, USAGE)
    return _Recorded(directory, told, plan, scenario)


def _check(run: _Recorded, copy: _Recorded) -> None:
    """Refuse what was recorded for another run, and say by what that is known."""
    differences = [
        f"{name} is {there!r} there and {here!r} in the run"
        for name, there, here in (
            ("t0, the start by the clock of the master,", copy.about["t0"], run.about["t0"]),
            ("seed", copy.plan.get("seed"), run.about["seed"]),
        )
        if there != here
    ]
    keys = sorted((copy.plan.keys() | run.plan.keys()) - OF_A_MACHINE - {"seed"})
    differences += [
        f"{PLAN} has {key} {copy.plan.get(key)!r} there and {run.plan.get(key)!r} in the run"
        for key in keys
        if copy.plan.get(key) != run.plan.get(key)
    ]
    if copy.scenario != run.scenario:
        differences.append(f"{SCENARIO} is another one")
    if differences:
        msg = (
            f"{copy.directory} does not belong to {run.directory}: {copy.process} recorded it for {copy.about['run']}; "
            + "; ".join(differences)
        )
        raise CommandFailedError(msg, USAGE)


# -- what comes in -----------------------------------------------------------------------------------------------------


def _bring(run: _Recorded, copy: _Recorded, console: Console) -> bool:
    """Bring the files of one worker in; whether none was left out."""
    from simulator.recorder.sent import Fit, files_of, put

    fits: Counter[Fit] = Counter()
    left_out: list[str] = []
    for name in files_of(copy.directory):
        if not copy.has(Path(name).name):
            left_out.append(f"{name} is not of {copy.process}")
            continue
        fit = put(copy.directory / name, run.directory / name)
        fits[fit] += 1
        if fit is Fit.OTHER:
            left_out.append(f"{name} is in the run already, with other content")
    here = fits[Fit.SAME] + fits[Fit.LESS]
    counts = f"{fits[Fit.NEW]} files taken, {fits[Fit.REST]} completed, {here} were here already"
    console.print(escape(f"{copy.process}: {counts}"), soft_wrap=True)
    for text in left_out:
        console.print(f"[bold]Left out:[/bold] {escape(text)}", soft_wrap=True)
    _make_good(run, copy, console, whole=not left_out)
    return not left_out


def _make_good(run: _Recorded, copy: _Recorded, console: Console, *, whole: bool) -> None:
    """Note in the manifest that the record of a worker is all here, or tell what is missing of it."""
    from simulator.recorder.losses import made_good
    from simulator.recorder.sent import gap_of, processes_of

    own = {copy.process} | {name for name in processes_of(copy.directory) if copy.has(name + ".")}
    gaps = [f"{name}: {gap}" for name in sorted(own) if (gap := gap_of(run.directory, name))]
    for gap in gaps:
        console.print(f"[bold]Not all is here:[/bold] {escape(gap)}", soft_wrap=True)
    if whole and not gaps:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        run.about.update(made_good(run.about, copy.process, at))


def _update(run: _Recorded, console: Console) -> None:
    """Write the manifest where it has changed, and say how the run stands now."""
    from simulator.recorder.files import write_json

    path = run.directory / MANIFEST
    if json.loads(path.read_bytes()) != run.about:
        write_json(path, run.about)
    status, reason = run.about.get("status"), run.about.get("reason")
    if status == "running":
        told = "has no end in its manifest, since it was killed or still runs; collect again when it has ended"
    else:
        told = f"is {status}" + (f": {reason}" if reason else "")
    console.print(escape(f"The run {told}"), soft_wrap=True)
