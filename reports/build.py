"""Makes the report of a run: ``summary.json``, ``report.html`` and ``figures`` in its directory, and other formats."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from reports import headline
from reports.aggregate import messages, outcomes, throughput, update_frame
from reports.causes import causes, unregistered
from reports.criteria import EXPRESSIONS, judge
from reports.devices import device_frame
from reports.expressions import judge_expressions
from reports.figures import Material, draw
from reports.formats.files import DEFAULT, write, write_formats
from reports.formats.workbook import check
from reports.generator import generator, usage
from reports.metrics import Values
from reports.page import render
from reports.pattern import pattern
from reports.read import Run, read_run, section
from reports.replays import not_ok
from reports.series import series
from reports.sides import Sides
from reports.single import draw_some, named
from reports.slicing import peer_times, slices, with_properties
from reports.stacks import stacks
from reports.summary import SCHEMA, RunInfo, Summary
from reports.transports import management, transports
from reports.verdicts import faults, results, verdicts


def build(
    run: Path, formats: Collection[str] = DEFAULT, out: Path | None = None, endpoints: Sequence[str] = ()
) -> Summary:
    """Report on the run directory ``run``, also on one that was cut short or is damaged.

    Args:
        formats: some of ``html``, ``json``, ``csv``, ``md``, ``junit`` and ``xlsx``.
        out: where to write, the run directory by default.
        endpoints: Endpoint Client Names of devices that the page shows besides those that tell most.

    Raises:
        RunError: there is no readable manifest.
        FormatError: a format needs what is not installed.
        DeviceNameError: the run has no device of an endpoint.
        OSError: the report cannot be written.
    """
    if "xlsx" in formats:
        check()
    record = read_run(run)
    devices = device_frame(record)
    asked = named(devices, endpoints)
    updates = update_frame(record, devices)
    summary = summarise(record, devices, updates)
    directory = out or run
    directory.mkdir(parents=True, exist_ok=True)
    if "html" in formats:
        material = Material(record, updates, summary.sides.transports, summary.series, asked)
        figures = draw(material, directory / "figures")
        single = draw_some(record, devices, summary, directory / "figures", asked)
        write(directory / "report.html", render(summary, figures, single))
    if "json" in formats:
        found = json.dumps(finite(summary.to_dict()), indent=2, ensure_ascii=False, allow_nan=False)
        write(directory / "summary.json", found + "\n")
    write_formats(summary, directory, formats)
    return summary


def summarise(run: Run, devices: pd.DataFrame, updates: pd.DataFrame) -> Summary:
    """All that a report finds, without writing anything."""
    info = run_info(run)
    counted = outcomes(updates)
    totals, by_kind = throughput(run, updates)
    ends = results(devices)
    health = generator(run, info.devices)
    beside = Sides(
        transports=transports(run, devices, updates),
        management=management(devices, updates),
        stacks=stacks(run, devices, updates),
        unregistered=unregistered(run, devices),
        causes=causes(run, devices),
    )
    judged = verdicts(run, devices)
    transfers = with_properties(run, devices)
    found = Summary(
        schema=SCHEMA,
        verdict="",
        headline="",
        notes=headline.notes(info, ends, health, beside, external=run.external)
        + headline.on_purpose(run.tables["faults"])
        + headline.accusations(judged),
        run=info,
        outcomes=counted,
        not_ok=not_ok(run, devices, updates),
        totals=totals,
        throughput=by_kind,
        slices=slices(transfers),
        series=series(run, transfers),
        peers=peer_times(run, transfers),
        results=ends,
        verdicts=judged,
        pattern=pattern(run, devices),
        faults=faults(devices),
        generator=health,
        messages=messages(run),
        usage=usage(run, health, counted.overall.total - counted.overall.unended),
        sides=beside,
        criteria=[],
    )
    return _judged(found, section(run.manifest.get("scenario")).get("criteria"), Values(run, devices, updates))


def run_info(run: Run) -> RunInfo:
    """What the manifest tells, and how much of the record is here."""
    manifest = run.manifest
    scenario = section(manifest.get("scenario"))
    listed = manifest.get("command")
    command = [str(argument) for argument in listed] if isinstance(listed, list) else []
    seed = manifest.get("seed")
    seed = seed if isinstance(seed, int) else -1
    return RunInfo(
        id=_text(manifest.get("run")) or run.path.resolve().name,
        status=_text(manifest.get("status")) or "running",
        reason=_text(manifest.get("reason")),
        scenario=_text(section(scenario.get("run")).get("name") or scenario.get("name")),
        seed=seed,
        command=command,
        repeat=_repeat(command, seed),
        started=_text(manifest.get("started")),
        ended=_text(manifest.get("ended")),
        duration_s=_duration_s(manifest.get("started"), manifest.get("ended")),
        devices=int(run.tables["devices"]["device"].nunique()),
        devices_planned=_planned(scenario),
        server=section(manifest.get("server")),
        versions={name: str(version) for name, version in section(manifest.get("versions")).items()},
        machine=section(manifest.get("machine")),
        processes_killed=run.killed,
        parts=run.parts,
        parts_unreadable=run.parts_unreadable,
        rows={name: len(table) for name, table in run.tables.items()},
        rows_missing=run.rows_missing,
        tables_incomplete=sorted(run.incomplete),
        missing=run.missing,
    )


def finite(value: Any) -> Any:
    """JSON values with None in the place of a NaN or an infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _judged(found: Summary, limits: Any, values: Values) -> Summary:
    criteria = judge(found, limits) + judge_expressions(section(limits).get(EXPRESSIONS), values)
    return Summary(
        **{
            **{name: getattr(found, name) for name in found.__slots__},
            "criteria": criteria,
            "verdict": headline.verdict(found.run, criteria),
            "headline": headline.headline(found.run, found.outcomes, criteria),
        }
    )


def _repeat(command: list[str], seed: int) -> list[str]:
    if seed < 0 or any(argument == "--seed" or argument.startswith("--seed=") for argument in command):
        return command
    return [*command, "--seed", str(seed)] if command else []


def _planned(scenario: dict[str, Any]) -> int | None:
    counts = [section(group).get("count") for group in section(scenario.get("groups")).values()]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if counts and len(known) == len(counts) else None


def _duration_s(started: Any, ended: Any) -> float | None:
    try:
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
