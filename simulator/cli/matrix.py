"""``lwm2m-fleet matrix``: how does a server handle failed updates? Every failure over every transport, in one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.markup import escape

import reports
from reports.matrix import Column as ColumnOf
from reports.matrix import Layout, Matrix, Place, Row
from reports.matrix_judge import build_matrix
from reports.matrix_junit import junit
from reports.matrix_page import render_matrix
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, INTERRUPTED, USAGE, CommandFailedError
from simulator.cli.matrix_plan import Cell, Selection, cells_of, injected, refused, scenario_text
from simulator.cli.matrix_print import MatrixLive, print_matrix, print_plan, text_of
from simulator.cli.matrix_rows import MECHANISMS
from simulator.cli.matrix_table import COLUMNS, RESULT_NAMES, Column, Mechanism
from simulator.cli.run import Options as RunOptions
from simulator.cli.run import make_plan, run_plan
from simulator.fleet.entropy import Entropy
from simulator.recorder.manifest import run_id
from simulator.scenario.problems import did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

SCENARIO: Final = "matrix.toml"
RUN: Final = "run"
FILES: Final[tuple[tuple[str, Callable[[Matrix], bytes]], ...]] = (
    ("matrix.html", lambda matrix: render_matrix(matrix).encode("utf-8", "backslashreplace")),
    ("matrix.txt", lambda matrix: text_of(matrix).encode("utf-8", "backslashreplace")),
    ("matrix.json", lambda matrix: json.dumps(matrix.to_dict(), indent=1, default=str).encode()),
    ("junit.xml", junit),
)
"""What is made of a matrix, beside the run directory."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    server: str
    url: str | None
    out: Path | None
    seed: int | None
    devices_per_cell: int
    selection: Selection
    overrides: tuple[str, ...]
    list_only: bool
    allow_public_target: bool
    command: tuple[str, ...]


def run_matrix(options: Options, console: Console) -> int:
    """Run the table, judge it, and give the exit code.

    Raises:
        CommandFailedError: nothing could be run, or nothing written.
    """
    rows, columns = _selected(options)
    seed = options.seed if options.seed is not None else Entropy.draw()
    directory = options.out or Path("runs") / run_id("matrix", seed)
    request = _request(options, directory, seed)
    cells, text = _plan(cells_of(rows, columns), options, request)
    layout = _layout(cells, options.server)
    if options.list_only:
        print_plan(layout, console)
        if options.out is not None:
            _write_scenario(directory, text)
            console.print(f"Scenario: {escape(str(request.scenario))}", soft_wrap=True)
        return HOLDS
    _write_scenario(directory, text)
    try:
        plan = make_plan(request)
    except CommandFailedError:
        # Nothing was started, so that the same directory can be named again.
        (directory / SCENARIO).unlink()
        raise
    filled = sum(not cell.reason for cell in cells)
    console.print(
        f"[bold]matrix[/]: {filled} cells of {len(cells)}, {plan.scenario.devices} devices, "
        f"server {plan.scenario.server.kind}, seed [bold]{seed}[/]"
    )
    ended = run_plan(plan, console, MatrixLive)
    if ended.status == "failed":
        return ENVIRONMENT
    matrix = _report(directory, layout, console) if ended.begun else None
    if ended.interrupted:
        return INTERRUPTED
    return HOLDS if matrix is not None and matrix.holds and ended.status == "complete" else CRITERION_FAILED


def _selected(options: Options) -> tuple[list[Mechanism], list[Column]]:
    """The rows and columns that are wanted.

    Raises:
        CommandFailedError: there is no such row, or nothing is left.
    """
    selection = options.selection
    known = sorted({name for row in MECHANISMS for name in (row.name, *row.kinds)})
    for name in selection.kinds:
        if name not in known:
            msg = f"--kind {name}: no row has this name or kind of fault; {did_you_mean(name, known)}"
            raise CommandFailedError(msg, USAGE)
    rows, columns = selection.rows(), selection.columns(options.server)
    if not rows:
        msg = f"no row of Update Result {' or '.join(map(str, selection.results))} is {' or '.join(selection.kinds)}"
        raise CommandFailedError(msg, USAGE)
    if not columns:
        wanted = " ".join((*selection.deliveries, "over", " or ".join(selection.transports)))
        msg = f"{options.server} has no {wanted}; see lwm2m-fleet matrix --list"
        raise CommandFailedError(msg, USAGE)
    return rows, columns


def _request(options: Options, directory: Path, seed: int) -> RunOptions:
    return RunOptions(
        scenario=directory / SCENARIO,
        devices=None,
        seed=seed,
        processes=1,
        server=options.server,
        url=options.url,
        out=directory / RUN,
        overrides=options.overrides,
        allow_public_target=options.allow_public_target,
        command=options.command,
    )


def _plan(cells: list[Cell], options: Options, request: RunOptions) -> tuple[list[Cell], str]:
    """The cells that can be run, and the scenario that runs them.

    Raises:
        CommandFailedError: something is wrong beside the cells, such as a ``--set``, or no cell can be run.
    """
    text = scenario_text(cells, options.server, options.devices_per_cell)
    if any(not cell.reason for cell in cells):
        cells, others = refused(cells, text, request.all_overrides, request.scenario)
        if others:
            msg = "the table cannot be run so:\n" + "\n".join(f"  {problem}" for problem in others)
            raise CommandFailedError(msg, USAGE)
        text = scenario_text(cells, options.server, options.devices_per_cell)
    if not options.list_only and all(cell.reason for cell in cells):
        first = cells[0]
        msg = f"no cell has a meaning: {first.row.name} over {first.column.delivery} {first.column.transport}: "
        raise CommandFailedError(msg + first.reason, USAGE)
    return cells, text


def _layout(cells: list[Cell], server: str) -> Layout:
    """What was to be run, as a report reads it."""
    rows: dict[tuple[int, str], Row] = {}
    columns: dict[Column, ColumnOf] = {}
    places = []
    for cell in cells:
        row = cell.row
        shown = rows.setdefault(
            (row.result, row.name), Row(row.result, RESULT_NAMES[row.result], row.name, row.what, injected(row))
        )
        column = columns.setdefault(cell.column, ColumnOf(*cell.column))
        places.append(Place(shown, column, "" if cell.reason else cell.group, row.kinds, cell.reason))
    spoken = Selection().columns(server)
    silent = [column.transport for column in COLUMNS if column not in spoken]
    notes = (
        [f"{server} is not managed over {' and '.join(silent)}, so that nothing is pushed over it"] if silent else []
    )
    return Layout(list(rows.values()), list(columns.values()), places, notes)


def _write_scenario(directory: Path, text: str) -> None:
    """Make the directory, which must not exist or be empty, and write the scenario into it.

    Raises:
        CommandFailedError: it cannot be.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            msg = f"{directory} is not empty; name another directory"
            raise CommandFailedError(msg, USAGE)
        (directory / SCENARIO).write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{error.filename or directory}: {error.strerror or error}"
        raise CommandFailedError(msg, USAGE) from None


def _report(directory: Path, layout: Layout, console: Console) -> Matrix:
    """Judge what was recorded, write it, and show it.

    Raises:
        CommandFailedError: it cannot be read or written.
    """
    try:
        matrix = build_matrix(directory / RUN, layout)
        for name, make in FILES:
            (directory / name).write_bytes(make(matrix))
    except reports.RunError as error:
        raise CommandFailedError(str(error), USAGE) from None
    except OSError as error:
        msg = f"the matrix cannot be written: {error.filename or directory}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    print_matrix(matrix, console)
    for name, _ in FILES:
        console.print(f"  {escape(str(directory / name))}", soft_wrap=True)
    console.print(f"Report of the run: lwm2m-fleet report {escape(str(directory / RUN))}", soft_wrap=True)
    return matrix
