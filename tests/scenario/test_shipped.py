"""The scenarios that are shipped can be loaded, and are what they say."""

from pathlib import Path

import pytest

from simulator.scenario import load

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))


def shipped(name):
    return load(next(path for path in SCENARIOS if path.stem == name))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_shipped_scenario_has_no_problem(path):
    scenario = load(path)
    assert scenario.run.name == path.stem
    assert scenario.campaign_groups == tuple(scenario.groups)


@pytest.mark.parametrize(
    ("name", "kind", "pull", "push"),
    [("minimal", "embedded", 10, 0), ("first", "embedded", 500, 500), ("leshan", "leshan", 2000, 100),
     ("leshan-demo", "leshan-demo", 300, 20), ("ten-thousand", "embedded", 10_000, 0)],
)  # fmt: skip
def test_a_shipped_scenario_has_the_fleet_of_its_comment(name, kind, pull, push):
    scenario = shipped(name)
    counts = {"pull": 0, "push": 0}
    for group in scenario.groups.values():
        counts[group.delivery] += group.count
    assert (scenario.server.kind, counts) == (kind, {"pull": pull, "push": push})
    assert scenario.firmware.size == 64 * 1024


def test_the_first_scenario_shows_four_kinds_of_failure():
    ends = {(f.kind, f.expected) for group in shipped("first").groups.values() for f in group.faults}
    assert ends == {
        ("flash-too-small", (0, 2)),
        ("connection-lost", (0, 4)),
        ("image-corrupt", (0, 5)),
        ("install-fails", (2, 8)),
    }
