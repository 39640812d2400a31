"""The few figures at the top of a page, for who reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reports.counts import Counts
from reports.grid import clipped
from reports.summary import Summary
from reports.units import NONE, counted, number, rate, seconds, share

LINES_MOST: Final = 6
SERVER: Final = "Server accused"


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One of them."""

    label: str
    value: str
    tone: str = ""
    """``good``, ``bad``, ``warn`` or empty."""
    lines: tuple[tuple[str, str], ...] = ()
    """What else there is to say: words, and a figure or nothing."""
    parts: Counts | None = None
    """To be drawn as a bar."""


def key_figures(summary: Summary) -> list[KeyFigure]:
    """Devices, updates, times, throughput, and a word on either side."""
    return [
        _updates(summary),
        _server(summary),
        _throughput(summary),
        _times(summary),
        _devices(summary),
        _load(summary),
    ]


def _updates(summary: Summary) -> KeyFigure:
    counts = summary.outcomes.overall
    if not counts.total:
        return KeyFigure("Updates", "none", "warn")
    tone = "bad" if counts.fail else "warn" if counts.unknown else "good"
    value = "all ok" if counts.ok == counts.total else f"{share(counts.ok / counts.total)} ok"
    named = (("ok", counts.ok), ("failed", counts.fail), ("unknown", counts.unknown))
    return KeyFigure("Updates", value, tone, tuple((name, number(count)) for name, count in named), counts)


def _server(summary: Summary) -> KeyFigure:
    judged = summary.verdicts.server
    charged = [one for one in summary.verdicts.classes if one.devices]
    lines = [(f"{one.id} {one.name}", number(one.devices)) for one in charged]
    lines += [("unknown", number(judged.unknown))] if judged.unknown else []
    if judged.differs:
        return KeyFigure(SERVER, f"with {counted(judged.differs, 'device')}", "bad", _capped(lines))
    if judged.as_declared:
        tone = "warn" if judged.unknown else "good"
        return KeyFigure(SERVER, "of nothing", tone, (("as declared", number(judged.as_declared)), *lines))
    return KeyFigure(SERVER, "not judged", "warn", tuple(lines))


def _throughput(summary: Summary) -> KeyFigure:
    lines = [(kind, rate(one.bytes_per_s)) for kind, one in summary.throughput.items()]
    return KeyFigure("Throughput", rate(summary.totals.bytes_per_s), "", _capped(lines))


def _times(summary: Summary) -> KeyFigure:
    found = summary.totals.update_s
    lines = [("p95", seconds(found.p95)), ("p99", seconds(found.p99)), ("longest", seconds(found.max))]
    return KeyFigure("Update, median", seconds(found.p50), "", tuple(lines) if found.n else ())


def _devices(summary: Summary) -> KeyFigure:
    run = summary.run
    lines = [("groups", number(len(summary.outcomes.by_group)))]
    faulty = sum(one.devices for one in summary.faults)
    lines += [("with a fault", number(faulty))] if faulty else []
    short = run.devices_planned is not None and run.devices < run.devices_planned
    lines += [("planned", number(run.devices_planned))] if short else []
    return KeyFigure("Devices", number(run.devices), "warn" if short else "", tuple(lines))


def _load(summary: Summary) -> KeyFigure:
    found = summary.generator
    if not found.processes:
        return KeyFigure("Load generator", "not watched", "warn")
    lines = (
        ("loop late by", seconds(found.loop_lag_max_s)),
        ("late starts", number(found.late_starts)),
        ("CPU, busiest", _busiest(summary)),
    )
    if found.bottleneck:
        return KeyFigure("Load generator", "bottleneck", "bad", lines)
    return KeyFigure("Load generator", "kept up", "good", lines)


def _busiest(summary: Summary) -> str:
    own = [one for one in summary.generator.processes if one.role != "server"]
    shares = [one.cpu_share for one in own if one.cpu_share is not None]
    return share(max(shares)) if shares else NONE


def _capped(lines: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    shown = [(clipped(name), value) for name, value in lines[:LINES_MOST]]
    left = len(lines) - len(shown)
    return (*shown, (f"and {number(left)} more", "")) if left else tuple(shown)
