"""Scenarios: what a run consists of, read strictly from TOML.

``load`` gives a ``Scenario`` or raises ``ScenarioError`` with everything that is wrong, each with file, line, key and
mend. Inside, a scenario knows bytes, seconds and shares only.
"""

from simulator.scenario.address import is_public
from simulator.scenario.campaign import Campaign, Criteria, Moment
from simulator.scenario.devices import MANAGEMENT, SUCCESS, TRANSPORTS, Fault, Group, TransmissionSettings
from simulator.scenario.load import load, loads
from simulator.scenario.problems import Problem, ScenarioError
from simulator.scenario.scenario import Scenario
from simulator.scenario.schema import json_schema
from simulator.scenario.sections import Arrivals, AtOnce, ConstantRate, Firmware, Ramp, Run
from simulator.scenario.server import EmbeddedServer, ExternalServer, LeshanDemo, Server, StartedServer, chaos_of
from simulator.scenario.units import Range

__all__ = [
    "MANAGEMENT",
    "SUCCESS",
    "TRANSPORTS",
    "Arrivals",
    "AtOnce",
    "Campaign",
    "ConstantRate",
    "Criteria",
    "EmbeddedServer",
    "ExternalServer",
    "Fault",
    "Firmware",
    "Group",
    "LeshanDemo",
    "Moment",
    "Problem",
    "Ramp",
    "Range",
    "Run",
    "Scenario",
    "ScenarioError",
    "Server",
    "StartedServer",
    "TransmissionSettings",
    "chaos_of",
    "is_public",
    "json_schema",
    "load",
    "loads",
]
