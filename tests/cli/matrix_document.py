"""The tables of docs/matrix.md: rewritten from the matrices of real runs, and read again.

``python -m tests.cli.matrix_document SERVER DIR`` puts the matrix in DIR into the page.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from reports.matrix import Cell, Column, Matrix, Row
from reports.matrix_text import grid, reasons

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"


def read_matrix(directory):
    """The rows, columns and cells of a ``matrix.json``; of the run nothing."""
    document = json.loads((Path(directory) / "matrix.json").read_text())
    rows = [Row(**row) for row in document["rows"]]
    columns = [Column(**column) for column in document["columns"]]
    cells = [Cell(**{**cell, "classes": tuple(cell["classes"])}) for cell in document["cells"]]
    return Matrix(document["schema"], None, rows, columns, cells, document["notes"])


def markdown(matrix):
    """The table in Markdown, with the reasons below."""
    table = grid(matrix)
    lines = ["| " + " | ".join(header.replace("\n", " ") for header in table.headers) + " |"]
    lines.append("| --- |" + " --- |" * (len(table.headers) - 1))
    for name, *cells in table.rows:
        name = name if any(cells) else f"**{name}**"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- `-{letter}`: {reason}" for reason, letter in reasons(matrix).items()]
    return "\n".join(lines)


def _place(server):
    return re.compile(rf"(<!-- matrix {server} -->\n).*?(<!-- end -->)", re.DOTALL)


def documented(server):
    """The table of a server in the page, as lines of cells, without its head."""
    found = _place(server).search(PAGE.read_text(encoding="utf-8"))
    assert found, f"docs/matrix.md has no table for {server}"
    lines = [line for line in found[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def rewrite(server, directory):
    """Put a matrix into the page."""
    text = PAGE.read_text(encoding="utf-8")
    table = markdown(read_matrix(directory))
    text = _place(server).sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite(*sys.argv[1:])
