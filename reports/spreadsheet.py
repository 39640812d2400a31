"""``transports.csv``: transports side by side, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from reports.counts import Percentiles
from reports.sides import TransportRow


def transports(rows: Sequence[TransportRow]) -> str:
    """A line for each row, in base units; percentiles as columns such as ``download_s_p95``. Empty without rows."""
    if not rows:
        return ""
    lines = [_line(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _line(row: TransportRow) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Percentiles):
            line.update({f"{field.name}_{name}": figure for name, figure in asdict(value).items()})
        else:
            line[field.name] = value
    return line
