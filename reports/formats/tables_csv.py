"""A CSV file for each table."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from reports.formats.records import Record, records
from reports.summary import Summary

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula, and its text may be from a server (OWASP, CSV Injection)."""


def tables_csv(summary: Summary) -> dict[str, str]:
    """The text of each file by the name of its table; figures in base units, empty where not measured."""
    return {name: _text(rows) for name, rows in records(summary).items()}


def _text(rows: list[Record]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
