import asyncio
import random
from types import SimpleNamespace

import pytest

from simulator.device.installer import SlotInstaller
from simulator.faults.plan import FaultPlan
from simulator.ports import InstallOutcome
from simulator.transport.clock import LoopClock
from simulator.transport.virtual import run_virtual


def install(kind, **parameters):
    """The outcome, how long it took, and what was told."""
    told = []
    plan = FaultPlan.build(
        [SimpleNamespace(kind=kind, parameters=parameters)],
        package_size=1,
        dice=lambda _name: random.Random(1),
        struck=lambda *what: told.append(what),
    )

    async def work():
        clock = LoopClock(asyncio.get_running_loop())
        outcome = await plan.wrap_installer(SlotInstaller(clock, 10.0)).install("2.0")
        return outcome, clock.now()

    return (*run_virtual(work()), [name for name, _, _ in told])


@pytest.mark.parametrize(("kind", "integrity"), [("install-fails", True), ("install-corrupt", False)])
def test_a_failure_takes_as_long_as_a_success(kind, integrity):
    outcome, took, told = install(kind)
    assert (outcome.succeeded, outcome.integrity) == (False, integrity)
    assert outcome.version != "2.0"
    assert took == 10.0
    assert told == [kind]


@pytest.mark.parametrize(
    ("kind", "parameters", "outcome"),
    [
        ("install-reverted", {}, InstallOutcome(succeeded=False, reverted=True)),
        ("install-lies", {}, InstallOutcome(succeeded=True, version="2.0", reverted=True)),
        ("install-never-returns", {}, InstallOutcome(succeeded=True, version="2.0", boots=0)),
        ("boot-loop", {"boots": 5}, InstallOutcome(succeeded=True, version="2.0", boots=6)),
        ("boot-loop", {"then": "old"}, InstallOutcome(succeeded=False, version="2.0", reverted=True, boots=4)),
    ],
)
def test_what_the_boot_finds(kind, parameters, outcome):
    assert install(kind, **parameters) == (outcome, 10.0, [kind])


def test_an_installation_may_succeed_at_another_try():
    plan = FaultPlan.build(
        [SimpleNamespace(kind="install-fails", parameters={"times": 2})],
        package_size=1,
        dice=lambda _name: random.Random(1),
        struck=lambda *_what: None,
    )

    async def work():
        installer = plan.wrap_installer(SlotInstaller(LoopClock(asyncio.get_running_loop()), 1.0))
        return [(await installer.install("2.0")).succeeded for _ in range(4)]

    assert run_virtual(work()) == [False, False, True, True]


def test_a_slow_one_succeeds_later():
    outcome, took, told = install("install-slow", time=35.0)
    assert outcome == InstallOutcome(succeeded=True, version="2.0")
    assert took == 45.0
    assert told == ["install-slow"]
