"""Says in what two runs are not alike, and what that means for their comparison."""

from __future__ import annotations

from typing import Any, Final

from reports.build import run_info
from reports.compare.rows import Record
from reports.read import processes_of, section

_MEANING: Final = {
    "scenario": "differences may come from what was run",
    "seed": "the devices are not the same ones, and are not paired",
    "devices": "the load is another",
    "machine": "times and rates may come from the machine",
    "versions": "differences may come from the program or its libraries",
}


_MEANING_OF_SIZES: Final = {
    "scenario": "what grows may be more than the number of devices",
    "server": "its cost and times are of another server",
    "fleet processes": "each has a cost of its own, however many devices it has",
    "machine": _MEANING["machine"],
    "versions": _MEANING["versions"],
}


def unlike(base: Record, other: Record) -> list[str]:
    """A sentence for each thing in which the runs differ, or that makes one of them a poor measure."""
    return _apart(base, other, _traits(base), _traits(other), _MEANING)


def unlike_but_for_size(base: Record, other: Record) -> list[str]:
    """The same of runs that are meant to differ in how many devices each group has, and so in their seeds."""
    return _apart(base, other, _traits_but_size(base), _traits_but_size(other), _MEANING_OF_SIZES)


def _apart(
    base: Record, other: Record, first: dict[str, Any], second: dict[str, Any], meaning: dict[str, str]
) -> list[str]:
    found = [
        f"{base.run.path.name} and {other.run.path.name} differ in {name}{_values(first[name], second[name])}: {means}."
        for name, means in meaning.items()
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


def _traits_but_size(record: Record) -> dict[str, Any]:
    traits = _traits(record)
    groups = section(traits["scenario"].get("groups"))
    alike = {name: {**section(group), "count": None} for name, group in groups.items()}
    run = {**section(traits["scenario"].get("run")), "seed": None}
    processes = [one for one in processes_of(record.run.manifest) if one.get("role") == "fleet"]
    return {
        "scenario": {**traits["scenario"], "groups": alike, "run": run},
        "server": section(record.run.manifest.get("server")).get("kind"),
        "fleet processes": len(processes),
        "machine": traits["machine"],
        "versions": traits["versions"],
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
    if record.bottleneck:
        found.append(f"In {name} the generator was the bottleneck: its times are those of the generator.")
    return found
