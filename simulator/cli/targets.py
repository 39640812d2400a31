"""From a scenario to what the operator is to do: the seam between the plan of a fleet and the console."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.faults.order import INTERFERENCES, STATES, declared
from simulator.faults.registry import FAULTS
from simulator.lwm2m.formats.packed import OPAQUE
from simulator.lwm2m.profiles import habits_of
from simulator.operator.acts import AT_END, IDLE, Act
from simulator.operator.campaign import Tactics, Target
from simulator.operator.course import Course
from simulator.operator.job import Job, ServerChoice
from simulator.operator.requests import Patience
from simulator.operator.update import Order
from simulator.transport.secure import SECURE_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.cli.packages import Packages
    from simulator.fleet.population import DevicePlan, Population
    from simulator.scenario import Fault, Scenario
    from simulator.scenario.procedure import OperatorOrder, Procedure

POLL_S_MAX: Final = 5.0
"""When a stage takes this long, the operator reads State and Update Result."""
AUTOMATIC_UPGRADE: Final = Act("", IDLE, "write", "", Path(), "2.04", "/5/0/14", "1")
"""Has a device update by itself when it has the package; ``1`` is true as text (TS 1.1 Core, annex C)."""
PLAIN: Final = ("coap", "coap+tcp", "http")
"""The schemes by which every package origin gives out its packages."""


def operator_job(
    scenario: Scenario,
    population: Population,
    server: ServerChoice,
    packages: Packages,
    origins: Mapping[str, str],
    only: int | None = None,
) -> Job:
    """The job of the operator process for a whole population, or for device ``only``.

    ``origins`` are the package origin's URIs by scheme.
    """
    campaign = scenario.campaign
    plans = [population.device(k) for k in (range(len(population)) if only is None else (only,))]
    last_due = max((plan.due_s for plan in plans), default=0.0)
    tactics = Tactics(
        start=campaign.start.event,
        start_after_s=campaign.start.seconds,
        concurrency=campaign.concurrency,
        execute=campaign.execute.event,
        execute_delay_s=campaign.execute.seconds,
        rate=campaign.rate or 0.0,
        registration_timeout_s=last_due + campaign.timeout,
    )
    patience = Patience(
        update_s=campaign.timeout,
        request_s=min(campaign.request_timeout, campaign.timeout),
        poll_s=min(POLL_S_MAX, campaign.timeout / 4),
        retries=campaign.retries,
    )
    targets = [
        Target(
            plan.index,
            plan.endpoint,
            order_of(plan, packages, origins, scenario.groups[plan.group]),
            *security_of(plan),
        )
        for plan in plans
    ]
    if campaign.order == "random":
        random.Random(population.entropy.number(-1, "campaign")).shuffle(targets)
    return Job(server, tactics, patience, tuple(targets), population.entropy.seed)


def security_of(plan: DevicePlan) -> tuple[str, str]:
    """How the server is to know the device, and the file with its key: by what it should show.

    ``psk``, ``x509``, ``oscore``, or empty for a device without security.
    """
    if "oscore" in plan.credentials.kinds:
        return "oscore", ""
    if plan.management not in SECURE_SCHEMES:
        return "", ""
    kind = plan.credentials.shown(plan.management) or "x509"
    return kind, plan.credentials.psk_file if kind == "psk" else ""


def orders_in(scenario: Scenario) -> frozenset[str]:
    """The orders of all kinds of fault of a scenario."""
    return frozenset(FAULTS[fault.kind].order for group in scenario.groups.values() for fault in group.faults)


def order_of(
    plan: DevicePlan, packages: Packages, origins: Mapping[str, str], procedure: Procedure | None = None
) -> Order | None:
    """What the operator tells a device; None where it tells it nothing.

    ``procedure`` is that of its group.
    """
    if not plan.delivery:
        return None
    faults = [(FAULTS[fault.kind].order, fault) for fault in plan.faults if FAULTS[fault.kind].seam == "order"]
    order, fault = next((each for each in faults if each[0] not in INTERFERENCES), ("good", None))
    after = 0.5 if fault is None else float(fault.parameters.get("after", 0.5))
    return Order(
        delivery=plan.delivery,
        uri=packages.uri(order, _origin(plan, order, origins), plan.index, after),
        package=packages.file(order),
        version=version_of(plan, packages.version),
        expected_state=plan.expected_state,
        expected_result=plan.expected_result,
        fault="" if fault is None else fault.kind,
        acts=(
            *((AUTOMATIC_UPGRADE,) if procedure is not None and procedure.automatic_upgrade else ()),
            *(_ordered(each, packages) for each in (procedure.orders if procedure is not None else ())),
            *(
                _act(plan, name, fault, packages, origins[plan.transport])
                for name, fault in faults
                if name in INTERFERENCES
            ),
        ),
        course=None if procedure is None else _course(procedure),
        automatic=procedure is not None and procedure.automatic_upgrade,
        form=OPAQUE if procedure is None else procedure.push_format,
    )


def version_of(plan: DevicePlan, ordered: str) -> str:
    """Firmware Version (/3/0/3) after a success: the one that was ordered, unless a fault declares another one."""
    for fault in plan.faults:
        declares = FAULTS[fault.kind].version
        if declares is not None:
            return declares(fault.parameters, plan.firmware_version)
    return ordered


def _ordered(order: OperatorOrder, packages: Packages) -> Act:
    """An order of the scenario."""
    state = AT_END if order.when == "end" else int(STATES[order.when])
    return Act("", state, order.do, "", packages.nul(), order.answer, order.path, order.value)


def _course(procedure: Procedure) -> Course | None:
    declared = procedure.course
    if not declared.declared:
        return None
    return Course(declared.states, declared.results, declared.write or "", declared.execute or "")


def _origin(plan: DevicePlan, order: str, origins: Mapping[str, str]) -> str:
    """The URI of the origin that an order leads to: by another scheme where it is to be one that is not listed."""
    others = (scheme for scheme in PLAIN if scheme not in plan.protocols and scheme in origins)
    return origins[next(others, plan.transport) if order == "unlisted" else plan.transport]


def _act(plan: DevicePlan, order: str, fault: Fault, packages: Packages, origin: str) -> Act:
    state = str(fault.parameters["state"])
    code, _ = declared(order, state, habits_of(plan.profile, plan.switches, plan.object_version))
    what = INTERFERENCES[order]
    return Act(
        fault=fault.kind,
        state=int(STATES[state]),
        do=what.do,
        uri="" if what.clears else packages.uri("good", origin),
        file=packages.nul() if what.clears else packages.file("good"),
        code=code,
    )
