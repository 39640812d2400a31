"""docs/matrix.md has the rows, the columns, the reasons and the options of the code."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from simulator.cli.app import app
from simulator.cli.matrix_plan import Selection, cells_of
from simulator.cli.matrix_rows import MECHANISMS
from tests.cli.matrix_document import PAGE, documented

SERVERS = ("embedded", "leshan")


@pytest.mark.parametrize("server", SERVERS)
def test_a_table_has_the_rows_and_columns_of_the_code(server):
    head, _, *lines = documented(server)
    columns = Selection().columns(server)
    assert head[1:] == [f"{column.delivery} {column.transport}" for column in columns]
    rows = [line for line in lines if any(line[1:])]
    assert [line[0] for line in rows] == [row.what for row in MECHANISMS]
    cells = cells_of(MECHANISMS, columns)
    written = [cell for line in rows for cell in line[1:]]
    assert [bool(cell.reason) for cell in cells] == [text.startswith("-") for text in written]


@pytest.mark.parametrize("server", SERVERS)
def test_a_table_has_the_reasons_of_the_code(server):
    place = re.search(rf"<!-- matrix {server} -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    told = dict(re.findall(r"^- `-([a-z]+)`: (.*)$", place[1], re.MULTILINE))
    _, _, *lines = documented(server)
    written = [text for line in lines if any(line[1:]) for text in line[1:]]
    cells = cells_of(MECHANISMS, Selection().columns(server))
    for cell, text in zip(cells, written, strict=True):
        if cell.reason:
            assert told[text.removeprefix("-")] == cell.reason


def test_every_option_is_on_the_page():
    options = {option for parameter in get_command(app).commands["matrix"].params for option in parameter.opts}
    text = PAGE.read_text()
    named = set(re.findall(r"^\| `(--[a-z-]+)` \|", text, re.MULTILINE))
    assert named == options - {"--allow-public-target"}


def test_the_embedded_server_is_as_declared_everywhere():
    _, _, *lines = documented("embedded")
    for line in lines:
        for text in line[1:]:
            assert re.fullmatch(r"(-[a-z]{1,2}|\d/\d+)?", text), line
