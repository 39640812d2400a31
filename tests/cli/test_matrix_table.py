"""The table of the matrix: what it promises of Update Results, and that each empty cell is empty for its reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulator.cli.matrix_plan import Cell, Selection, cells_of, group_name, refused, scenario_text
from simulator.cli.matrix_rows import MECHANISMS
from simulator.cli.matrix_table import COLUMNS, RESULT_NAMES, Column
from simulator.faults.registry import FAULTS
from simulator.scenario import ScenarioError, loads

RESULTS = range(1, 12)
CELLS = cells_of(MECHANISMS, COLUMNS)
FILLED = [cell for cell in CELLS if not cell.reason]
EMPTY = [cell for cell in CELLS if cell.reason]
NO_URI_RESULTS = {7, 9}
"""What a URI leads to; a push has none."""
SEE_THERE = "see the row"
"""How a reason begins that says that another row of the same Update Result has the cell."""


@pytest.fixture(scope="module")
def groups():
    """The groups of all filled cells, as the scenario has them."""
    return loads(scenario_text(CELLS, "embedded", 2)).groups


def mechanisms(rows):
    """The different ones: two rows with the same kinds of fault are one mechanism at two places."""
    return {row.kinds or str(row.settings) for row in rows}


@pytest.mark.parametrize("result", RESULTS)
def test_each_update_result_comes_about_by_two_mechanisms(result):
    assert RESULT_NAMES[result]
    rows = [row for row in MECHANISMS if row.result == result]
    assert len({str((row.faults, row.settings)) for row in rows}) == len(rows)
    assert len(mechanisms(rows)) >= 2


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: f"{column.delivery}-{column.transport}")
def test_each_update_result_comes_about_by_two_mechanisms_in_each_column(result, column):
    filled = [row for row in MECHANISMS if row.result == result and not row.reason(column)]
    if column.delivery == "push" and result in NO_URI_RESULTS:
        assert not filled
    else:
        assert len(mechanisms(filled)) >= 2


def test_every_cell_is_filled_or_has_a_reason(groups):
    assert len(CELLS) == len(MECHANISMS) * len(COLUMNS)
    assert list(groups) == [cell.group for cell in FILLED]
    assert len(set(groups)) == len(FILLED)
    assert all(len(cell.reason) > 20 for cell in EMPTY)


def test_the_scenario_declares_the_result_of_each_row(groups):
    for cell in FILLED:
        group = groups[cell.group]
        decisive = [fault for fault in group.faults if fault.decisive]
        end = decisive[0].expected or group.expected if decisive else group.expected
        assert (cell.group, end[1]) == (cell.group, cell.row.result)
        assert (group.delivery, group.scheme) == cell.column
        assert group.count == 2


@pytest.mark.parametrize("cell", EMPTY, ids=lambda cell: cell.group)
def test_an_empty_cell_cannot_be_filled(cell):
    """The scenario refuses it, or its update is declared to end otherwise than its row."""
    if cell.reason.startswith(SEE_THERE):
        others = [row for row in MECHANISMS if row.result == cell.row.result and not row.reason(cell.column)]
        assert any("silent" in row.what for row in others)
        return
    text = scenario_text([Cell(cell.row, cell.column, "")], "embedded", 1)
    try:
        [group] = loads(text).groups.values()
    except ScenarioError:
        return
    fault = group.faults[-1] if group.faults else None
    end = group.expected if fault is None else fault.expected or group.expected
    assert end[1] != cell.row.result


def test_every_column_has_what_no_other_column_can_have():
    assert Counter(column.delivery for column in COLUMNS) == {"pull": 6, "push": 4}
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_names_are_those_of_groups_and_of_kinds():
    names = [(row.result, row.name) for row in MECHANISMS]
    assert len(set(names)) == len(names)
    for row in MECHANISMS:
        assert set(row.kinds) <= set(FAULTS)
        assert row.beside <= {fault["kind"] for fault in row.faults}
        for column in COLUMNS:
            assert len(group_name(row, column)) <= 64


# -- selections and servers --------------------------------------------------------------------------------------------


def test_a_selection_restricts_rows_and_columns():
    chosen = Selection(results=(2, 5), transports=("coaps", "https"), deliveries=("pull",))
    assert {row.result for row in chosen.rows()} == {2, 5}
    assert chosen.columns("embedded") == [Column("pull", "coaps"), Column("pull", "https")]
    assert [row.name for row in Selection(kinds=("battery-low",)).rows()] == ["battery-low"]
    by_kind = Selection(kinds=("connection-lost",)).rows()
    assert [row.name for row in by_kind] == ["silence", "reset", "closed"]


@pytest.mark.parametrize(
    ("server", "pushes"),
    [
        ("embedded", ["coap", "coaps", "coap+tcp", "coaps+tcp"]),
        ("leshan", ["coap", "coaps"]),
        ("aiocoap", ["coap", "coap+tcp", "coaps+tcp"]),
        ("external", ["coap", "coaps", "coap+tcp", "coaps+tcp"]),
    ],
)
def test_a_server_is_pushed_over_what_it_speaks(server, pushes):
    columns = Selection().columns(server)
    assert [column.transport for column in columns if column.delivery == "push"] == pushes
    assert len([column for column in columns if column.delivery == "pull"]) == 6


@pytest.mark.parametrize("server", ["embedded", "leshan", "leshan-demo", "aiocoap"])
def test_the_servers_that_a_run_drives_take_every_cell(server):
    cells = cells_of(MECHANISMS, Selection().columns(server))
    assert refused(cells, scenario_text(cells, server, 1), (), Path("matrix.toml")) == (cells, [])


def test_what_a_scenario_refuses_is_the_reason_of_a_cell():
    cells = cells_of(MECHANISMS, COLUMNS)
    overrides = ("server.host=127.0.0.1",)
    found, others = refused(cells, scenario_text(cells, "external", 1), overrides, Path("matrix.toml"))
    assert others == []
    orders = {cell.row.name for cell in found if "an order that an external server gives itself" in cell.reason}
    assert {"uri-not-found", "wrong-model", "image-truncated", "origin-stalls"} <= orders
    assert loads(scenario_text(found, "external", 1), overrides).groups


def test_what_is_wrong_beside_the_cells_is_told():
    cells = cells_of(MECHANISMS[:1], COLUMNS[:1])
    text = scenario_text(cells, "embedded", 1)
    found, others = refused(cells, text, ("campaign.timeout=1 h",), Path("matrix.toml"))
    assert found == cells
    assert [problem.message for problem in others] == ["longer than run.duration_max of 600 s"]


def test_another_profile_is_declared_as_it_is():
    cells = cells_of(MECHANISMS, COLUMNS)
    text = scenario_text(cells, "embedded", 1)
    found, others = refused(cells, text, ("devices.profile=zephyr",), Path("matrix.toml"))
    assert others == []
    assert {cell.row.name for cell in found if "needs object 5 in version 1.1" in cell.reason} >= {
        "update-deferred",
        "battery-low",
    }
