"""A workbook with a sheet for each table. openpyxl is an extra: only those who ask for this format need it."""

from __future__ import annotations

import io
from typing import Any, Final

import pandas as pd

from reports.formats.records import records
from reports.summary import Summary
from reports.xml import legal

NEEDS: Final = "the format xlsx needs openpyxl: pip install 'lwm2m-fleet[xlsx]', or choose csv"


class FormatError(Exception):
    """A format that cannot be written here; the message says what to do."""


def check() -> None:
    """Whether a workbook can be written.

    Raises:
        FormatError: openpyxl is not installed.
    """
    try:
        import openpyxl  # noqa: F401, PLC0415
    except ImportError:
        raise FormatError(NEEDS) from None


def workbook(summary: Summary) -> bytes:
    """The file; figures in base units, an empty cell where not measured.

    Raises:
        FormatError: openpyxl is not installed.
    """
    check()
    made = io.BytesIO()
    with pd.ExcelWriter(made, engine="openpyxl") as writer:
        for name, rows in records(summary).items():
            cells = [{key: _cell(value) for key, value in row.items()} for row in rows]
            pd.DataFrame(cells).to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 0))
            for row in writer.sheets[name].iter_rows():
                for cell in row:
                    # Text of a server that begins with = stays text.
                    if cell.data_type == "f":
                        cell.data_type = "s"
    return made.getvalue()


def _cell(value: Any) -> Any:
    return legal(value) if isinstance(value, str) else value
