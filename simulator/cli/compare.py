"""``lwm2m-fleet compare``: what changed between runs, and whether a limit was passed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError

if TYPE_CHECKING:
    from reports.compare.comparison import Comparison
    from reports.compare.limits import Limit
    from reports.compare.rows import Record
    from reports.compare.several import Several


class Form(StrEnum):
    """Forms of what is printed."""

    table = "table"
    md = "md"
    json = "json"
    csv = "csv"
    junit = "junit"


def compare(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="A B [C ...]", help="Run directories; the first is the base.")
    ] = None,
    base: Annotated[str, typer.Option(metavar="A1,A2", help="Repetitions of the base.")] = "",
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="B1,B2", help="Repetitions of the other; may be repeated for further ones."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="Exit code 1 past it: 'p95(update_seconds) +10%'; may be repeated."),
    ] = None,
    noise: Annotated[
        str, typer.Option(metavar="TIME", help="By how much the machine may lengthen a time in a whole run.")
    ] = "20 ms",
    format_: Annotated[Form, typer.Option("--format", help="Form of what is printed.")] = Form.table,
    out: Annotated[Path | None, typer.Option(help="Directory for compare.html and compare.json.")] = None,
) -> None:
    """Compare runs: what changed, how sure that is, and whether it is worse than allowed."""
    limits, noise_s = _limits(fail_on or [], noise)
    if format_ is Form.junit and not limits:
        msg = "--format junit needs --fail-on: its test cases are the limits"
        raise CommandFailedError(msg, USAGE)
    found = _compared(_groups(runs or [], base, with_ or []), limits, noise_s)
    _print(found, format_)
    if out is not None:
        _write(found, out)
    raise typer.Exit(HOLDS if found.holds else CRITERION_FAILED)


def _limits(texts: Sequence[str], noise: str) -> tuple[list[Limit], float]:
    from reports.compare.limits import LimitError, parse_limit, parse_noise

    try:
        return [parse_limit(text) for text in texts], parse_noise(noise)
    except LimitError as error:
        raise CommandFailedError(str(error), USAGE) from None


def _groups(runs: Sequence[Path], base: str, with_: Sequence[str]) -> list[list[Path]]:
    """The base and what is held against it, each with its repetitions."""
    groups = [[run] for run in runs]
    if base or with_:
        groups = [[Path(name.strip()) for name in text.split(",") if name.strip()] for text in (base, *with_)]
        if runs or len(groups) < 2 or not all(groups):
            msg = "give either run directories, or both --base and --with"
            raise CommandFailedError(msg, USAGE)
    if len(groups) < 2:
        msg = "two run directories are needed: lwm2m-fleet compare BASE OTHER"
        raise CommandFailedError(msg, USAGE)
    seen: set[Path] = set()
    for path in (path for group in groups for path in group):
        if path.resolve() in seen:
            msg = f"{path} is given twice; a run can be compared with other runs alone"
            raise CommandFailedError(msg, USAGE)
        seen.add(path.resolve())
    return groups


def _compared(groups: Sequence[Sequence[Path]], limits: Sequence[Limit], noise_s: float) -> Several:
    from reports.compare.several import compare_all

    return compare_all([[_record(path) for path in group] for group in groups], limits, noise_s)


def read_record(path: Path) -> Record:
    """Read a run that is held against others.

    Raises:
        CommandFailedError: it is no run, or its record is of another version.
    """
    from reports.compare.rows import Record
    from reports.read import RunError, read_run

    try:
        return Record(read_run(path))
    except RunError as error:
        raise CommandFailedError(str(error), USAGE) from None


def _record(path: Path) -> Record:
    record = read_record(path)
    if record.empty:
        msg = f"{path} has no update and no transfer in it: there is nothing to compare"
        raise CommandFailedError(msg, USAGE)
    return record


def _write(found: Several, directory: Path) -> None:
    from reports.compare.formats import as_json
    from reports.compare.page import render

    try:
        directory.mkdir(parents=True, exist_ok=True)
        # The name of a directory may hold what is no text.
        for name, make in (("compare.html", render), ("compare.json", as_json)):
            (directory / name).write_bytes(make(found).encode("utf-8", "backslashreplace"))
    except OSError as error:
        msg = f"the comparison cannot be written: {error.filename or directory}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None


def _print(found: Several, form: Form) -> None:
    from reports.compare import formats

    texts: dict[Form, Callable[[Several], str]] = {
        Form.json: formats.as_json,
        Form.md: formats.as_markdown,
        Form.csv: formats.as_csv,
        Form.junit: formats.as_junit,
    }
    if form in texts:
        sys.stdout.write(texts[form](found))
    elif len(found.pairs) == 1:
        _print_pair(found.pairs[0])
    else:
        _print_all(found)


def _print_pair(found: Comparison) -> None:
    from reports.compare.comparison import HEADERS, row
    from simulator.cli.tables import print_wide

    print_wide(found.headline, HEADERS, [row(one) for one in found.changes], range(1, 7))
    _print_lines(found.notes, found)


def _print_all(found: Several) -> None:
    from reports.compare.several import overview
    from simulator.cli.tables import print_wide

    table = overview(found)
    print_wide(table.title, table.headers, table.rows, table.figures)
    notes = found.notes
    for name, pair in found.named:
        _say(f"{name}: {pair.headline}")
        _print_lines(notes, pair)
        notes = []
    _say("Intervals and p are in --format md and in the page of --out.")


def _print_lines(notes: Sequence[str], found: Comparison) -> None:
    from reports.compare.comparison import limit_line

    for line in (*(f"Read this first: {note}" for note in notes), *map(limit_line, found.limits)):
        _say(line)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
