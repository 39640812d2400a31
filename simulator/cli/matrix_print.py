"""A matrix in a terminal: progress while it runs, the table at its end, or what it would consist of."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reports.matrix_text import LEGEND, grid, problem_lines, reasons, verdict_lines
from simulator.cli.live import Live, elapsed, judged

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reports.matrix import Layout, Matrix
    from simulator.cli.plan import View

WIDE: Final = 140
"""Columns of a terminal that takes pull and push side by side."""
FILE_WIDTH: Final = 200
GOOD: Final = re.compile(r"\d/\d+(?:, \d/\d+)*")


class MatrixLive(Live):
    """Progress: how many cells have come to their end. Whether as declared is told when all have."""

    def panel(self) -> RenderableType:
        """A bar."""
        view = self.view
        done, total = _done(view)
        table = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(total, 1), completed=done, width=40)
        table.add_row(Text(view.phase, style="bold"), f"{done} of {total} devices", bar, elapsed(view), view.detail)
        return table

    def line(self) -> str:
        """The same in words."""
        done, total = _done(self.view)
        ended = f"{done} of {total} devices have ended"
        return "  ".join(part for part in (elapsed(self.view), self.view.phase, self.view.detail, ended) if part)


def _done(view: View) -> tuple[int, int]:
    """How many devices have ended, of how many: by the operator, or by their own account where there is none."""
    own = sum(int(view.fleet.get(stage, 0)) for stage in ("updated", "failed"))
    return (judged(view) if view.campaign else own), view.devices


def print_matrix(matrix: Matrix, console: Console) -> None:
    """The table, what is not as declared, and the verdicts."""
    deliveries = list(dict.fromkeys(column.delivery for column in matrix.columns))
    for delivery in [""] if console.width >= WIDE else deliveries:
        console.print(_table(matrix, delivery, console.width))
    console.print(escape(LEGEND), style="dim")
    for reason, letter in reasons(matrix).items():
        console.print(f"  -{letter}  {escape(reason)}", style="dim", highlight=False)
    for note in matrix.notes:
        console.print(escape(note), style="dim")
    console.print()
    for text in problem_lines(matrix):
        style = "" if text.startswith(" ") else "bold red"
        console.print(escape(text), style=style, soft_wrap=True, highlight=False)
    for text in verdict_lines(matrix):
        console.print(escape(text), style="bold", highlight=False)


def _table(matrix: Matrix, delivery: str, console_width: int) -> Table:
    shown = grid(matrix, delivery)
    table = Table(title=shown.title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE)
    table.add_column(shown.headers[0], min_width=min(44, console_width // 3))
    for header in shown.headers[1:]:
        table.add_column(header, min_width=5)
    for name, *cells in shown.rows:
        if any(cells):
            table.add_row(f"  {escape(name)}", *(Text(cell, style=_style(cell)) for cell in cells))
        else:
            table.add_row(Text(name, style="bold"))
    return table


def _style(cell: str) -> str:
    if cell.startswith("-"):
        return "dim"
    if GOOD.fullmatch(cell):
        return "green"
    return "bold yellow" if "?" in cell and "!" not in cell and "S" not in cell else "bold red"


def text_of(matrix: Matrix) -> str:
    """The same as a file."""
    file = io.StringIO()
    print_matrix(matrix, Console(file=file, width=FILE_WIDTH, color_system=None))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def print_plan(layout: Layout, console: Console) -> None:
    """The rows and columns, and why cells have no meaning."""
    table = Table(title="What the matrix has", title_justify="left", title_style="bold", box=box.SIMPLE)
    for header in ("row", "Update Result", "what happens", "injected", "over"):
        table.add_column(header)
    for row in layout.rows:
        mine = [place for place in layout.places if place.row is row]
        over = ", ".join(f"{each.column.delivery} {each.column.transport}" for each in mine if not each.reason)
        over = "everything" if not any(each.reason for each in mine) else over
        name = f"{row.result} {row.result_name}"
        table.add_row(row.name, name, escape(row.what), escape(row.injected or "-"), over or "nothing")
    console.print(table)
    why: dict[tuple[str, str], list[str]] = {}
    for place in layout.places:
        if place.reason:
            column = f"{place.column.delivery} {place.column.transport}"
            why.setdefault((place.row.id, place.reason), []).append(column)
    for (row_id, reason), columns in why.items():
        console.print(f"{escape(row_id)} not over {', '.join(columns)}: {escape(reason)}", soft_wrap=True, style="dim")
    for note in layout.notes:
        console.print(escape(note), style="dim")
    filled = sum(not place.reason for place in layout.places)
    console.print(f"[bold]{filled} cells of {len(layout.places)}[/]")
