"""The files of each format, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from reports import spreadsheet
from reports.formats.junit import junit
from reports.formats.markdown import markdown
from reports.formats.tables_csv import tables_csv
from reports.formats.workbook import workbook
from reports.summary import Summary

FORMATS: Final = {
    "html": "report.html",
    "md": "report.md",
    "csv": "tables",
    "json": "summary.json",
    "junit": "junit.xml",
    "xlsx": "report.xlsx",
}
"""What a report can be written as, and where; ``csv`` is a directory with a file for each table."""
DEFAULT: Final = ("html", "json", "csv")


def written(formats: Collection[str]) -> list[str]:
    """The names of what these formats are written as, in the order of ``FORMATS``."""
    return [name for format_, name in FORMATS.items() if format_ in formats]


def write_formats(summary: Summary, directory: Path, formats: Collection[str]) -> None:
    """Write what needs nothing but the summary; ``html`` and ``json`` are not written here.

    Raises:
        FormatError: a format needs what is not installed.
        OSError: a file cannot be written.
    """
    if "csv" in formats:
        _write_tables(summary, directory)
    if "md" in formats:
        write(directory / FORMATS["md"], markdown(summary))
    if "junit" in formats:
        _write_bytes(directory / FORMATS["junit"], junit(summary))
    if "xlsx" in formats:
        _write_bytes(directory / FORMATS["xlsx"], workbook(summary))


def write(path: Path, text: str) -> None:
    """Whole or not at all. Half a surrogate pair, as a peer or a command line may hold it, is written as its escape.

    Raises:
        OSError: the file cannot be written.
    """
    _write_bytes(path, text.encode("utf-8", "backslashreplace"))


def _write_tables(summary: Summary, directory: Path) -> None:
    """What an earlier report left is removed where there is nothing to write now."""
    tables = directory / FORMATS["csv"]
    tables.mkdir(exist_ok=True)
    found = tables_csv(summary)
    for old in tables.glob("*.csv"):
        if old.stem not in found:
            old.unlink()
    for name, text in found.items():
        write(tables / f"{name}.csv", text)
    beside = directory / "transports.csv"
    if summary.sides.transports:
        write(beside, spreadsheet.transports(summary.sides.transports))
    else:
        beside.unlink(missing_ok=True)


def _write_bytes(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
