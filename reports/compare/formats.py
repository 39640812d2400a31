"""A comparison as text for programs and for CI: JSON, Markdown, CSV and JUnit XML."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import asdict, fields
from typing import Final

from reports.compare.change import Change
from reports.compare.comparison import limit_line, markdown, markdown_table
from reports.compare.several import Several, overview
from reports.xml import legal

COLUMNS: Final = ("runs", *(field.name for field in fields(Change)))


def as_json(found: Several) -> str:
    """One document, that of ``compare.json``."""
    return json.dumps(found.to_dict(), indent=2) + "\n"


def as_markdown(found: Several) -> str:
    """Of several comparisons first all side by side, then each."""
    if len(found.pairs) == 1:
        return markdown(found.pairs[0])
    table = overview(found)
    return "\n".join(
        [f"# {found.headline}", "", *markdown_table(table.headers, table.rows), "", *map(markdown, found.pairs)]
    )


def as_csv(found: Several) -> str:
    """A row for each metric of each comparison, in base units; empty where not measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"runs": name, **asdict(one)} for name, pair in found.named for one in pair.changes)
    return text.getvalue()


def as_junit(found: Several) -> str:
    """A test case for each limit, so that it fails where the exit code does; a suite for each comparison."""
    root = ET.Element("testsuites", name="lwm2m-fleet compare")
    for name, pair in found.named:
        fails = [one for one in pair.limits if not one.holds]
        suite = ET.SubElement(root, "testsuite", name=legal(name), tests=str(len(pair.limits)),
                              failures=str(len(fails)), errors="0", skipped="0")  # fmt: skip
        for one in pair.limits:
            case = ET.SubElement(suite, "testcase", classname="limits", name=legal(one.limit))
            if not one.holds:
                ET.SubElement(case, "failure", message=legal(limit_line(one)))
        ET.SubElement(suite, "system-out").text = legal("\n".join((pair.headline, *pair.notes)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
