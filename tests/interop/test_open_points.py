"""The scenarios of open points and of object versions, by the command: every device ends as its reading has it."""

from __future__ import annotations

import pytest

from reports.read import read_run
from simulator.lwm2m.firmware_switches import POINTS
from simulator.scenario import load
from tests.cli.in_process import typed
from tests.interop.test_server_embedded import ROOT
from tests.interop.test_shipped_scenarios import MARKS

ALIKE = {
    "Package URI after the download",
    "image when State returns to Idle",
    "De-register before the reboot of an installation",
    "De-register during a pull",
    "order of Update Result and State on the way to Idle",
}
"""Points whose readings have the same States, Results and answers to orders."""


def recorded(name, server, out):
    """A scenario, and the record of a run of it by the command."""
    path = ROOT / "scenarios" / f"{name}.toml"
    code, output = typed("run", path, "--server", server, "--seed", 7, "--out", out)
    assert code == 0, output
    return load(path), read_run(out)


def course(run, device):
    """What the record has of a device: its States and Results, the States that were told, and answers to orders."""
    states, reports, steps = (
        table[table["device"] == device]
        for table in (run.tables["states"], run.tables["server_reports"], run.tables["steps"])
    )
    told = reports[reports["source"].isin(["notify", "observe"]) & (reports["path"] == "/5/0/3")]
    asked = steps[~steps["step"].isin(["read", "observe"])]
    return (
        tuple(zip(states["state"], states["result"], strict=True)),
        frozenset(told["value"]),
        tuple(zip(asked["step"], asked["code"], strict=True)),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("open-points", "embedded"),
        pytest.param("open-points", "leshan", marks=MARKS["leshan"]),
        pytest.param("object-versions", "leshan", marks=MARKS["leshan"]),
    ],
)
def test_every_device_ends_as_its_reading_has_it(tmp_path, name, server, peer_tool):
    if server == "leshan":
        peer_tool("java", "openjdk-17-jdk-headless")
        peer_tool("mvn", "maven")
    scenario, run = recorded(name, server, tmp_path / "run")
    assert len(run.tables["updates"]) == scenario.devices
    assert set(run.tables["updates"]["outcome"]) == {"ok"}
    if name == "open-points":
        courses = {row.group: course(run, row.device) for row in run.tables["devices"].itertuples()}
        for point in POINTS:
            ways = {courses[switch.name] for switch in point.readings}
            assert len(ways) > 1 or point.name in ALIKE, point.name
