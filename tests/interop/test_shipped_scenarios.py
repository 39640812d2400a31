"""The field failures and OMA test cases that are shipped as scenarios: each is well-formed, and holds on each server.

Two lines of a header change what is expected: ``Fails on SERVER: criteria. Why.`` makes a failure there the expected
end, with just these criteria, and ``Only on SERVER: why.`` leaves the other servers out.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib import import_module

import pytest

from reports.read import read_run
from simulator.events import FAULT_OVER
from simulator.scenario import load
from tests.cli.in_process import typed
from tests.interop.test_server_embedded import ROOT
from tests.sizes import sized

FOLDERS = ("field", "oma")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / "scenarios" / folder).glob("*.toml"))
IDS = [f"{path.parent.name}/{path.stem}" for path in FILES]
SERVERS = ("embedded", "leshan")
MARKS = {"leshan": [pytest.mark.peer, pytest.mark.timeout(900)]}  # the first use fetches and builds
LABELS = ("Field", "Evidence", "Good server", "Report")
"""What each header has, each at the beginning of a line."""
EVIDENCE = r"[\w-]+(#\d+| @ [0-9a-f]+, .*\.\w+)|OMA test case \d+"
PAGE = ROOT / "docs" / "field-failures.md"
EACH = 2
"""Devices for each group, at small size."""


def header(path):
    """The parts of the comment at the beginning of a scenario: the title, and texts by label."""
    lines = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    parts = {"": ""}
    label = ""
    for line in lines:
        found = re.match(r"([A-Z][a-z]+(?: [a-z]+)*): (.*)", line)
        label, text = (found[1], found[2]) if found else (label, line.strip())
        parts[label] = f"{parts.get(label, '')} {text}".strip()
    return parts


def failing_on(path, server):
    """The names of the criteria that a scenario says to fail on a server; none as a rule."""
    text = header(path).get(f"Fails on {server}", "")
    return set(re.findall(r"[a-z0-9_]+", text.partition(".")[0]))


def runs():
    """Each scenario with each server that it has a meaning on, and whether it is the first of them."""
    for path, name in zip(FILES, IDS, strict=True):
        only = {label.removeprefix("Only on ") for label in header(path) if label.startswith("Only on ")}
        assert only <= set(SERVERS), path
        servers = [server for server in SERVERS if server in (only or SERVERS)]
        for server in servers:
            first = server == servers[0]
            yield pytest.param(path, server, first, id=f"{name}-{server}", marks=MARKS.get(server, ()))


def carried(run, scenario):
    """Group and kind of each fault of each device, less those that chance may leave out."""
    chancy = {
        (name, fault.kind)
        for name, group in scenario.groups.items()
        for fault in group.faults
        if any(fault.parameters.get(key, 1) != 1 for key in ("probability", "rate"))
    }
    for row in run.tables["devices"].itertuples():
        for kind in row.fault.split("+") if row.fault else ():
            if (row.group, kind) not in chancy:
                yield row.device, kind


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_shipped_scenario_is_well_formed(path):
    scenario = load(path)
    number = path.name.partition("-")[0]
    parts = header(path)
    assert scenario.run.name == path.stem
    assert parts[""].startswith(f"{number}: ") and parts[""].endswith(".")
    assert [label for label in LABELS if not parts.get(label, "").endswith(".")] == []
    assert re.search(EVIDENCE, parts["Evidence"]), "name the public evidence"
    criteria = tomllib.loads(path.read_text())["criteria"]
    assert {"failed_max", "unknown_max", "as_declared_min", "server_differs_max"} <= set(criteria)
    assert (criteria["failed_max"], criteria["unknown_max"], criteria["server_differs_max"]) == (0, 0, 0)
    for server in ("embedded", "leshan"):
        assert failing_on(path, server) <= set(criteria)
    assert failing_on(path, "embedded") == set()


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "field"], ids=lambda path: path.stem)
def test_the_page_has_a_row_for_a_field_failure(path):
    number = path.name.partition("-")[0]
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| [{number}](")]
    assert f"](../scenarios/field/{path.name})" in row
    for evidence in re.findall(r"[\w-]+#\d+", header(path)["Evidence"]):
        assert evidence in row


def test_the_numbers_of_field_scenarios_have_no_gap():
    numbers = [int(path.name.partition("-")[0]) for path in FILES if path.parent.name == "field"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 15


def outcome(path, server, out, *more):
    """Run a scenario at small size by the command; the exit code, the summary, and what was printed."""
    scenario = load(path)
    small = sized(EACH * len(scenario.groups), scenario.devices)
    code, output = typed("run", path, "--server", server, "--devices", small, "--seed", 7, "--out", out, *more)
    assert (out / "summary.json").exists(), output
    return code, json.loads((out / "summary.json").read_text()), output


@pytest.mark.slow
@pytest.mark.parametrize(("path", "server", "first"), list(runs()))
def test_a_shipped_scenario_holds(tmp_path, path, server, first, peer_tool, monkeypatch):
    if server == "leshan":
        peer_tool("java", "openjdk-17-jdk-headless")
        peer_tool("mvn", "maven")
    if not first:  # its figures have been drawn, and are a third of the work
        for name in ("draw", "draw_some"):
            monkeypatch.setattr(import_module("reports.build"), name, lambda *_: [])
    code, summary, output = outcome(path, server, tmp_path / "run")
    failed = {criterion["name"] for criterion in summary["criteria"] if not criterion["holds"]}
    assert (code, failed) == (int(bool(failed)), failing_on(path, server)), output
    run = read_run(tmp_path / "run")
    faults = run.tables["faults"]
    strikes = faults[~faults["detail"].str.startswith(FAULT_OVER)]
    struck = set(zip(strikes["device"], strikes["fault"], strict=True))
    assert [one for one in carried(run, load(path)) if one not in struck] == [], output


@pytest.mark.slow
def test_a_bad_server_is_named_and_fails_the_run(tmp_path):
    """As a user has it; tests/simulation/test_field_failures.py has more of them, in virtual time."""
    (path,) = [path for path in FILES if path.stem == "01-short-timeout"]
    code, summary, output = outcome(path, "embedded", tmp_path / "run", "--set", "server.chaos.gives_up_after=1 s")
    assert code == 1, output
    assert [(one["id"], one["devices"] > 0) for one in summary["verdicts"]["classes"]] == [("S5", True)]
    assert "gave-up-early" in output
