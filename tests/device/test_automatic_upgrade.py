"""Automatic Upgrade at Download (/5/0/14, object version 1.2): the device, and the operator that leaves it alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.cli.targets import order_of
from simulator.events import OperatorStepEnded, ServerReported
from simulator.faults.registry import FAULTS
from simulator.scenario import Group
from simulator.transport.virtual import run_virtual
from tests.device.device_rig import PACKAGE, URI, device_rig, in_virtual_time
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, FILES, OrderedRun

V1_2 = {"object_version": "1.2"}


@pytest.mark.parametrize("delivery", ["pull", "push"])
@in_virtual_time
async def test_the_server_sees_every_state_and_gives_no_order(delivery):
    async with device_rig(**V1_2, install_time_s=5.0) as rig:
        seen = rig.observe("/5/0/3")
        assert await rig.write("/5/0/14", "1") == "2.04"
        assert await rig.read("/5/0/14") == "1"
        code = await (rig.write("/5/0/1", URI) if delivery == "pull" else rig.push())
        assert code == "2.04"
        await rig.settle(3)
        assert seen == ["0", "1", "2", "3"]
        assert await rig.execute("/5/0/2") == "4.05"
        await rig.settle(10)
        assert rig.pair == (0, 1)
        assert await rig.read("/3/0/3") == "2.0.0"
        assert await rig.read("/5/0/14") == "1"  # it outlasts the reboot, as Severity does


@in_virtual_time
async def test_without_it_the_device_waits():
    async with device_rig(**V1_2) as rig:
        await rig.push(PACKAGE)
        await rig.settle(60)
        assert rig.pair == (2, 0)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@in_virtual_time
async def test_older_versions_have_no_such_resource(version):
    async with device_rig(object_version=version) as rig:
        assert await rig.write("/5/0/14", "1") == "4.04"


@in_virtual_time
async def test_a_download_that_fails_leads_to_nothing():
    async with device_rig(**V1_2) as rig:
        await rig.write("/5/0/14", "1")
        await rig.write("/5/0/1", URI.replace("good", "gone"))
        await rig.settle(10)
        assert rig.pair == (0, 7)


def operated(delivery, fault="", version="1.2", **parameters):
    """One update that the operator has left to the device, and what came of it."""
    faults = [SimpleNamespace(kind=fault, parameters=FAULTS[fault].complete(parameters))] if fault else []
    group = Group(count=1, delivery=delivery, object_version=version, automatic_upgrade=True)

    async def work():
        run = OrderedRun(faults, 1, CELL, {"delivery": delivery, "object_version": version}, None)
        plan = run.device.plan
        plan.faults = faults
        plan.expected_state, plan.expected_result = (FAULTS[fault].expected if fault else None) or (0, 1)
        origins = {scheme: f"{scheme}://{place}" for scheme, place in ORIGINS.items()}
        return await run.judged(order_of(plan, FILES, origins, group))

    return run_virtual(work())


def steps(run):
    return [(e.step, e.outcome) for e in run.log.events if isinstance(e, OperatorStepEnded) and e.step != "observe"]


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_the_operator_writes_it_and_executes_nothing(delivery):
    run = operated(delivery)
    assert (run.verdict.outcome, run.verdict.state, run.verdict.result) == ("ok", 0, 1)
    assert [step for step, _ in steps(run) if not step.startswith(("read", "wait", "observe"))] == [
        "order_write",
        "write_uri" if delivery == "pull" else "write_package",
    ]
    told = [e.value for e in run.log.events if isinstance(e, ServerReported) and e.path == "/5/0/3"]
    assert [value for at, value in enumerate(told) if value != told[at - 1] or not at] == ["0", "1", "2", "3", "0"]


@pytest.mark.parametrize(
    ("fault", "end"), [("install-fails", (2, 8)), ("uri-not-found", (0, 7)), ("image-wrong-digest", (0, 5)),
                       ("unsupported-scheme", (0, 9)), ("update-deferred", (2, 11))]
)  # fmt: skip
def test_a_failure_is_judged_as_any_other(fault, end):
    run = operated("pull", fault)
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert (run.verdict.state, run.verdict.result) == end


def test_a_device_that_has_no_such_resource_is_told_of():
    run = operated("pull", version="1.1")
    assert run.verdict.outcome == "fail"
    assert run.verdict.reason == "write of /5/0/14 in State 0 was answered with 4.04; declared was 2.04"
    assert ("order_write", "fail") in steps(run)
    assert run.ended_at < 60
