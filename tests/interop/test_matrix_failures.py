"""The table of injected failures, by real runs of the command line: a few rows, all of it with LWM2M_FLEET_FULL=1.

What a run finds has to be what docs/matrix.md says of the server.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from reports.matrix_text import mark
from tests.cli.in_process import typed
from tests.cli.matrix_document import documented, read_matrix
from tests.sizes import FULL

pytestmark = pytest.mark.slow

ROWS = ("sound", "flash-full", "reset", "block-misnumbered", "image-wrong-digest", "install-fails", "user-cancels")
SOME = [argument for row in ROWS for argument in ("--kind", row)]
QUICK = ("--set", 'devices.install_time="1 s"', "--set", 'campaign.execute={ delay = "500 ms" }')
SMALL = (*SOME, "--transport", "coap", "--transport", "https", *QUICK)


def run_matrix(out, *arguments):
    """Run the command; its exit code, its output, and the matrix that it left."""
    code, printed = typed("matrix", *arguments, "--out", out)
    assert (out / "matrix.json").exists(), printed
    return code, printed, read_matrix(out)


def told(matrix, server):
    """The cells of a matrix that were run, and what the page says of each."""
    head, _, *lines = documented(server)
    page = {(line[0], name): text for line in lines for name, text in zip(head[1:], line[1:], strict=True)}
    names = {row.id: row.what for row in matrix.rows}
    for cell in matrix.filled:
        yield cell, mark(cell, {}), page[names[cell.row], cell.column.replace("/", " ")]


def test_the_embedded_server_is_as_declared(tmp_path):
    code, printed, matrix = run_matrix(tmp_path / "out", *(() if FULL else SMALL))
    found = list(told(matrix, "embedded"))
    assert [(cell.group, text) for cell, text, _ in found] == [(cell.group, page) for cell, _, page in found], printed
    assert code == 0, printed
    assert all(cell.struck == cell.devices == 1 for cell, _, _ in found)
    root = ET.fromstring((tmp_path / "out" / "junit.xml").read_bytes())
    assert (root.get("failures"), root.get("tests")) == ("0", str(len(matrix.cells)))


@pytest.mark.peer
@pytest.mark.timeout(900)  # the first use fetches and builds
def test_leshan_is_as_the_page_says(tmp_path, peer_tool):
    peer_tool("java", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    code, printed, matrix = run_matrix(tmp_path / "out", "--server", "leshan", *(() if FULL else SMALL))
    found = list(told(matrix, "leshan"))
    assert [(cell.group, text) for cell, text, _ in found] == [(cell.group, page) for cell, _, page in found], printed
    # Leshan goes on with a push whatever block the device says that it has.
    [other] = [cell for cell, _, _ in found if cell.row == "4/block-misnumbered"]
    assert (code, other.device_end, other.device, other.server) == (1, "0/1", "differs", "as declared")


def test_a_bad_server_is_found_out_and_a_cell_replays_alone(tmp_path):
    out = tmp_path / "out"
    chaos = ("--set", "server.chaos.alters_push=true")
    sound = ("--kind", "sound", "--delivery", "push", "--transport", "coap")
    code, printed, matrix = run_matrix(out, *sound, *chaos, *QUICK)
    [cell] = matrix.filled
    assert (code, cell.device_end, cell.device, cell.server, cell.classes) == (1, "0/5", "differs", "differs", ("S7",))
    assert "S7 at" in printed
    assert json.loads((out / "matrix.json").read_text())["run"]["status"] == "complete"
    code, printed = typed("reproduce", out / "run", "--device", cell.endpoint)
    assert code == 0, printed
    assert "The end is the same as in the run." in printed
