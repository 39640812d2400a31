"""``lwm2m-fleet growth``: what runs of one scenario at several sizes cost, and how that grows."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError

if TYPE_CHECKING:
    from reports.compare.rows import Record
    from reports.growth import Growth


class Form(StrEnum):
    """Forms of what is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def growth(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN ...", help="Run directories of several sizes.")],
    format_: Annotated[Form, typer.Option("--format", help="Form of what is printed.")] = Form.table,
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="File for the page with the figure.")] = None,
) -> None:
    """Show how cost grows with the number of devices, from runs of one scenario at several sizes."""
    from reports import growth as grown

    try:
        found = grown.growth(_records(runs))
    except grown.SizesError as error:
        raise CommandFailedError(str(error), USAGE) from None
    if format_ is Form.table:
        _print_table(found)
    elif format_ is Form.csv:
        _print_csv(found)
    else:
        sys.stdout.write(json.dumps(found.to_dict(), indent=2) + "\n")
    if out is not None:
        _write(found, out)


def _records(paths: Sequence[Path]) -> Iterator[Record]:
    """The runs, each read when it is asked for."""
    from reports.compare.rows import Record
    from reports.read import RunError, read_run

    for path in dict.fromkeys(path.resolve() for path in paths):
        try:
            yield Record(read_run(path))
        except RunError as error:
            raise CommandFailedError(str(error), USAGE) from None


def _print_table(found: Growth) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 190)
    made = found.table()
    table = Table(title=escape(found.headline), title_justify="left", title_style="bold", header_style="bold")
    for place, name in enumerate(made.headers):
        table.add_column(name, justify="right" if place in made.figures else "left", overflow="fold")
    for row in made.rows:
        table.add_row(*(escape(text) for text in row))
    console.print(table)
    for note in found.notes:
        console.print(f"[bold]Read this first:[/bold] {escape(note)}", soft_wrap=True)


def _print_csv(found: Growth) -> None:
    document = found.to_dict()
    rows = document["runs"]
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _write(found: Growth, file: Path) -> None:
    from reports.growth.page import render

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render(found), encoding="utf-8")
    except OSError as error:
        msg = f"the page cannot be written: {error.filename or file}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
