"""The JSON Schema of a scenario, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from simulator.faults.registry import FAULTS
from simulator.scenario.campaign import Campaign, Criteria
from simulator.scenario.devices import DeviceSettings, Group
from simulator.scenario.faults import Kinds, table_of
from simulator.scenario.sections import ARRIVALS, Firmware, Run
from simulator.scenario.server import SERVERS

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kinds: Kinds | None = None) -> dict[str, Any]:
    """The schema of a scenario file, with a description at every key and a pattern at every quantity."""
    known = FAULTS if kinds is None else kinds
    faults = [table_of(known[name]) for name in sorted(known)]
    servers = list(dict.fromkeys(SERVERS.values()))
    arrivals = list(ARRIVALS.values())
    models: list[type[BaseModel]] = [
        Run, Firmware, DeviceSettings, Group, Campaign, Criteria, *servers, *arrivals, *faults
    ]  # fmt: skip
    references, shared = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    refs = {model: references[model, "validation"] for model in models}
    definitions: dict[str, Any] = shared["$defs"]
    _finish_group(definitions, [refs[fault] for fault in faults])
    return {
        "$schema": _DIALECT,
        "title": "Scenario of lwm2m-fleet",
        "type": "object",
        "properties": {
            "run": {**refs[Run], "description": "The run as a whole."},
            "server": {"anyOf": [refs[each] for each in servers], "description": "The server under test."},
            "firmware": {**refs[Firmware], "description": "The package that the campaign distributes."},
            "devices": {**refs[DeviceSettings], "description": "Defaults of all groups."},
            "groups": {
                "type": "object",
                "additionalProperties": refs[Group],
                "minProperties": 1,
                "description": "Groups of equal devices, by name.",
            },
            "arrivals": {"anyOf": [refs[each] for each in arrivals], "description": "When the devices start."},
            "campaign": {**refs[Campaign], "description": "What the operator does."},
            "criteria": {**refs[Criteria], "description": "What must hold at the end."},
        },
        "required": ["groups"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _finish_group(definitions: dict[str, Any], faults: list[Any]) -> None:
    """Faults are tables of their kinds, and a group's own defaults are those of ``[devices]``."""
    properties = definitions["Group"]["properties"]
    properties["faults"] = {
        "type": "array",
        "items": {"anyOf": faults} if faults else False,
        "description": "Faults to inject, each a table [[groups.NAME.faults]].",
    }
    for name in DeviceSettings.model_fields:
        properties[name].pop("default", None)
