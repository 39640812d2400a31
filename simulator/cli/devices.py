"""``lwm2m-fleet devices`` and ``lwm2m-fleet schema``: a scenario in forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cli.failure import ENVIRONMENT, CommandFailedError
from simulator.cli.run import load_scenario
from simulator.fleet.population import Population
from simulator.scenario import json_schema

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("index", "endpoint", "group", "delivery", "transport", "lwm2m", "lifetime_s", "model", "fault")
SECURITY = "security"
NOSEC = "nosec"
"""Devices are managed over plain CoAP in this version: a server that wants credentials has none to import."""


def list_devices(
    scenario_file: Path,
    count: int | None,
    seed: int | None,
    overrides: tuple[str, ...],
    form: str,
    out: Path | None,
    remarks: Console,
) -> None:
    """Write one row per device; without a seed those of seed 0, which ``remarks`` is told where it matters.

    Raises:
        CommandFailedError: wrong scenario, or the file cannot be written.
    """
    scenario = load_scenario(scenario_file, overrides, count)
    drawn = seed if seed is not None else scenario.run.seed
    population = Population(scenario, drawn or 0)
    if drawn is None and any(group.faults for group in scenario.groups.values()):
        remarks.print(
            "No seed is given: the faults are those of seed 0. Run with --seed 0 to have the same.", soft_wrap=True
        )
    rows: list[dict[str, Any]] = [
        {**{column: getattr(plan, column) for column in COLUMNS}, SECURITY: NOSEC}
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
