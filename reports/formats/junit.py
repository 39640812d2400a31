"""A summary as JUnit XML, for CI: a test case for each criterion, each group and each injected fault."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from reports.summary import Summary
from reports.xml import legal

Case = tuple[str, str]
"""A name, and why it fails; empty where it does not."""


def junit(summary: Summary) -> bytes:
    """The document; a run that did not come to its end fails a case of its own."""
    root = ET.Element("testsuites", name=legal(f"lwm2m-fleet: {summary.run.scenario or summary.run.id}"))
    for name, cases in (
        ("run", _run(summary)),
        ("criteria", _criteria(summary)),
        ("groups", _groups(summary)),
        ("faults", _faults(summary)),
    ):
        _suite(root, name, list(cases), summary.run.started)
    for count in ("tests", "failures"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _run(summary: Summary) -> Iterator[Case]:
    run = summary.run
    yield "comes to its end", "" if run.status == "complete" else f"{run.status}: {run.reason or 'no reason was given'}"


def _criteria(summary: Summary) -> Iterator[Case]:
    for one in summary.criteria:
        measured = "not measured" if one.measured is None else one.measured
        told = f"limit {one.limit}, measured {measured}" + (f"; {one.why}" if one.why else "")
        yield one.name, "" if one.holds else told


def _groups(summary: Summary) -> Iterator[Case]:
    for name, counts in summary.outcomes.by_group.items():
        told = f"of {counts.total} updates {counts.fail} failed, {counts.unknown} unknown"
        examples = [
            f"{one.endpoint}: {one.outcome}, {one.reason or 'no reason was given'}\n{shlex.join(one.reproduce)}"
            for one in summary.not_ok
            if one.group == name
        ]
        yield name, "" if counts.ok == counts.total else "\n".join((told, *examples))


def _faults(summary: Summary) -> Iterator[Case]:
    for one in summary.faults:
        ends = ", ".join(f"{end} ({count})" for end, count in one.device_results.items())
        told = f"{one.verdict}: declared {one.declared}, {one.as_declared} of {one.devices} devices so; devices: {ends}"
        yield f"{one.fault}, declared {one.declared}", "" if one.verdict == "as declared" else told


def _suite(root: ET.Element, name: str, cases: list[Case], started: str) -> None:
    if not cases:
        return
    suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)), errors="0", skipped="0")
    suite.set("failures", str(sum(bool(why) for _, why in cases)))
    if started:
        suite.set("timestamp", started[:19])
    for title, why in cases:
        case = ET.SubElement(suite, "testcase", classname=f"lwm2m-fleet.{name}", name=legal(title))
        if why:
            failure = ET.SubElement(case, "failure", message=legal(why.partition("\n")[0]))
            failure.text = legal(why)
