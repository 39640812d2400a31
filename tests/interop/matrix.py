"""Every management transport with every download transport: the scenario, the run by command line, and the table."""

from __future__ import annotations

import re
from typing import NamedTuple

from reports.read import read_run
from tests.cli.in_process import typed
from tests.interop.test_server_embedded import ROOT

DOWNLOADS = ("coap", "coaps", "coap+tcp", "coaps+tcp", "http", "https")
PUSH = "push"
EACH = 2
"""Devices in each cell."""
PAGE = ROOT / "docs" / "interop.md"


class Row(NamedTuple):
    """One way to be managed."""

    scheme: str
    kind: str = ""
    """Kind of credential; empty where there is none."""

    @property
    def name(self):
        return f"{self.scheme}, {'PSK' if self.kind == 'psk' else 'X.509'}" if self.kind else self.scheme


COAP, TCP = Row("coap"), Row("coap+tcp")
DTLS = Row("coaps", "psk"), Row("coaps", "x509")
TLS = Row("coaps+tcp", "psk"), Row("coaps+tcp", "x509")

HEAD = """
[run]
seed = 5
duration_max = "3 min"
[firmware]
size = "20 KiB"
[devices]
boot_time = "100 ms"
install_time = "200 ms"
[arrivals]
rate = "50/s"
[campaign]
concurrency = 30
timeout = "60 s"
request_timeout = "30 s"
[criteria]
failed_max = 0
unknown_max = 0
as_declared_min = "100 %"
pattern_complete_min = "100 %"
"""


def group_of(row, column):
    """The name of a cell's group."""
    return re.sub(r"[^a-z0-9-]", "", f"{row.scheme}{row.kind}-by-{column}")


def credential_of(row, column):
    """The kind of credential for a download: that of the row, but for https, which knows certificates alone."""
    if column == "https":
        return "x509"
    if not column.startswith("coaps"):
        return ""
    return row.kind or ("psk" if column == "coaps" else "x509")


def scenario(server, rows):
    """The TOML of a run in which every cell has a group of its own."""
    lines = [HEAD, f'[server]\nkind = "{server}"']
    for row in rows:
        for column in (*DOWNLOADS, PUSH):
            lines.append(f"[groups.{group_of(row, column)}]\ncount = {EACH}\nmanagement = {row.scheme!r}")
            lines.append('delivery = "push"' if column == PUSH else f"transport = {column!r}")
            if row.kind:
                lines.append(f"credentials = {{ kind = {row.kind!r} }}")
            download = "" if column == PUSH else credential_of(row, column)
            if download:
                lines.append(f"download_credentials = {{ kind = {download!r} }}")
    return "\n".join(lines)


def table(run, rows):
    """The table of a run, in Markdown."""
    lines = ["| managed over | " + " | ".join(DOWNLOADS) + " | push |", "| --- |" + " --- |" * (len(DOWNLOADS) + 1)]
    for row in rows:
        cells = [cell(run, row, column) for column in (*DOWNLOADS, PUSH)]
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(run, row, column):
    """State/Result at the end of all devices of a cell, by device and by server; else what came instead.

    What was recorded has to say besides that they were managed and got the package in the way that the cell is for.
    """
    tables = run.tables
    devices = tables["devices"].set_index("device").query(f"group == '{group_of(row, column)}'")
    told = [tables[name][tables[name]["device"].isin(devices.index)] for name in ("updates", "device_ends")]
    ends = {f"{end.state}/{end.result}" for table in told for end in table.itertuples()}
    if any(len(table) != EACH for table in told) or len(ends) != 1:
        return f"{len(devices)} devices ended in {', '.join(sorted(ends)) or 'nothing'}"
    transfers = tables["transfers"][tables["transfers"]["device"].isin(devices.index)]
    way = (row.scheme, PUSH) if column == PUSH else (column, "pull")
    ways = set(zip(transfers["transport"], transfers["delivery"], strict=True))
    if set(devices["management"]) != {row.scheme} or ways != {way} or len(transfers) != EACH:
        return f"over {set(devices['management'])}, by {ways}"
    return ends.pop()


def run_matrix(server, rows, directory):
    """Run the scenario through the command line; what it left behind, and what it printed."""
    file = directory / "matrix.toml"
    file.write_text(scenario(server, rows))
    out = directory / "run"
    code, output = typed("run", file, "--out", out)
    assert code in (0, 1), output
    return read_run(out), output


def documented(name):
    """A table of docs/interop.md, by the name that it has there."""
    found = re.search(rf"<!-- table: {name} -->\n(.*?)\n\n", PAGE.read_text(), re.DOTALL)
    assert found, f"docs/interop.md has no table {name}"
    return found[1]


def documented_cell(name, row, column):
    """One cell of such a table, by the first cells of its row and of its column."""
    head, _, *rows = ([part.strip() for part in line.split("|")[1:-1]] for line in documented(name).splitlines())
    (found,) = [cells for cells in rows if cells[0] == row]
    return found[head.index(column)]
