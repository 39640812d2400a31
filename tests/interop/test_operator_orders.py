"""What a scenario orders beside an update reaches devices through each server, whatever the type of the resource."""

from __future__ import annotations

import json

import pytest

from tests.cli.in_process import typed

SERVERS = [
    "embedded",
    "aiocoap",
    pytest.param("leshan", marks=[pytest.mark.peer, pytest.mark.timeout(900)]),  # the first use fetches and builds
]
# Maximum Defer Period is an unsigned integer, Severity an integer, Package URI a text, Protocol Support has instances.
SCENARIO = """
[firmware]
size = "4 KiB"

[devices]
boot_time = "100 ms"
install_time = "100 ms"

[groups.deferred]
count = 2
course = { states = [0, 1, 2, 3, 0], results = [0, 11, 0, 1], write = "2.04", execute = "2.04" }
orders = [
    { when = "idle", do = "write", path = "/5/0/13", value = "1" },
    { when = "idle", do = "read", path = "/5/0/13", value = "1" },
    { when = "idle", do = "write", path = "/5/0/11", value = "2" },
    { when = "idle", do = "read", path = "/5/0/11", value = "2" },
    { when = "idle", do = "write", path = "/5/0/11", value = "7", code = "4.00" },
    { when = "idle", do = "write", path = "/5/0/1", value = "" },
    { when = "idle", do = "read", path = "/5/0/1", value = "" },
    { when = "idle", do = "read", path = "/5/0/0", code = "4.05" },
    { when = "idle", do = "read", path = "/5/0/8/0", value = "0" },
    { when = "downloaded", do = "read", path = "/5/0/7", value = "2.0.0" },
    { when = "end", do = "read", path = "/5/0/12" },
]

# The user puts it off; the period that the operator wrote ends that.
[[groups.deferred.faults]]
kind = "update-deferred"
expect = { state = 0, result = 1 }

[arrivals]
kind = "at-once"

[campaign]
timeout = "30 s"
"""


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_orders(tmp_path, server, peer_tool):
    if server == "leshan":
        peer_tool("java", "openjdk-17-jdk-headless")
        peer_tool("mvn", "maven")
    file, out = tmp_path / "orders.toml", tmp_path / "o"
    file.write_text(SCENARIO)
    code, output = typed("run", file, "--server", server, "--seed", 7, "--out", out)
    assert code == 0, output
    outcomes = json.loads((out / "summary.json").read_text())["outcomes"]["overall"]
    assert outcomes == {"ok": 2, "fail": 0, "unknown": 0, "unended": 0}
