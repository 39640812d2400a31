"""Whatever profile, switches and fault a scenario takes, the update ends as it declares.

Not one reading is looked at here by its name: the scenario declares, the device does, the operator judges, each by the
same tables, and none of them may know of a point that another one has missed.
"""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.cli.targets import order_of
from simulator.lwm2m.firmware_table import ALLOWED, State
from simulator.lwm2m.profiles import PROFILES
from simulator.scenario import ScenarioError, loads
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, FILES, OrderedRun
from tests.lwm2m.test_switches import CHOICES

STATES = ("idle", "downloading", "downloaded", "updating")
FAULTLESS = ""
KINDS = {
    FAULTLESS: (),
    "install-fails": (),
    "install-corrupt": (),
    "install-reverted": (),
    "uri-not-found": (),
    "uri-unparsable": (),
    "host-unknown": (),
    "unsupported-scheme": (),
    "bad-magic": (),
    "image-wrong-digest": (),
    "flash-too-small": (),
    "update-cancelled": STATES,
    "uri-cleared": STATES,
    "package-cleared": STATES,
    "second-uri": STATES[1:],
    "second-package": STATES[1:],
    "update-early": ("idle", "downloading", "updating"),
}
FAULTS_IN_STATES = st.sampled_from([(kind, state) for kind, states in KINDS.items() for state in states or ("",)])


def scenario(profile, switches, version, delivery, kind, state):
    """A scenario of one device with this fault."""
    keys = [f'profile = "{profile}"', f"switches = {list(switches)}", f'delivery = "{delivery}"']
    if version is not None:
        keys.append(f'object_version = "{version}"')
    table = [f'[[groups.a.faults]]\nkind = "{kind}"', f'state = "{state}"' if state else ""] if kind else []
    if kind == "flash-too-small":
        table.append('capacity = "4 KiB"')
    return "[groups.a]\ncount = 1\n" + "\n".join([*keys, *table])


@given(
    profile=st.sampled_from(sorted(PROFILES)),
    switches=CHOICES,
    version=st.sampled_from([None, "1.0", "1.1", "1.2"]),
    delivery=st.sampled_from(["pull", "push"]),
    fault=FAULTS_IN_STATES,
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_what_a_scenario_takes_ends_as_it_declares(profile, switches, version, delivery, fault):
    try:
        group = loads(scenario(profile, switches, version, delivery, *fault)).groups["a"]
    except ScenarioError:
        assume(False)
    faults = [SimpleNamespace(kind=each.kind, parameters=each.parameters) for each in group.faults]
    expected = next((each.expected for each in group.faults if each.expected is not None), group.expected)
    known = {"delivery": delivery, "profile": profile, "switches": switches, "object_version": version}

    async def work():
        run = OrderedRun(faults, 1, CELL, known, None)
        plan = run.device.plan
        plan.faults = faults
        plan.expected_state, plan.expected_result = expected
        origins = {scheme: f"{scheme}://{place}" for scheme, place in ORIGINS.items()}
        return await run.judged(order_of(plan, FILES, origins, group))

    run = run_virtual(work())
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    persistent = run.device.persistent
    assert (persistent.state, persistent.result) == expected
    assert persistent.result in ALLOWED[State(persistent.state)]
