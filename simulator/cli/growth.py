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

from simulator.cli.compare import read_record
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
    return map(read_record, dict.fromkeys(path.resolve() for path in paths))


def _print_table(found: Growth) -> None:
    from rich.markup import escape

    from simulator.cli.tables import print_wide

    made = found.table()
    console = print_wide(found.headline, made.headers, made.rows, made.figures)
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
