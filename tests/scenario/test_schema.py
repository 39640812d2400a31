"""The JSON Schema and the reference: both know every key, and agree with what is read."""

import json
import re
from pathlib import Path

import pytest

from simulator.scenario import json_schema
from simulator.scenario.units import DURATION, SIZE

REFERENCE = Path(__file__).parents[2] / "docs" / "scenario.md"

SECTIONS = {
    "`[run]`": ["Run"],
    "`[server]`": ["EmbeddedServer", "StartedServer", "LeshanDemo"],
    "`[firmware.chaos]`": ["OriginChaosSettings"],
    "`[server.chaos]`": ["ChaosSettings"],
    "`[firmware]`": ["Firmware"],
    "`[devices]` and `[groups.NAME]`": ["DeviceSettings", "End"],
    "`[devices.credentials]` and `[groups.NAME.credentials]`": ["CredentialSettings"],
    "`[devices.network]` and `[groups.NAME.network]`": ["NetworkSettings"],
    "`[devices.coap]` and `[groups.NAME.coap]`": ["TransmissionSettings"],
    "`[devices.dtls]` and `[groups.NAME.dtls]`": ["HandshakeSettings"],
    "`[devices.queue_mode]` and `[groups.NAME.queue_mode]`": ["QueueSettings"],
    "`[[devices.orders]]` and `[[groups.NAME.orders]]`": ["OperatorOrder"],
    "`[devices.course]` and `[groups.NAME.course]`": ["Course"],
    "`[arrivals]`": ["ConstantRate", "Ramp"],
    "`[campaign]`": ["Campaign"],
    "`[criteria]`": ["Criteria"],
}


@pytest.fixture
def schema(kinds):
    return json_schema(kinds)


def objects(node, path="#"):
    """All object schemas with properties."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield path, node
        for key, each in node.items():
            yield from objects(each, f"{path}/{key}")
    elif isinstance(node, list):
        for at, each in enumerate(node):
            yield from objects(each, f"{path}/{at}")


def test_every_key_has_a_description_and_every_table_is_closed(schema):
    found = list(objects(schema))
    assert len(found) > 15
    for path, node in found:
        assert node["additionalProperties"] is False, path
        for key, each in node["properties"].items():
            assert each.get("description"), f"{path}/{key}"


def test_references_lead_somewhere(schema):
    targets = re.findall(r'"\$ref": "#/\$defs/([^"]*)"', json.dumps(schema))
    assert targets
    assert set(targets) <= set(schema["$defs"])


def test_quantities_have_patterns(schema):
    group = schema["$defs"]["Group"]["properties"]
    assert group["flash"]["pattern"] == SIZE.pattern
    assert group["boot_time"]["anyOf"][0]["pattern"] == DURATION.pattern
    assert "default" not in group["flash"]
    assert schema["$defs"]["DeviceSettings"]["properties"]["flash"]["default"] == "2 MiB"


def test_each_kind_of_fault_has_its_table(schema, kinds):
    items = schema["$defs"]["Group"]["properties"]["faults"]["items"]["anyOf"]
    tables = {
        name: schema["$defs"][ref["$ref"].rpartition("/")[2]] for name, ref in zip(sorted(kinds), items, strict=True)
    }
    for name, table in tables.items():
        assert table["properties"]["kind"]["const"] == name
        assert set(table["properties"]) == {
            "kind",
            "share",
            "count",
            "expect",
            *kinds[name].parameters,
            *kinds[name].trigger_keys(),
        }
    assert set(tables["packet-loss"]["required"]) == {"kind", "rate"}


def sections():
    """Heading to text of the reference."""
    parts = re.split(r"^##+ (.*)$", REFERENCE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("heading", "models"), SECTIONS.items())
def test_the_reference_has_every_key_with_its_default(schema, heading, models):
    rows = dict(re.findall(r"^\| `([a-z_0-9]+)` \| (.*?) \| ", sections()[heading], flags=re.MULTILINE))
    for model in models:
        table = schema["$defs"][model]
        for key, each in table["properties"].items():
            assert key in rows, f"{heading} does not explain `{key}`"
            default = each.get("default")
            if default is not None and model != "LeshanDemo":
                assert rows[key] == f"`{json.dumps(default)}`", key


def test_the_reference_has_the_keys_of_groups_and_faults():
    for heading, keys in (
        ("`[devices]` and `[groups.NAME]`", ("count", "expect", "faults")),
        (
            "`[[groups.NAME.faults]]`",
            ("kind", "share", "count", "expect", "at", "after", "probability", "times", "heals"),
        ),
    ):
        assert all(f"| `{key}` |" in sections()[heading] for key in keys)
