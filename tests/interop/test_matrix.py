"""Whole updates over every pair of management and download transport, by one run of the command line per server.

The tables are shown at the end of the test run, and docs/interop.md has the same.
"""

from __future__ import annotations

import json

import pytest

from tests.interop.matrix import COAP, DTLS, TCP, TLS, documented, run_matrix, table

pytestmark = pytest.mark.slow

ROWS = {
    "embedded": (COAP, *DTLS, TCP, *TLS),
    "aiocoap": (COAP, TCP, TLS[1]),
    "leshan": (COAP, *DTLS),
    "leshan-demo": (COAP, *DTLS),
}


def whole_table(server, directory, show_table):
    rows = ROWS[server]
    run, output = run_matrix(server, rows, directory)
    found = table(run, rows)
    show_table(f"--server {server}: State/Result of whole updates", found)
    assert found == documented(server), output
    assert "0/1" in found
    summary = json.loads((directory / "run" / "summary.json").read_text())
    assert summary["verdict"] == "holds", output


@pytest.mark.parametrize("server", ["embedded", "aiocoap"])
def test_every_transport_with_every_other(tmp_path, server, show_table):
    whole_table(server, tmp_path, show_table)


@pytest.mark.peer
@pytest.mark.timeout(900)  # the first use fetches and builds
@pytest.mark.parametrize("server", ["leshan", "leshan-demo"])
def test_every_transport_with_those_of_leshan(tmp_path, server, show_table, peer_tool):
    peer_tool("java", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    whole_table(server, tmp_path, show_table)
