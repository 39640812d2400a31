"""A matrix out of runs that never happened: the two verdicts of a cell, and the three forms in which it is told."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from reports.matrix import Cell, Column, Layout, Matrix, Place, Row
from reports.matrix_judge import matrix_of, place_of, worst
from reports.matrix_junit import junit
from reports.matrix_page import render_matrix
from reports.matrix_text import grid, mark, problem_lines, reasons, verdict_lines
from simulator.events import CUT_SHORT, FaultApplied, ServerReported
from tests.reports.synthetic import Device

FLASH = Row(2, "not enough flash", "flash-full", "no room", '{ kind = "flash-too-small" }')
LOST = Row(4, "connection lost", "silence", "it falls silent", '{ kind = "connection-lost" }')
PULL, PUSH = Column("pull", "coap"), Column("push", "coap")
WHY = "a push has no download to cut off"
FAULT = {"fault": "flash-too-small", "declared": (0, 2)}


def place(row, column, reason=""):
    group = "" if reason else f"r{row.result}-{column.delivery}"
    kinds = {2: ("flash-too-small",), 4: ("connection-lost",)}[row.result]
    return Place(row, column, group, kinds, reason)


LAYOUT = Layout(
    [FLASH, LOST], [PULL, PUSH], [place(FLASH, PULL), place(FLASH, PUSH), place(LOST, PULL), place(LOST, PUSH, WHY)], []
)


def devices(**changes):
    """Two devices that pull and one that is pushed to with a small flash, one whose connection is lost; as declared.

    Args:
        changes: of the first.
    """
    return [
        replace(Device(0, group="r2-pull", **FAULT), **changes),
        Device(1, group="r2-pull", **FAULT),
        Device(2, group="r2-push", delivery="push", **FAULT),
        Device(3, group="r4-pull", fault="connection-lost", declared=(0, 4)),
    ]


@pytest.fixture
def matrix(record):
    """The matrix of a run of such devices."""
    return lambda **changes: matrix_of(record(devices(**changes)), LAYOUT)


def first(found):
    return found.cell(FLASH, PULL)


def test_a_matrix_in_which_all_is_as_declared(matrix):
    found = matrix()
    assert found.holds
    assert [(cell.row, cell.column) for cell in found.cells] == [
        ("2/flash-full", "pull/coap"),
        ("2/flash-full", "push/coap"),
        ("4/silence", "pull/coap"),
        ("4/silence", "push/coap"),
    ]
    cell = first(found)
    assert (cell.devices, cell.struck, cell.declared, cell.device_end, cell.server_end) == (2, 2, "0/2", "0/2", "0/2")
    assert (cell.device, cell.server, cell.notes, cell.classes) == ("as declared", "as declared", (), ())
    assert cell.reproduce[:2] == ("lwm2m-fleet", "reproduce")
    assert cell.reproduce[3:] == ("--device", "vd-000000")
    assert found.counts("device") == {"as declared": 3, "differs": 0, "unknown": 0}
    empty = found.cell(LOST, PUSH)
    assert (empty.reason, empty.device, empty.devices, empty.good) == (WHY, "", 0, True)


def test_the_command_has_the_directory_as_it_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_of(tmp_path / "runs" / "m" / "run") == "runs/m/run"
    assert place_of(Path("runs/m/run")) == "runs/m/run"
    assert place_of(Path("/elsewhere/m/run")) == "m/run"


def test_a_device_that_ended_otherwise(matrix):
    found = matrix(device_end=(0, 5))
    cell = first(found)
    assert not found.holds
    assert (cell.device, cell.server, cell.device_end, cell.endpoint) == (
        "differs",
        "as declared",
        "0/2, 0/5",
        "vd-000000",
    )
    assert cell.notes == ("device: ended in 0/5, declared was 0/2",)


def test_an_order_that_was_not_taken_is_told(record):
    run = record(devices(device_end=(1, 0), outcome="unknown", reason="not reached in time"))
    steps = run.tables["steps"]
    told = {"t": 20.0, "device": 0, "step": "write_package", "started": 0.1, "outcome": "unknown", "code": ""}
    for step, more in (("write_package", {"detail": "Request timeout"}), ("read", {"detail": "of no interest"})):
        row = {**told, **more, "step": step}
        steps.loc[len(steps)] = [row[name] for name in steps.columns]
    assert first(matrix_of(run, LAYOUT)).notes == (
        "device: ended in 1/0, declared was 0/2",
        "operator: write_package at 20.0 s: unknown, Request timeout",
        "operator: not reached in time",
    )


def test_a_server_that_told_another_end_is_unknown_until_a_class_accuses_it(matrix):
    cell = first(matrix(server_end=(0, 4)))
    assert (cell.device, cell.server) == ("as declared", "unknown")
    assert cell.notes == ("server: it told 0/4, the device had 0/2",)


def test_a_server_that_told_nothing_is_unknown(matrix):
    silent = first(matrix(server_end=(-1, -1)))
    assert (silent.device, silent.server) == ("as declared", "unknown")
    assert silent.notes == ("server: it told no end of 1, the device had 0/2",)


def test_a_server_that_does_wrong_differs(record):
    run = record(devices())
    late = ServerReported(40.0, 1, "/5/0/5", "7", "read")
    run.tables["server_reports"].loc[len(run.tables["server_reports"])] = [
        {"t": late.t, "device": 1, "path": late.path, "value": late.value, "source": late.source}[name]
        for name in run.tables["server_reports"].columns
    ]
    cell = first(matrix_of(run, LAYOUT))
    assert (cell.device, cell.server, cell.classes, cell.endpoint) == ("as declared", "differs", ("S2",), "vd-000001")
    assert cell.notes[0].startswith("S2 at 40.0 s: Update Result 7 was reported (read), which the device never had")


def test_a_fault_that_did_not_strike_says_nothing(matrix):
    cell = first(matrix(struck=False))
    assert (cell.device, cell.server, cell.struck) == ("unknown", "as declared", 1)
    assert cell.notes == ("what was to be injected struck 1 of 2 devices, so that it says nothing",)


def test_a_cell_without_devices_is_unknown(record):
    found = matrix_of(record(devices()[:3]), LAYOUT)
    cell = found.cell(LOST, PULL)
    assert (cell.device, cell.server, cell.notes, cell.reproduce) == (
        "unknown",
        "unknown",
        ("no device of it was switched on",),
        (),
    )
    assert not found.holds
    assert junit(found)
    assert "no device of it was switched on" in render_matrix(found)


def test_what_was_under_way_when_a_run_was_cut_short_is_unknown(matrix):
    cell = first(matrix(device_end=(1, 0), server_end=(1, 0), struck=False, outcome="unknown", reason=CUT_SHORT))
    assert (cell.device, cell.server) == ("unknown", "unknown")
    assert cell.notes[0] == "the run was cut short before 1 of 2 updates had ended"


def test_nobody_asked_an_external_server(record):
    cell = first(matrix_of(record(devices(), server="external"), LAYOUT))
    assert (cell.device, cell.server) == ("as declared", "unknown")
    assert cell.notes == ("server: nobody asked it, since it gave its own orders",)


def test_a_device_that_no_external_server_gave_an_order_is_unknown(record):
    run = record(devices(), server="external", status="cut short")
    run.tables["states"] = run.tables["states"][run.tables["states"]["device"] != 0]
    cell = first(matrix_of(run, LAYOUT))
    assert (cell.device, cell.server) == ("unknown", "unknown")
    assert cell.notes[0] == "the run was cut short before 1 of 2 updates had ended"


def test_the_history_is_that_of_the_device_in_the_order_of_time(matrix):
    history = first(matrix(device_end=(0, 5))).history
    assert [step.t for step in history] == sorted(step.t for step in history)
    told = [(step.who, step.what) for step in history]
    assert ("fault", "flash-too-small") in told
    assert ("device", "State 0, Update Result 5 (ended)") in told
    assert ("device", "register: 2.01") in told
    assert ("server", "State is 1 (notify)") in told
    assert told[-1][0] in ("operator", "server", "device")


def test_a_long_history_is_cut_in_the_middle(record):
    run = record([Device(0, group="r2-pull", **FAULT)])
    rows = [FaultApplied(50.0 + k, 0, "packet-loss", "datagram", f"{k}") for k in range(100)]
    faults = run.tables["faults"]
    for row in rows:
        faults.loc[len(faults)] = [getattr(row, name) for name in faults.columns]
    history = first(matrix_of(run, LAYOUT)).history
    assert len(history) == 61
    [left] = [step for step in history if not step.who]
    assert re.fullmatch(r"\d+ more", left.what)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], "unknown"),
        (["as declared"], "as declared"),
        (["as declared", "unknown"], "unknown"),
        (["unknown", "differs", "as declared"], "differs"),
    ],
)
def test_the_worst_verdict_is_that_of_a_cell(outcomes, verdict):
    assert worst(outcomes) == verdict


# -- text --------------------------------------------------------------------------------------------------------------


def test_the_grid_has_a_row_for_each_mechanism_below_its_update_result(matrix):
    table = grid(matrix())
    assert table.headers == ["injected", "pull\ncoap", "push\ncoap"]
    assert table.rows == [
        ["2 not enough flash", "", ""],
        ["no room", "0/2", "0/2"],
        ["4 connection lost", "", ""],
        ["it falls silent", "0/4", "-a"],
    ]


def test_a_grid_may_have_one_delivery(matrix):
    table = grid(matrix(), "push")
    assert table.headers == ["injected", "push\ncoap"]
    assert table.rows[1] == ["no room", "0/2"]


@pytest.mark.parametrize(
    ("device", "server", "classes", "text"),
    [
        ("as declared", "as declared", (), "0/2"),
        ("differs", "as declared", (), "0/2 !"),
        ("unknown", "as declared", (), "0/2 ?"),
        ("as declared", "differs", ("S1", "S4"), "0/2 S1,S4"),
        ("differs", "unknown", (), "0/2 ! server ?"),
    ],
)
def test_a_cell_in_a_few_characters(device, server, classes, text):
    cell = Cell("2/x", "pull/coap", "", device_end="0/2", device=device, server=server, classes=classes)
    assert mark(cell, {}) == text


def test_reasons_have_letters(matrix):
    found = matrix()
    assert reasons(found) == {WHY: "a"}
    many = [Cell("2/x", "pull/coap", f"reason {k}") for k in range(30)]
    letters = list(reasons(replace(found, cells=many)).values())
    assert (letters[25], letters[26], letters[29]) == ("z", "aa", "ad")


def test_what_is_not_as_declared_is_told_with_its_command(matrix):
    found = matrix(device_end=(0, 5))
    lines = list(problem_lines(found))
    assert lines[0] == "2/flash-full over pull/coap: device differs, server as declared"
    assert lines[-1].strip().startswith("lwm2m-fleet reproduce ")
    assert list(problem_lines(matrix_holds(found))) == []
    assert "devices against what was declared: as declared 2, differs 1, unknown 0" in list(verdict_lines(found))


def matrix_holds(found: Matrix) -> Matrix:
    cells = [cell if cell.good else replace(cell, device="as declared", server="as declared") for cell in found.cells]
    return replace(found, cells=cells)


# -- JUnit and the page ------------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_cell(matrix):
    found = matrix(device_end=(0, 5))
    root = ET.fromstring(junit(found))
    assert root.tag == "testsuites"
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "0", "1"]
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        "Update Result 2 (not enough flash)",
        "Update Result 4 (connection lost)",
    ]
    assert [len(suite.findall("testcase")) for suite in suites] == [2, 2]
    case = suites[0].find("testcase")
    assert (case.get("classname"), case.get("name")) == ("matrix.result-2", "flash-full over pull/coap: no room")
    failure = case.find("failure")
    assert failure.get("type") == "differs"
    assert "declared was 0/2" in failure.text
    assert "lwm2m-fleet reproduce" in failure.text
    assert "declared 0/2, device 0/2, 0/5, server 0/2" in case.find("system-out").text
    assert root.find(".//skipped").get("message") == WHY
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suites[0].get("timestamp"))
    assert float(case.get("time")) == pytest.approx(1.0)


def test_junit_takes_what_xml_may_not_have(matrix):
    found = matrix()
    cells = [
        replace(cell, notes=("bad \x00 byte",), device="unknown") if not cell.reason else cell for cell in found.cells
    ]
    root = ET.fromstring(junit(replace(found, cells=cells)))
    assert root.get("failures") == "3"
    assert "bad \ufffd byte" in root.find(".//failure").text


def test_the_page_is_one_file_whose_cells_open(matrix):
    page = render_matrix(matrix(device_end=(0, 5)))
    assert "1 of 3 cells not as declared" in page
    assert page.count("<details") == 4
    assert 'class="bad"' in page
    assert "device: ended in 0/5, declared was 0/2" in page
    assert f"No meaning here: {WHY}." in page
    assert "reproduce" in page
    assert not re.search(r"(?:src|href)=\"(?!#)|@import|https?://", page)


def test_the_page_of_a_matrix_that_holds(matrix):
    page = render_matrix(matrix())
    assert "all 3 cells as declared" in page
    assert '<header class="good">' in page
    assert "Nothing." in page


def test_what_peers_say_is_no_markup(matrix):
    found = matrix()
    cells = [replace(found.cells[0], notes=("<script>alert(1)</script>",)), *found.cells[1:]]
    page = render_matrix(replace(found, cells=cells))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_json_is_plain(matrix):
    document = json.loads(json.dumps(matrix().to_dict()))
    assert document["schema"] == 1
    assert document["cells"][0]["device"] == "as declared"
    assert document["rows"][0]["result"] == 2
