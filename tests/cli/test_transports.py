"""A whole run in which devices pull over every transport, by the scenario that is shipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.faults.registry import FAULTS
from simulator.scenario.devices import TRANSPORTS

pytestmark = pytest.mark.slow

SCENARIO = Path(__file__).parents[2] / "scenarios" / "transports.toml"
SIZE = 8192
"""Over NB-IoT fewer blocks take CoAP hardly longer than connecting takes HTTP, and the scenario compares the two."""


def run(tmp_path, scenario, *options):
    """Run a scenario as a user does; the process, and the summary of the report."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "simulator", "run", str(scenario), "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    return done, json.loads((out / "summary.json").read_text())


def test_devices_pull_over_every_transport_on_three_networks_side_by_side(tmp_path):
    small = ("--set", f"firmware.size={SIZE >> 10} KiB", "--set", "devices.install_time=4 s")
    done, summary = run(tmp_path, SCENARIO, "--devices", "18", "--seed", "7", *small)
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = {f"{transport}/pull" for transport in TRANSPORTS}
    outcomes = summary["outcomes"]["by_kind"]
    assert outcomes.keys() == kinds
    assert {kind: (each["ok"], each["fail"], each["unknown"]) for kind, each in outcomes.items()} == dict.fromkeys(
        kinds, (3, 0, 0)
    )
    for kind in kinds:
        assert kind in done.stdout
        assert summary["throughput"][kind]["bytes"] == 3 * SIZE
    assert summary["verdict"] == "holds"
    rows = summary["sides"]["transports"]
    assert [(row["network"], row["transport"]) for row in rows] == [
        (network, transport) for network in ("lan", "lte-m", "nb-iot") for transport in TRANSPORTS
    ]
    assert all(row["bytes_per_s"] > 0 and row["ceiling_bytes_per_s"] > 0 for row in rows)
    assert (tmp_path / "run/figures/transports.png").exists()


VALUES = {"size": '"1 KiB"', "duration": '"1 s"', "share": '"50 %"', "int": "1", "str": '"x"', "bool": "true"}
HEAD = """
[firmware]
size = "64 KiB"
[devices]
boot_time = "100 ms"
install_time = "200 ms"
[campaign]
timeout = "60 s"
request_timeout = "20 s"
"""


ELSEWHERE = {
    "install-never-returns": "nobody can find out how it ended",
    "origin-stalls": "it takes a minute and more",
    "update-early": "a download over loopback may be over before the order is there",
    "update-late": "it needs a registration that ends soon",
    "resume-misplaced": "it needs a restart in the middle",
    "resume-etag-differs": "it needs a restart in the middle",
}
"""Kinds whose updates do not end as declared, or not soon: other tests have them."""


def test_faults_beside_the_link_end_as_declared_over_streams(tmp_path):
    text, groups = HEAD, 0
    for transport in ("coap+tcp", "http"):
        for kind in FAULTS.values():
            if kind.seam not in ("datagram", "link") and "pull" in kind.deliveries and kind.name not in ELSEWHERE:
                needed = {name: VALUES[p.type] for name, p in kind.parameters.items() if p.required}
                text += group(transport, kind.name, **needed)
                groups += 1
    ends_as_declared(tmp_path, text, groups)


def group(transport, fault, **parameters):
    """The table of a group of two devices with a fault."""
    name = f"{transport.replace('+', '-')}-{fault}"
    lines = [f"[groups.{name}]", "count = 2", f'transport = "{transport}"', f"[[groups.{name}.faults]]"]
    return "\n".join([*lines, f'kind = "{fault}"', *(f"{key} = {value}" for key, value in parameters.items())]) + "\n"


def ends_as_declared(tmp_path, text, groups):
    (tmp_path / "faults.toml").write_text(text)
    done, summary = run(tmp_path, tmp_path / "faults.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    overall = summary["outcomes"]["overall"]
    assert (overall["ok"], overall["fail"], overall["unknown"]) == (2 * groups, 0, 0)
    assert groups > 10


def test_faults_of_the_link_end_as_declared_over_every_transport(tmp_path):
    """Silence where CoAP looks for it, for 10 s; HTTP would look for a minute, so its streams are reset and closed."""
    hows = {"http": '"reset"', "https": '"closed"'}
    text = HEAD + '[devices.coap]\nack_timeout = "1 s"\nmax_retransmit = 2\n'
    for transport in TRANSPORTS:
        text += group(transport, "connection-lost", how=hows.get(transport, '"silent"'))
        text += group(transport, "block-damage")
    ends_as_declared(tmp_path, text, 2 * len(TRANSPORTS))
