"""``lwm2m-fleet run --locust``: the same run with Locust as its engine, all its pieces started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.cli.failure import USAGE, CommandFailedError
from simulator.cli.run import load_scenario

if TYPE_CHECKING:
    from simulator.cli.run import Options

LOCUSTFILE: Final = Path(__file__).resolve().parents[1] / "load" / "start.py"
PAGE: Final = "page"
HEADLESS: Final = "headless"


def locust_command(options: Options, how: str) -> list[str]:
    """The command line of Locust for a run.

    Args:
        options: of the run; what Locust has no option for goes into the scenario.
        how: ``page``, on loopback, or ``headless``, which ends when every update is judged.

    Raises:
        CommandFailedError: the scenario has problems, or a changed key holds a semicolon.
    """
    scenario = load_scenario(options.scenario, options.all_overrides, options.devices)
    if any(";" in override for override in options.overrides):
        msg = "--set: with --locust no value may hold a semicolon; put it into the scenario"
        raise CommandFailedError(msg, USAGE)
    command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--scenario", str(options.scenario)]
    command += ["--headless", "--only-summary"] if how == HEADLESS else ["--web-host", "127.0.0.1"]
    if options.processes > 1:
        command += ["--processes", str(options.processes), "--master-bind-host", "127.0.0.1"]
    command += ["--users", str(options.devices or scenario.devices), "--load-shape", "arrivals"]
    given = {
        "--server": options.server,
        "--server-url": options.url,
        "--fleet-seed": options.seed,
        "--fleet-out": options.out,
        "--fleet-set": ";".join(options.overrides),
        "--fleet-metrics": options.metrics or None,
    }
    for name, value in given.items():
        if value not in (None, ""):
            command += [name, str(value)]
    return command + (["--allow-public-target"] if options.allow_public_target else [])


def run_under_locust(options: Options, how: str) -> None:
    """Become Locust; its exit code is that of the run.

    Raises:
        CommandFailedError: Locust cannot be asked for this run.
    """
    command = locust_command(options, how)
    # In place of this process, so that signals and the terminal are Locust's alone.
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
