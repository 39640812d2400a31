"""``lwm2m-fleet report``, and the tables at the end of a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

import reports
from reports.text import tables
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError

if TYPE_CHECKING:
    from rich.console import Console


def print_report(directory: Path, console: Console) -> bool:
    """Build the report of a run and print its tables; whether all criteria hold.

    Raises:
        CommandFailedError: the report cannot be written.
    """
    try:
        summary = reports.build(directory)
    except reports.RunError as error:
        raise CommandFailedError(str(error), USAGE) from None
    except OSError as error:
        msg = f"the report cannot be written: {error.filename or directory}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    for block in tables(summary):
        table = Table(title=block.title, title_justify="left", title_style="bold", header_style="bold")
        for position, column in enumerate(block.headers):
            table.add_column(column, justify="right" if position in block.figures else "left")
        for row in block.rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        console.print(table)
    for note in summary.notes:
        console.print(f"[bold]Read this first:[/bold] {escape(note)}", soft_wrap=True)
    if summary.not_ok:
        command = escape(shlex.join(summary.not_ok[0].reproduce))
        console.print(f"To see what such a device did: [bold]{command}[/bold]", soft_wrap=True)
    pattern = summary.pattern
    console.print(
        f"State/Result as the server reported them: {pattern.complete} of {pattern.devices} sound devices complete "
        f"(1/0, 2/0, 3/0, 0/1)"
    )
    console.print(f"Report: {escape(str(directory / 'report.html'))}", soft_wrap=True)
    return reports.all_hold(summary)


def report_run(directory: Path, console: Console) -> int:
    """Report a run that has ended; the exit code."""
    return HOLDS if print_report(directory, console) else CRITERION_FAILED
