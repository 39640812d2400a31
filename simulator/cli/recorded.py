"""A recorded run, as far as one of its devices goes: what it was, and how it ended."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.cli.failure import USAGE, CommandFailedError
from simulator.cli.packages import GOOD, Packages, make_packages
from simulator.cli.plan import PLAN
from simulator.cli.run import load_scenario
from simulator.events import DeviceEnded, UpdateEnded
from simulator.fleet.population import Population

if TYPE_CHECKING:
    from simulator.fleet.population import DevicePlan
    from simulator.scenario import Scenario

COPY: Final = "scenario.toml"
"""The scenario as a file of the run directory."""
NAMED: Final = 3
"""Endpoints that are named where there is none of the wanted name."""


class End(NamedTuple):
    """How an update ended for one side: the device, or the server."""

    state: int
    result: int
    version: str
    outcome: str = ""
    """``ok``, ``fail`` or ``unknown``; empty where nobody judges."""

    def __str__(self) -> str:
        judged = f", {self.outcome}" if self.outcome else ""
        return f"State {self.state}, Result {self.result}, version {self.version or '?'}{judged}"


class Ends(NamedTuple):
    """How an update ended; None where that is not known."""

    device: End | None
    server: End | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One device of a recorded run."""

    directory: Path
    scenario: Scenario
    population: Population
    plan: DevicePlan
    unix_start: float
    """Unix time at time 0 of the run."""
    ends: Ends

    def packages(self, work: Path) -> Packages:
        """The packages of the run; made again in ``work`` where the run directory has them no more.

        Raises:
            OSError: they cannot be made.
        """
        firmware, directory = self.scenario.firmware, self.directory / "packages"
        good = directory / f"{GOOD}.bin"
        if good.exists():
            return Packages(directory.resolve(), good.stat().st_size, firmware.version)
        return make_packages(firmware, self.population.entropy.seed, work / "packages")


def ends_of(log: list[Any], device: int) -> Ends:
    """How an update ended by the events of a replay."""
    own = [event for event in log if isinstance(event, DeviceEnded) and event.device == device]
    judged = [event for event in log if isinstance(event, UpdateEnded) and event.device == device]
    return Ends(
        End(own[-1].state, own[-1].result, own[-1].version) if own else None,
        End(judged[-1].state, judged[-1].result, judged[-1].version, judged[-1].outcome) if judged else None,
    )


def read_recorded(directory: Path, endpoint: str) -> Recorded:
    """Read what a run has on one device.

    Raises:
        CommandFailedError: it is no run directory, its scenario cannot be read, or it has no such device.
    """
    plan, manifest = _read_json(directory / PLAN), _read_json(directory / "manifest.json")
    check_version(manifest, directory / "manifest.json")
    try:
        changes = tuple(str(change) for change in plan["set"])
        scenario = load_scenario(_scenario_file(directory, plan["scenario"]), changes, plan["devices"])
        population = Population(scenario, plan["seed"])
        started = datetime.fromisoformat(manifest["started"]).timestamp()
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{directory} is no run directory that can be read: {type(error).__name__}: {error}"
        raise CommandFailedError(msg, USAGE) from None
    device = _find(population, endpoint, directory)
    return Recorded(directory, scenario, population, device, started, _read_ends(directory, device.index))


def check_version(manifest: dict[str, Any], path: Path) -> None:
    """Refuse a record that means something else by the same names.

    Raises:
        CommandFailedError: it is of another version than this program knows.
    """
    from reports.versions import stranger

    versions = manifest.get("versions")
    why = stranger(manifest.get("schema"), path, versions.get("lwm2m-fleet") if isinstance(versions, dict) else None)
    if why:
        raise CommandFailedError(why, USAGE)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{path}: {reason}; name the directory of a run"
        raise CommandFailedError(msg, USAGE) from None
    if not isinstance(document, dict):
        msg = f"{path}: not an object; name the directory of a run"
        raise CommandFailedError(msg, USAGE)
    return document


def _scenario_file(directory: Path, original: str) -> Path:
    """The file of the scenario, from which relative paths start; the copy where that is gone or has changed."""
    copy = directory / COPY
    with suppress(OSError):
        if Path(original).read_bytes() == copy.read_bytes():
            return Path(original)
    return copy


def _find(population: Population, endpoint: str, directory: Path) -> DevicePlan:
    for k in range(len(population)):
        plan = population.device(k)
        if plan.endpoint == endpoint:
            return plan
    some = ", ".join(population.device(k).endpoint for k in range(min(NAMED, len(population))))
    msg = f"{directory} has no device with the endpoint {endpoint!r}; it has {len(population)}, such as {some}"
    raise CommandFailedError(msg, USAGE)


def _read_ends(directory: Path, device: int) -> Ends:
    own = _last(directory, DeviceEnded.table, device, {"t", "state", "result", "version"})
    judged = _last(directory, UpdateEnded.table, device, {"t", "state", "result", "version", "outcome"})
    return Ends(
        End(own["state"], own["result"], own["version"]) if own else None,
        End(judged["state"], judged["result"], judged["version"], judged["outcome"]) if judged else None,
    )


def _last(directory: Path, table: str, device: int, columns: set[str]) -> dict[str, Any] | None:
    """The last row of a device in a table; parts that cannot be read, or lack a column, have none."""
    rows: list[dict[str, Any]] = []
    for part in sorted((directory / "parts" / table).glob("*.parquet")):
        with suppress(OSError, pa.ArrowException):
            rows += pq.read_table(part, filters=[("device", "==", device)]).to_pylist()
    rows = [row for row in rows if all(row.get(name) is not None for name in columns)]
    return max(rows, key=lambda row: float(row["t"]), default=None)
