"""``lwm2m-fleet report``, and the tables at the end of a run."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

import reports
from reports.formats.files import DEFAULT, FORMATS, written
from reports.formats.workbook import FormatError
from reports.single import DeviceNameError
from reports.text import tables
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError
from simulator.cli.tables import table_of

if TYPE_CHECKING:
    from rich.console import Console


def print_report(
    directory: Path,
    console: Console,
    formats: Collection[str] = DEFAULT,
    out: Path | None = None,
    devices: Sequence[str] = (),
) -> bool:
    """Build the report of a run and print its tables; whether all criteria hold.

    Raises:
        CommandFailedError: a format or a device is not known, or the report cannot be written.
    """
    try:
        summary = reports.build(directory, formats, out, devices)
    except (reports.RunError, DeviceNameError) as error:
        raise CommandFailedError(str(error), USAGE) from None
    except FormatError as error:
        raise CommandFailedError(str(error), ENVIRONMENT) from None
    except OSError as error:
        msg = f"the report cannot be written: {error.filename or directory}: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
    for block in tables(summary):
        console.print(table_of(block.title, block.headers, block.rows, block.figures))
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
    for name in written(formats):
        console.print(f"Report: {escape(str((out or directory) / name))}", soft_wrap=True)
    return reports.all_hold(summary)


def report_run(directory: Path, console: Console, listed: str, out: Path | None, devices: Sequence[str] = ()) -> int:
    """Report a run that has ended in the formats of a list such as ``html,md``; the exit code.

    Raises:
        CommandFailedError: a format or a device is not known, or the report cannot be written.
    """
    formats = list(dict.fromkeys(name.strip() for name in listed.split(",")))
    for name in formats:
        if name not in FORMATS:
            msg = f"--format: {name or 'an empty name'} is no format of a report, choose from {', '.join(FORMATS)}"
            raise CommandFailedError(msg, USAGE)
    if devices and "html" not in formats:
        msg = "--device: only a page shows single devices, so html has to be among --format"
        raise CommandFailedError(msg, USAGE)
    return HOLDS if print_report(directory, console, formats, out, devices) else CRITERION_FAILED
