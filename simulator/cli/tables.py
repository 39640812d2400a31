"""Tables of text on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.console import OverflowMethod

FILE_COLUMNS: Final = 190
"""Of what is no terminal: enough for a table of many columns."""


def table_of(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    figures: Collection[int],
    overflow: OverflowMethod = "ellipsis",
) -> Table:
    """A table whose text is taken as it is; the columns ``figures`` are set flush right."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="bold")
    for place, name in enumerate(headers):
        table.add_column(escape(name), justify="right" if place in figures else "left", overflow=overflow)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def print_wide(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], figures: Collection[int]) -> Console:
    """Print a table of many columns, long texts folded; where it was printed."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)
    console.print(table_of(title, headers, rows, figures, "fold"))
    return console
