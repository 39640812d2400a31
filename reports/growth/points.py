"""What one run cost: the figures whose growth is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reports.aggregate import throughput
from reports.build import run_info
from reports.compare.rows import Record
from reports.generator import SERVER, generator, usage
from reports.health import Generator
from reports.units import number, rate, seconds, size

FLEET: Final = "fleet"

Show = Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a run."""

    name: str
    """Its key in JSON and CSV, with its unit."""
    title: str
    show: Show
    per_device: bool = False


MEASURES: Final = (
    Measure("wall_s", "wall time of the run", seconds),
    Measure("bytes_per_s", "throughput of all devices", rate),
    Measure("fleet_cpu_s_per_update", "CPU of the fleet per update", seconds),
    Measure("server_cpu_s_per_update", "CPU of the server per update", seconds),
    Measure("fleet_cpu_s_per_device", "CPU of the fleet per device", seconds, per_device=True),
    Measure("server_cpu_s_per_device", "CPU of the server per device", seconds, per_device=True),
    Measure("fleet_bytes_per_device", "memory of the fleet per device", size, per_device=True),
    Measure("server_bytes_per_device", "memory of the server per device", size, per_device=True),
    Measure("update_s_p50", "time of an update, p50", seconds),
    Measure("update_s_p95", "time of an update, p95", seconds),
    Measure("download_s_p50", "time of a download, p50", seconds),
    Measure("download_s_p95", "time of a download, p95", seconds),
    Measure("loop_lag_s_max", "largest lag of an event loop", seconds),
    Measure("late_starts", "late and missed starts", number),
)
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run."""

    name: str
    """Of its directory."""
    devices: int
    """That were switched on."""
    updates: int
    """That came to their end."""
    values: dict[str, float | None]
    """By the name of a measure; None for what was not measured."""


def point(record: Record) -> Point:
    """The figures of a run."""
    run = record.run
    info = run_info(run)
    health = generator(run, info.devices)
    totals, _ = throughput(run, record.updates)
    updates = int(record.updates["ended"].astype(bool).sum())
    used = usage(run, health, updates)
    starts = None if health.late_starts is None else float(health.late_starts + (health.missed_starts or 0))
    values: dict[str, float | None] = {
        "wall_s": info.duration_s,
        "bytes_per_s": totals.bytes_per_s,
        "fleet_cpu_s_per_update": _each(used.fleet_cpu_s, updates),
        "server_cpu_s_per_update": _each(used.server_cpu_s, updates),
        "fleet_cpu_s_per_device": _each(used.fleet_cpu_s, info.devices),
        "server_cpu_s_per_device": _each(used.server_cpu_s, info.devices),
        "fleet_bytes_per_device": _each(_memory(health, FLEET), info.devices),
        "server_bytes_per_device": _each(_memory(health, SERVER), info.devices),
        "update_s_p50": totals.update_s.p50,
        "update_s_p95": totals.update_s.p95,
        "download_s_p50": totals.download_s.p50,
        "download_s_p95": totals.download_s.p95,
        "loop_lag_s_max": health.loop_lag_max_s,
        "late_starts": starts,
    }
    return Point(run.path.resolve().name, info.devices, updates, values)


def _each(whole: float | None, count: int) -> float | None:
    return whole / count if whole is not None and count else None


def _memory(health: Generator, role: str) -> float | None:
    """The most that the processes of a role had, each at its own time."""
    own = [process.rss_max_bytes for process in health.processes if process.role == role]
    return float(sum(own)) if own else None
