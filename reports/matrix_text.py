"""The table of a matrix as text: a few characters for each cell, and below it every cell that is not as declared."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from reports.matrix import Cell, Matrix
from reports.table import Table
from reports.units import counted
from reports.verdicts import AS_DECLARED, DIFFERS

LEGEND = (
    "A cell is State/Result as the device had it. Nothing behind it: device and server are as declared. "
    "!: the device differs from what was declared. S1 to S7: the server did that wrong (docs/verdicts.md). "
    "?: unknown. -a: the cell has no meaning, see below."
)


def grid(matrix: Matrix, delivery: str = "") -> Table:
    """A row for each mechanism, a column for each way by which a package comes; Update Results are rows of their own.

    Args:
        matrix: the table.
        delivery: ``pull`` or ``push`` alone; all columns where it is empty.
    """
    letters = reasons(matrix)
    columns = [column for column in matrix.columns if delivery in ("", column.delivery)]
    rows: list[list[str]] = []
    before = -1
    for row in matrix.rows:
        if row.result != before:
            rows.append([f"{row.result} {row.result_name}", *([""] * len(columns))])
        before = row.result
        rows.append([row.what, *(mark(matrix.cell(row, column), letters) for column in columns)])
    headers = ["injected", *(f"{column.delivery}\n{column.transport}" for column in columns)]
    return Table("matrix", "Injected failures by transport and delivery", headers, rows, range(0))


def mark(cell: Cell, letters: dict[str, str]) -> str:
    """A cell in a few characters."""
    if cell.reason:
        return f"-{letters[cell.reason]}"
    parts = [cell.device_end or "?/?"]
    if cell.device != AS_DECLARED:
        parts.append("!" if cell.device == DIFFERS else "?")
    if cell.server != AS_DECLARED:
        parts.append(",".join(cell.classes) if cell.server == DIFFERS else "server ?")
    return " ".join(parts)


def reasons(matrix: Matrix) -> dict[str, str]:
    """The reasons why cells have no meaning, each with its letter, in the order in which they come first."""
    found: dict[str, str] = {}
    for cell in matrix.cells:
        if cell.reason and cell.reason not in found:
            found[cell.reason] = _letter(len(found))
    return found


def _letter(number: int) -> str:
    return (chr(ord("a") + number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def verdict_lines(matrix: Matrix) -> Iterator[str]:
    """How many cells have which verdict, on each side."""
    filled = len(matrix.filled)
    yield f"{counted(filled, 'cell')} of {len(matrix.cells)}; the others have no meaning"
    for side, name in (("device", "devices against what was declared"), ("server", "server against the devices")):
        yield f"{name}: " + ", ".join(f"{word} {count}" for word, count in matrix.counts(side).items())


def problem_lines(matrix: Matrix) -> Iterator[str]:
    """Every cell that is not as declared: what it is, why, and the command that replays it."""
    for cell in matrix.cells:
        if cell.good:
            continue
        yield f"{cell.row} over {cell.column}: device {cell.device}, server {cell.server}"
        for note in cell.notes:
            yield f"    {note}"
        if cell.reproduce:
            yield f"    {shlex.join(cell.reproduce)}"
