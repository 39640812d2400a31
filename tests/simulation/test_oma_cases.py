"""OMA's test cases (``scenarios/oma``) in virtual time: one device of each group.

A scenario of a test case declares what the operator asks, what it is answered, and the course of State and Update
Result; the operator itself judges. So these runs hold the device to the test case, and the tests at the end hold the
judgement to it: a device that does otherwise is found out.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from simulator.cli.packages import make_packages
from simulator.cli.recorded import Ends, Recorded
from simulator.cli.replay import Replay, Taps
from simulator.cli.replay_stage import Material, VirtualStage
from simulator.cli.timeline import Timeline
from simulator.events import FaultApplied, OperatorStepEnded, UpdateEnded
from simulator.fleet.population import Population
from simulator.scenario import ScenarioError, load
from simulator.transport.virtual import run_virtual

FILES = sorted((Path(__file__).parents[2] / "scenarios" / "oma").glob("*.toml"))
CASES = [755, 756, *range(770, 780)]
VERSIONS = {"1.0", "1.1", "1.2"}
SEED = 7
GROUPS = [pytest.param(path, name, id=f"{path.stem}-{name}") for path in FILES for name in load(path).groups]


def file_of(case):
    return next(path for path in FILES if path.name.startswith(f"{case}-"))


def judged(scenario, name):
    """The verdict on the first device of a group, and all events."""
    population = Population(scenario, SEED)
    plan = next(plan for plan in map(population.device, range(len(population))) if plan.group == name)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        packages = make_packages(scenario.firmware, SEED, work)
        recorded = Recorded(work, scenario, population, plan, 1_700_000_000.0, Ends(None, None))
        bodies = {path: path.read_bytes() for path in sorted(packages.directory.iterdir())}

        async def run():
            stage = VirtualStage(Material(recorded, bodies, None))
            timeline = Timeline(stage.clock.now, lambda _line: None)
            await Replay(recorded, stage, Taps(timeline), packages, work, "").run()
            return timeline.log.events

        events = run_virtual(run())
    [verdict] = [event for event in events if isinstance(event, UpdateEnded)]
    return verdict, events


def test_every_test_case_has_a_scenario():
    assert [int(path.name.partition("-")[0]) for path in FILES] == CASES


@pytest.mark.parametrize(("path", "name"), GROUPS)
def test_a_device_passes(path, name):
    scenario = load(path)
    group = scenario.groups[name]
    verdict, events = judged(scenario, name)
    assert (verdict.outcome, verdict.reason) == ("ok", "")
    assert (verdict.state, verdict.result) == (group.expected if not group.faults else group.faults[0].expected)
    asked = [event for event in events if isinstance(event, OperatorStepEnded) and event.step.startswith("order_")]
    assert len(asked) == len(group.orders) > 0
    assert {event.fault for event in events if isinstance(event, FaultApplied)} == {f.kind for f in group.faults}


def test_each_declares_what_its_criteria_ask_for():
    for path in FILES:
        for group in load(path).groups.values():
            assert group.course.states and group.course.results, path
            assert group.course.write == "2.04", path
            assert (group.course.execute == "2.04") == (3 in group.course.states), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_has_all_versions_of_the_object(path):
    groups = load(path).groups.values()
    assert {group.habits.object_version(group.lwm2m) for group in groups} == VERSIONS


@pytest.mark.parametrize(
    ("case", "name", "profile", "reason"),
    [
        (755, "object-1-1", "zephyr", "write of /5/0/0 in State 0 was answered with 4.15; declared was 2.04"),
        (770, "object-1-1", "anjay", "the server told State 0, 2, 3, 0; declared was 0, 1, 2, 3, 0"),
        (773, "push-object-1-1", "anjay", "Write of Package was answered with 5.00; declared was 2.04"),
        (773, "push-object-1-1", "zephyr", "Write of Package was answered with 4.13; declared was 2.04"),
        (774, "push-object-1-1", "anjay", "the server told State 0; declared was 0, 1, 0"),
        (774, "push-object-1-1", "zephyr", "Write of Package was answered with 5.00; declared was 2.04"),
        (776, "push-object-1-1", "anjay", "the server told State 0; declared was 0, 1, 0"),
        (776, "push-object-1-1", "zephyr", "Write of Package was answered with 4.08; declared was 2.04"),
        (777, "push-object-1-1", "zephyr", "Write of Package was answered with 4.15; declared was 2.04"),
        (779, "push-object-1-1", "anjay", "the server told State 0, 2, 3, 2; declared was 0, 1, 2, 3, 2"),
    ],
)
def test_a_client_that_does_otherwise_does_not_pass(case, name, profile, reason):
    """What real clients do that the test cases do not have (``docs/oma-test-cases.md``)."""
    verdict, _ = judged(load(file_of(case), (f"groups.{name}.profile={profile}",)), name)
    assert verdict.outcome == "fail"
    assert reason in verdict.reason


def test_a_client_whose_failed_installation_leads_to_idle_is_told_so_before_the_run():
    with pytest.raises(ScenarioError, match="ends with 2, but updates of this group are declared to end with 0"):
        load(file_of(779), ("groups.push-object-1-1.profile=zephyr",))
