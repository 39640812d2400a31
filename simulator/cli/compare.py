"""``lwm2m-fleet compare``: what changed between runs, and whether a limit was passed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError

if TYPE_CHECKING:
    from reports.compare.comparison import Comparison
    from reports.compare.limits import Limit
    from reports.compare.rows import Record


class Form(StrEnum):
    """Forms of what is printed."""

    table = "table"
    md = "md"
    json = "json"


def compare(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="A B [C ...]", help="Run directories; the first is the base.")
    ] = None,
    base: Annotated[str, typer.Option(metavar="A1,A2", help="Repetitions of the base.")] = "",
    with_: Annotated[str, typer.Option("--with", metavar="B1,B2", help="Repetitions of the other.")] = "",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="Exit code 1 past it: 'p95(update_seconds) +10%'; may be repeated."),
    ] = None,
    format_: Annotated[Form, typer.Option("--format", help="Form of what is printed.")] = Form.table,
    out: Annotated[Path | None, typer.Option(help="Directory for compare.html and compare.json.")] = None,
) -> None:
    """Compare runs: what changed, how sure that is, and whether it is worse than allowed."""
    limits = _limits(fail_on or [])
    sides = _sides(runs or [], base, with_)
    if out is not None and len(sides) > 1:
        # Each comparison has a directory of its own, by the name of what is compared with the base.
        outs = [out / f"{place}-{others[0].resolve().name}" for place, (_, others) in enumerate(sides, 1)]
    else:
        outs = [out] * len(sides)  # type: ignore[list-item]
    holds = True
    for (first, second), directory in zip(sides, outs, strict=True):
        found = _compared(first, second, limits)
        _print(found, format_)
        if directory is not None:
            _write(found, directory)
        holds &= found.holds
    raise typer.Exit(HOLDS if holds else CRITERION_FAILED)


def _limits(texts: Sequence[str]) -> list[Limit]:
    from reports.compare.limits import LimitError, parse_limit

    try:
        return [parse_limit(text) for text in texts]
    except LimitError as error:
        raise CommandFailedError(str(error), USAGE) from None


def _sides(runs: Sequence[Path], base: str, with_: str) -> list[tuple[list[Path], list[Path]]]:
    if base or with_:
        first, second = ([Path(name) for name in text.split(",") if name] for text in (base, with_))
        if runs or not first or not second:
            msg = "give either run directories, or both --base and --with"
            raise CommandFailedError(msg, USAGE)
        return [(first, second)]
    if len(runs) < 2:
        msg = "two run directories are needed: lwm2m-fleet compare BASE OTHER"
        raise CommandFailedError(msg, USAGE)
    return [([runs[0]], [other]) for other in runs[1:]]


def _compared(first: Sequence[Path], second: Sequence[Path], limits: Sequence[Limit]) -> Comparison:
    from reports.compare.comparison import compare as compared

    return compared([_record(path) for path in first], [_record(path) for path in second], limits)


def _record(path: Path) -> Record:
    from reports.compare.rows import Record
    from reports.read import RunError, read_run

    try:
        return Record(read_run(path))
    except RunError as error:
        raise CommandFailedError(str(error), USAGE) from None


def _write(found: Comparison, directory: Path) -> None:
    from reports.compare.page import render

    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "compare.html").write_text(render(found), encoding="utf-8")
        (directory / "compare.json").write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"the comparison cannot be written: {error.filename or directory}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None


def _print(found: Comparison, form: Form) -> None:
    from reports.compare.comparison import markdown

    if form is Form.table:
        _print_table(found)
    else:
        sys.stdout.write(markdown(found) if form is Form.md else json.dumps(found.to_dict(), indent=2) + "\n")


def _print_table(found: Comparison) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from reports.compare.comparison import HEADERS, limit_line, row

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    table = Table(title=escape(found.headline), title_justify="left", title_style="bold", header_style="bold")
    for place, name in enumerate(HEADERS):
        table.add_column(name, justify="right" if 0 < place < 7 else "left", overflow="fold")
    for one in found.changes:
        table.add_row(*(escape(text) for text in row(one)))
    console.print(table)
    for note in found.notes:
        console.print(f"[bold]Read this first:[/bold] {escape(note)}", soft_wrap=True)
    for judged in found.limits:
        console.print(escape(limit_line(judged)), soft_wrap=True)
