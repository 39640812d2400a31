"""The options that Locust's command line and start form have for a fleet, and what a stage is told of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.cli.app import ServerKind
from simulator.cli.run import Options, load_scenario
from simulator.load.courses import COURSES, of_arrivals

if TYPE_CHECKING:
    from argparse import Namespace

    from locust.argument_parser import LocustArgumentParser

    from simulator.load.courses import Course
    from simulator.scenario import Scenario

SCENARIO: Final = "scenarios/first.toml"
AGAIN: Final = "again"
WITHOUT: Final = "without"
FAIL: Final = "fail"
NO_SHAPE: Final = "ramp"
"""The choice that leaves the number of devices to Locust: ``--spawn-rate`` adds them."""
ARRIVALS: Final = "arrivals"
SHAPE_S: Final = 600.0
"""How long a shape lasts where nobody says so."""
OF_SCENARIO: Final = "of-scenario"
"""The choice that leaves the server to the scenario."""
SHAPES: Final = (NO_SHAPE, ARRIVALS, *COURSES)
OTHER_SCENARIO: Final = "other_scenario"
"""A field that the start form has beside the options."""
SERVERS: Final = (OF_SCENARIO, *(kind.value for kind in ServerKind))
LOST: Final = (AGAIN, WITHOUT, FAIL)


def add_options(parser: LocustArgumentParser) -> None:
    """Add the options; each can be given by an environment variable, and in the start form."""
    # Not in a group of their own: Locust would not show them in the form.
    parser.add_argument(
        "--scenario", default=SCENARIO, env_var="LWM2M_FLEET_SCENARIO", help="Scenario file (TOML) on the master."
    )
    parser.add_argument(
        "--server",
        default=OF_SCENARIO,
        choices=SERVERS,
        env_var="LWM2M_FLEET_SERVER",
        help="The server under test; by default that of the scenario.",
    )
    parser.add_argument(
        "--server-url", default="", env_var="LWM2M_FLEET_SERVER_URL", help="A Leshan demo server that already runs."
    )
    parser.add_argument(
        "--fleet-seed", default="", env_var="LWM2M_FLEET_SEED", help="Seed of everything that is drawn (a number)."
    )
    parser.add_argument(
        "--fleet-set", default="", env_var="LWM2M_FLEET_SET", help="Keys of the scenario to change: KEY=VALUE, by ;"
    )
    parser.add_argument(
        "--fleet-out", default="", env_var="LWM2M_FLEET_OUT", help="Run directory; must not exist or be empty."
    )
    parser.add_argument(
        "--load-shape",
        default=NO_SHAPE,
        choices=SHAPES,
        env_var="LWM2M_FLEET_LOAD_SHAPE",
        help="How the number of devices goes: --spawn-rate adds them (ramp), as the scenario's [arrivals], or a shape "
        "over --run-time (10 minutes by default).",
    )
    parser.add_argument(
        "--lost-devices",
        default=AGAIN,
        choices=LOST,
        env_var="LWM2M_FLEET_LOST_DEVICES",
        help="Devices of a lost worker: run them again elsewhere, go on without them, or also end with exit code 3.",
    )
    parser.add_argument(
        "--fleet-restarts",
        type=int,
        default=0,
        env_var="LWM2M_FLEET_RESTARTS",
        help="How often each worker starts its fleet process anew when that ended unexpectedly.",
    )
    parser.add_argument(
        "--fleet-metrics",
        type=int,
        default=0,
        env_var="LWM2M_FLEET_METRICS",
        help="Port at which the master answers Prometheus, on loopback; 0 for none.",
        include_in_web_ui=False,
    )
    parser.add_argument(
        "--allow-public-target",
        action="store_true",
        help="Allow a target outside loopback and private ranges.",
        include_in_web_ui=False,
    )


def seed_of(options: Namespace) -> int | None:
    """The seed that was asked for; None to have one drawn.

    Raises:
        ValueError: it is no number.
    """
    text = str(options.fleet_seed or "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        msg = f"--fleet-seed {text!r} is no whole number from 0 to 2^63 - 1"
        raise ValueError(msg)
    return int(text)


def scenario_file(options: Namespace) -> str:
    """The scenario: in the form a path of one's own goes before the choice of those that there are."""
    return str(getattr(options, OTHER_SCENARIO, "") or options.scenario).strip()


def overrides_of(options: Namespace) -> tuple[str, ...]:
    """The keys of the scenario that are changed, as ``--set`` has them."""
    return tuple(part.strip() for part in str(options.fleet_set or "").split(";") if part.strip())


def asked(options: Namespace, devices: int, processes: int) -> dict[str, Any]:
    """What the stage is asked for: the fields of ``Options`` of ``lwm2m-fleet run``, as JSON values.

    Raises:
        ValueError: the seed is no number.
    """
    return {
        "scenario": scenario_file(options),
        "devices": devices,
        "seed": seed_of(options),
        "processes": processes,
        "server": None if options.server == OF_SCENARIO else options.server,
        "url": options.server_url or None,
        "out": options.fleet_out or None,
        "overrides": overrides_of(options),
        "allow_public_target": bool(options.allow_public_target),
        "command": ("locust", *sys.argv[1:]),
    }


def scenario_of(options: Namespace, devices: int | None = None) -> Scenario:
    """The scenario that is asked for, scaled to so many devices.

    Raises:
        ValueError: the seed is no number.
        CommandFailedError: the scenario has problems; the text lists all of them.
    """
    wanted = Options(**{**asked(options, devices or 1, 1), "out": None})
    return load_scenario(Path(wanted.scenario), wanted.all_overrides, devices)


def course_of(options: Namespace, scenario: Scenario) -> tuple[Course, float | None] | None:
    """The course that the devices take and how long it lasts; None where Locust's own count and rate decide."""
    devices = options.num_users or scenario.devices
    if options.load_shape == ARRIVALS:
        return of_arrivals(scenario.arrivals, devices), options.run_time
    if options.load_shape == NO_SHAPE:
        return None
    lasts_s = float(options.run_time or SHAPE_S)
    return COURSES[options.load_shape](devices, lasts_s), lasts_s
