"""A summary as plain tables of text, for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reports import text_sides, text_slices, text_verdicts
from reports.counts import Counts, Percentiles
from reports.summary import Criterion, Summary, Throughput
from reports.table import Table
from reports.units import NONE, microseconds, number, rate, seconds, share, size

Format = Callable[[float | None], str]


def tables(summary: Summary) -> list[Table]:
    """The tables of a report, those without rows left out."""
    every = [
        criteria(summary),
        text_verdicts.verdicts(summary.verdicts),
        text_verdicts.classes(summary.verdicts),
        text_sides.causes(summary.sides),
        outcomes(summary),
        not_ok(summary),
        text_sides.management(summary.sides),
        text_sides.speeds(summary.sides),
        text_sides.bytes_and_times(summary.sides),
        throughput(summary),
        text_slices.slices(summary.slices),
        text_slices.peers(summary.peers),
        percentiles(summary),
        faults(summary),
        text_sides.stacks(summary.sides),
        text_sides.sequences(summary.sides),
        results(summary),
        health(summary),
    ]
    return [table for table in every if table.rows]


def criteria(summary: Summary) -> Table:
    """Each criterion with its limit and what was measured."""
    rows = [
        [
            criterion.name,
            "holds" if criterion.holds else "does not hold",
            _measure(criterion, criterion.limit),
            _measure(criterion, criterion.measured),
            criterion.why or _parts(criterion),
        ]
        for criterion in summary.criteria
    ]
    return Table("criteria", "Criteria", ["criterion", "verdict", "limit", "measured", "remark"], rows, range(2, 4))


def outcomes(summary: Summary) -> Table:
    """Counts of ok, fail and unknown over all, by kind and by group."""
    rows = [_counts("all", summary.outcomes.overall)]
    rows += [_counts(name, counts) for name, counts in summary.outcomes.by_kind.items()]
    rows += [_counts(f"group {name}", counts) for name, counts in summary.outcomes.by_group.items()]
    return Table("outcomes", "Outcomes", ["updates", "all", "ok", "fail", "unknown"], rows, range(1, 5))


def not_ok(summary: Summary) -> Table:
    """Some devices whose updates were not ok."""
    rows = [[one.endpoint, one.outcome, one.reason or "no reason was given"] for one in summary.not_ok]
    return Table("not-ok", "Some devices that were not ok", ["endpoint", "outcome", "reason"], rows, range(0))


def throughput(summary: Summary) -> Table:
    """Bytes and rates by kind."""
    headers = [
        "transfers",
        "devices",
        "all",
        "ok",
        "payload",
        "wall time",
        "throughput",
        "sent again",
        "received twice",
    ]
    rows = [_throughput(name, one) for name, one in _kinds(summary).items()]
    return Table("throughput", "Throughput", headers, rows, range(1, 9))


def percentiles(summary: Summary) -> Table:
    """Durations and rates of single devices by kind."""
    measures: list[tuple[str, str, Format]] = [
        ("update, from first Write", "update_s", seconds),
        ("update, from due time", "update_from_due_s", seconds),
        ("download", "download_s", seconds),
        ("throughput of a device", "device_bytes_per_s", rate),
        ("block", "block_us", microseconds),
    ]
    rows = []
    for label, attribute, shown in measures:
        for name, one in _kinds(summary).items():
            found: Percentiles = getattr(one, attribute)
            if found.n:
                figures = (found.mean, found.p50, found.p90, found.p95, found.p99, found.p99_9, found.max)
                rows.append([label, name, number(found.n), *map(shown, figures)])
    headers = ["measure", "kind", "values", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"]
    return Table("percentiles", "Percentiles", headers, rows, range(2, 10))


def faults(summary: Summary) -> Table:
    """The verdict on each injected fault."""
    rows = [
        [
            fault.fault,
            fault.verdict,
            fault.declared,
            _ends(fault.device_results),
            _ends(fault.server_results),
            number(fault.devices),
            number(fault.devices_struck),
            number(fault.as_declared),
        ]
        for fault in summary.faults
    ]
    headers = ["fault", "verdict", "declared", "devices ended", "server reported", "devices", "struck", "as declared"]
    return Table("faults", "Injected faults (State/Result)", headers, rows, range(5, 8))


def results(summary: Summary) -> Table:
    """The devices' account of their end against the server's."""
    rows = [
        [cell.device, cell.server, _agreement(cell.device, cell.server), number(cell.count)]
        for cell in summary.results.cross
    ]
    headers = ["device", "server", "", "devices"]
    return Table("results", "State/Result at the end: device against server", headers, rows, range(3, 4))


def health(summary: Summary) -> Table:
    """The processes of the run."""
    rows = [
        [
            process.process,
            process.role,
            seconds(process.cpu_s),
            share(process.cpu_share),
            size(process.rss_max_bytes),
            seconds(process.loop_lag_max_s),
            number(process.late_starts),
            number(process.missed_starts),
        ]
        for process in summary.generator.processes
    ]
    headers = [
        "process",
        "role",
        "CPU",
        "of a core",
        "memory, largest",
        "loop lag, longest",
        "late starts",
        "missed starts",
    ]
    return Table("health", "Processes", headers, rows, range(2, 8))


def _kinds(summary: Summary) -> dict[str, Throughput]:
    """By kind, and over all where there are several kinds."""
    kinds = dict(summary.throughput)
    return {**kinds, "all": summary.totals} if len(kinds) > 1 else kinds


def _counts(name: str, counts: Counts) -> list[str]:
    return [name, number(counts.total), number(counts.ok), number(counts.fail), number(counts.unknown)]


def _throughput(name: str, one: Throughput) -> list[str]:
    return [
        name,
        number(one.devices),
        number(one.transfers),
        number(one.transfers_ok),
        size(one.bytes),
        seconds(one.span_s),
        rate(one.bytes_per_s),
        number(one.retransmissions),
        number(one.duplicates),
    ]


def _parts(criterion: Criterion) -> str:
    """What each metric of an expression was, where it compares more than one with a number."""
    if len(criterion.parts) < 2:
        return ""
    return ", ".join(f"{part.text}: {_OF_UNIT.get(part.unit, number)(part.value)}" for part in criterion.parts)


_OF_UNIT = {"s": seconds, "B": size, "B/s": rate, "share": share}


def _measure(criterion: Criterion, value: Any) -> str:
    if isinstance(value, str):
        return value
    if criterion.parts:
        return _OF_UNIT.get(criterion.unit, number)(value)
    name = criterion.name
    if "bytes_per_s" in name:
        return rate(value)
    if name.endswith("_s"):
        return seconds(value)
    return share(value) if name.endswith("_min") else number(value)


def _ends(results: Mapping[str, int]) -> str:
    return ", ".join(f"{end} ({number(count)})" for end, count in results.items()) or NONE


def _agreement(device: str, server: str) -> str:
    if "?" in {device, server}:
        return "not compared"
    return "agree" if device == server else "disagree"
