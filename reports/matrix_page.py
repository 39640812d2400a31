"""The page of a matrix: one self-contained HTML file, nothing fetched; a cell opens on what happened in it."""

from __future__ import annotations

import shlex
from itertools import groupby

from reports import units
from reports.html import template
from reports.matrix import Cell, Matrix
from reports.matrix_text import LEGEND, mark, reasons, verdict_lines
from reports.verdicts import AS_DECLARED, DIFFERS
from simulator import __version__


def render_matrix(matrix: Matrix) -> str:
    """The HTML."""
    letters = reasons(matrix)
    page = template("matrix.html", command=shlex.join, seconds=units.seconds, counted=units.counted)
    return page.render(
        m=matrix,
        headline=_headline(matrix),
        sections=[(result, list(rows)) for result, rows in groupby(matrix.rows, lambda row: row.result)],
        deliveries=[(name, len(list(some))) for name, some in groupby(matrix.columns, lambda column: column.delivery)],
        counts=list(verdict_lines(matrix)),
        bad=[cell for cell in matrix.cells if not cell.good],
        letters=letters,
        mark=lambda cell: mark(cell, letters),
        tone=_tone,
        legend=LEGEND,
        version=__version__,
    )


def _headline(matrix: Matrix) -> str:
    server = matrix.run.server.get("name") or matrix.run.server.get("kind") or "the server"
    bad = sum(not cell.good for cell in matrix.cells)
    if not matrix.filled:
        return f"{server}: no cell has a meaning"
    if not bad:
        return f"{server}: all {len(matrix.filled)} cells as declared"
    return f"{server}: {bad} of {units.counted(len(matrix.filled), 'cell')} not as declared"


def _tone(cell: Cell) -> str:
    """The class of a cell in the style sheet."""
    if cell.reason:
        return "none"
    if DIFFERS in (cell.device, cell.server):
        return "bad"
    return "good" if cell.device == cell.server == AS_DECLARED else "unknown"
