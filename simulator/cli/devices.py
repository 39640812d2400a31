"""``lwm2m-fleet devices`` and ``lwm2m-fleet schema``: a scenario in forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cli.export import write_ca, write_keys
from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError
from simulator.cli.run import load_scenario
from simulator.cli.targets import security_of
from simulator.fleet.population import Population
from simulator.scenario import json_schema

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("index", "endpoint", "group", "management", "delivery", "transport", "lwm2m", "lifetime_s", "model", "fault")
SECURITY = "security"
NOSEC = "nosec"
"""What the column ``security`` has for a device that comes without credentials; else it has ``psk`` or ``x509``."""


def list_devices(
    scenario_file: Path,
    count: int | None,
    seed: int | None,
    overrides: tuple[str, ...],
    form: str,
    out: Path | None,
    remarks: Console,
    *,
    keys: Path | None = None,
    ca: Path | None = None,
) -> None:
    """Write one row per device; without a seed those of seed 0, which ``remarks`` is told where it matters.

    ``keys`` and ``ca`` are files for the keys of the devices and for the certificate of the run's CA.

    Raises:
        CommandFailedError: wrong scenario, keys without a seed, or a file cannot be written.
    """
    scenario = load_scenario(scenario_file, overrides, count)
    drawn = seed if seed is not None else scenario.run.seed
    if drawn is None and (keys is not None or ca is not None):
        msg = "keys and the CA follow from the seed: add --seed, or `seed` under [run], and run with the same"
        raise CommandFailedError(msg, USAGE)
    population = Population(scenario, drawn or 0)
    if keys is not None:
        write_keys(population, keys)
    if ca is not None:
        write_ca(population, ca)
    if drawn is None and any(group.faults for group in scenario.groups.values()):
        remarks.print(
            "No seed is given: the faults are those of seed 0. Run with --seed 0 to have the same.", soft_wrap=True
        )
    rows: list[dict[str, Any]] = [
        {**{column: getattr(plan, column) for column in COLUMNS}, SECURITY: security_of(plan)[0] or NOSEC}
        for plan in (population.device(k) for k in range(len(population)))
    ]
    write(_csv(rows) if form == "csv" else json.dumps(rows, indent=1) + "\n", out)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, SECURITY), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_schema(out: Path | None) -> None:
    """Write the JSON Schema of a scenario.

    Raises:
        CommandFailedError: the file cannot be written.
    """
    write(json.dumps(json_schema(), indent=2) + "\n", out)


def write(text: str, out: Path | None) -> None:
    """Write to a file, or to standard output.

    Raises:
        CommandFailedError: the file cannot be written.
    """
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}"
        raise CommandFailedError(msg, ENVIRONMENT) from None
