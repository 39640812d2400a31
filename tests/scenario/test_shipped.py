"""The scenarios that are shipped can be loaded, and are what they say."""

from pathlib import Path

import pytest

from simulator.faults.registry import FAULTS
from simulator.lwm2m.firmware_resources import OBJECT_VERSIONS
from simulator.lwm2m.firmware_switches import SWITCHES
from simulator.scenario import ScenarioError, json_schema, load, loads
from simulator.scenario.devices import TRANSPORTS
from simulator.security.spec import WRONGS

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))


def shipped(name):
    return load(next(path for path in SCENARIOS if path.stem == name))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_shipped_scenario_has_no_problem(path):
    scenario = load(path)
    assert scenario.run.name == path.stem
    updated = [name for name, group in scenario.groups.items() if group.delivery != "none"]
    assert scenario.campaign_groups == tuple(updated)


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


def test_the_scenario_of_transports_has_all_that_devices_can_pull_from_on_three_networks():
    groups = shipped("transports").groups.values()
    assert [(group.network.profile, group.transport) for group in groups] == [
        (network, transport) for network in ("lan", "lte-m", "nb-iot") for transport in TRANSPORTS
    ]
    assert {(group.delivery, group.count, group.expected) for group in groups} == {("pull", 10, (0, 1))}


def test_the_scenario_of_credentials_has_each_that_can_be_wrong():
    groups = shipped("credentials").groups
    wrong = {spec.wrong for group in groups.values() for spec in (group.management_spec, group.download_spec)}
    assert wrong == set().union(*(WRONGS[kind] for kind in ("psk", "x509")))
    ends = {name: group.expected for name, group in groups.items() if group.delivery == "pull"}
    sound = dict.fromkeys(("plain", "right-key", "right-certificate"), (0, 1))
    lost = dict.fromkeys(ends.keys() - sound.keys() - {"missing"}, (0, 4))
    assert ends == {**sound, **lost, "missing": (0, 9)}
    silent = [group for group in groups.values() if group.delivery == "none"]
    assert all(group.management_spec.wrong for group in silent)
    assert len(silent) == 2


def test_the_first_scenario_shows_four_kinds_of_failure():
    ends = {(f.kind, f.expected) for group in shipped("first").groups.values() for f in group.faults}
    assert ends == {
        ("flash-too-small", (0, 2)),
        ("connection-lost", (0, 4)),
        ("image-corrupt", (0, 5)),
        ("install-fails", (2, 8)),
    }


def test_the_scenario_of_open_points_has_each_reading_of_each():
    groups = shipped("open-points").groups
    assert {name: group.switches for name, group in groups.items()} == {name: (name,) for name in SWITCHES}
    assert {group.profile for group in groups.values()} == {"oma"}


def test_the_scenario_of_object_versions_has_each_update_result_that_a_version_has():
    for name, group in shipped("object-versions").groups.items():
        ends = {fault.expected[1] for fault in group.faults} | {group.expected[1]}
        if not group.automatic_upgrade:
            assert name == f"v{group.object_version}".replace(".", "-")
            assert ends == set(range(1, OBJECT_VERSIONS[group.object_version].resources[5].range[1] + 1))
            assert group.count == len(ends)


GROUP = '[campaign]\nrequest_timeout = "2 min"\nretries = 1\n[groups.a]\ncount = 1\nlifetime = "1 min"\n'
"""Some faults take their time, or strike at the end of a registration, and the operator does not look for a day; one
needs a push that is made again."""


def before(kind):
    """The table of a fault that comes before one that needs it."""
    return '[[groups.a.faults]]\nkind = "power-cut"\n' if kind.name.startswith("resume-") else ""


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_every_registered_fault_can_be_declared(kind):
    """With its required parameters alone, in a group of each delivery that it can strike."""
    values = {"size": '"1 KiB"', "duration": '"1 s"', "share": '"50 %"', "int": "1", "str": '"x"', "bool": "true"}
    required = "".join(f"{name} = {values[p.type]}\n" for name, p in kind.parameters.items() if p.required)
    for delivery in kind.deliveries:
        table = f'{before(kind)}[[groups.a.faults]]\nkind = "{kind.name}"\n{required}'
        *_, fault = loads(f'{GROUP}delivery = "{delivery}"\n{table}').groups["a"].faults
        assert (fault.kind, fault.expected) == (kind.name, kind.expected)
        assert not set(kind.parameters) & {"kind", "share", "expect"}


@pytest.mark.parametrize("transport", ["coap+tcp", "http"])
@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_a_registered_fault_is_taken_over_a_stream_unless_it_strikes_datagrams(kind, transport):
    values = {"size": '"1 KiB"', "duration": '"1 s"', "share": '"50 %"', "int": "1", "str": '"x"', "bool": "true"}
    required = "".join(f"{name} = {values[p.type]}\n" for name, p in kind.parameters.items() if p.required)
    way = 'delivery = "push"\nmanagement' if kind.deliveries == {"push"} else "transport"
    if kind.deliveries == {"push"} and transport == "http":
        return  # nobody is managed over it
    text = f'{GROUP}{way} = "{transport}"\n{before(kind)}[[groups.a.faults]]\nkind = "{kind.name}"\n{required}'
    if kind.seam == "datagram":
        with pytest.raises(ScenarioError, match="use it over coap or coaps"):
            loads(text)
    else:
        assert loads(text).groups["a"].faults[-1].kind == kind.name


def test_the_schema_of_the_registered_faults_can_be_made():
    tables = json_schema()["$defs"]["Group"]["properties"]["faults"]["items"]["anyOf"]
    assert len(tables) == len(FAULTS)
