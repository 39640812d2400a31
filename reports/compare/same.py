"""Says in what two runs are not alike, and what that means for their comparison."""

from __future__ import annotations

from typing import Any, Final

from reports.build import run_info
from reports.compare.rows import Record
from reports.generator import generator
from reports.read import section

_MEANING: Final = {
    "scenario": "differences may come from what was run",
    "seed": "the devices are not the same ones, and are not paired",
    "devices": "the load is another",
    "machine": "times and rates may come from the machine",
    "versions": "differences may come from the program or its libraries",
}


def unlike(base: Record, other: Record) -> list[str]:
    """A sentence for each thing in which the runs differ, or that makes one of them a poor measure."""
    first, second = _traits(base), _traits(other)
    found = [
        f"{base.run.path.name} and {other.run.path.name} differ in {name}{_values(first[name], second[name])}: {means}."
        for name, means in _MEANING.items()
        if first[name] != second[name]
    ]
    return found + _troubles(base) + _troubles(other)


def _values(first: Any, second: Any) -> str:
    return "" if isinstance(first, dict) else f" ({first} and {second})"


def _traits(record: Record) -> dict[str, Any]:
    info = run_info(record.run)
    scenario = {
        name: value
        for name, value in section(record.run.manifest.get("scenario")).items()
        if name not in ("criteria", "server")
    }
    return {
        "scenario": scenario,
        "seed": info.seed,
        "devices": len(record.devices),
        "machine": info.machine,
        "versions": info.versions,
    }


def _troubles(record: Record) -> list[str]:
    info, name = run_info(record.run), record.run.path.name
    found = []
    if info.status != "complete":
        found.append(f"{name} is {info.status}: updates that take long are missing from it.")
    if record.run.incomplete:
        found.append(
            f"{name} has rows missing ({', '.join(sorted(record.run.incomplete))}): its figures are of the rest."
        )
    health = generator(record.run, info.devices)
    if health.bottleneck:
        found.append(f"In {name} the generator was the bottleneck: its times are those of the generator.")
    return found
