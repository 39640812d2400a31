"""Damages to run directories, and what the command says of them."""

import json

import pyarrow.parquet as pq

from simulator.events import SCHEMA_VERSION
from tests.cli.in_process import typed
from tests.reports.synthetic import Device

FORMATS = {
    "html": "report.html", "md": "report.md", "csv": "tables", "json": "summary.json", "junit": "junit.xml",
    "xlsx": "report.xlsx",
}  # fmt: skip
LATER = SCHEMA_VERSION + 1


def reported(directory, formats="json"):
    """Exit code, summary and output of ``lwm2m-fleet report``."""
    code, told = typed("report", directory, "--format", formats)
    assert "Traceback" not in told
    return code, json.loads((directory / "summary.json").read_text()), told


def refused(directory, *mentions):
    """The command says what is wrong, and writes nothing."""
    code, told = typed("report", directory)
    assert code == 2
    assert all(text in told for text in ("lwm2m-fleet: ", *mentions)), told
    assert "Traceback" not in told
    assert not (directory / "summary.json").exists()
    assert not (directory / "report.html").exists()


def change(directory, **values):
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not KeyError}))


def some(count=30):
    return [Device(k, due=k / 10) for k in range(count)]


def rewrite(directory, changed, table="states"):
    """Write the first part of a table again, changed, without a trace of how it was."""
    part = min((directory / "parts" / table).iterdir())
    pq.write_table(changed(pq.read_table(part, partitioning=None)), part, write_page_checksum=True)
    return part


def later(table):
    return table.replace_schema_metadata({"lwm2m-fleet.schema": str(LATER)})
