"""A matrix as JUnit XML, for CI: a suite for each Update Result, a test case for each cell."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ET

from reports.matrix import Cell, Matrix, Row
from reports.verdicts import DIFFERS
from reports.xml import legal


def junit(matrix: Matrix) -> bytes:
    """The document: cells that are not as declared are failures, those without a meaning are skipped."""
    root = ET.Element("testsuites", name=f"lwm2m-fleet matrix: {matrix.run.server.get('kind', 'server')}")
    results = dict.fromkeys(row.result for row in matrix.rows)
    totals: list[ET.Element] = []
    for result in results:
        rows = [row for row in matrix.rows if row.result == result]
        suite = ET.SubElement(root, "testsuite", name=f"Update Result {result} ({rows[0].result_name})")
        properties = ET.SubElement(suite, "properties")
        for name, value in (("server", matrix.run.server.get("name", "")), ("seed", matrix.run.seed)):
            ET.SubElement(properties, "property", name=name, value=legal(str(value)))
        for row in rows:
            for column in matrix.columns:
                suite.append(_case(row, matrix.cell(row, column)))
        totals.append(suite)
        _count(suite, [suite], matrix.run.started)
    _count(root, totals, "")
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _count(element: ET.Element, suites: list[ET.Element], started: str) -> None:
    cases = [case for suite in suites for case in suite.iter("testcase")]
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", "0")
    element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    if started:
        element.set("timestamp", started[:19])


def _case(row: Row, cell: Cell) -> ET.Element:
    name = f"{row.name} over {cell.column}: {row.what}"
    case = ET.Element("testcase", classname=f"matrix.result-{row.result}", name=legal(name))
    case.set("time", f"{cell.took_s or 0:.3f}")
    if cell.reason:
        ET.SubElement(case, "skipped", message=legal(cell.reason))
        return case
    if not cell.good:
        kind = "differs" if DIFFERS in (cell.device, cell.server) else "unknown"
        message = legal(f"device {cell.device}, server {cell.server}")
        failure = ET.SubElement(case, "failure", type=kind, message=message)
        failure.text = legal("\n".join((*cell.notes, shlex.join(cell.reproduce))))
    out = ET.SubElement(case, "system-out")
    lines = [
        f"injected: {row.injected or 'nothing'}",
        f"declared {cell.declared}, device {cell.device_end}, server {cell.server_end}",
        shlex.join(cell.reproduce),
        *(f"{step.t:8.3f} s  {step.who:8}  {step.what}" for step in cell.history),
    ]
    out.text = legal("\n".join(lines))
    return case
