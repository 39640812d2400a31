"""What the runs of a benchmark come to: a cell for each network, package, server and transport, a value for each run.

All figures are taken from the ``summary.json`` of the runs, which are made from the raw events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from reports.read import RunError, section

SUMMARY: Final = "summary.json"
MANIFEST: Final = "manifest.json"


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return median(values) if values else None


@dataclass(frozen=True, slots=True)
class Repetition:
    """One run of a scenario of the benchmark."""

    scenario: str
    """Name of its file, without its ending."""
    server: str
    number: int
    """Which repetition it is, from 1."""
    order: int
    """Its place in the random order, from 1."""
    beside: int
    """How many other runs went on at the same time."""
    run: str
    """Name of its run directory."""


@dataclass(slots=True)
class Cell:
    """One transport with one package on one network against one server, over all repetitions."""

    network: str
    package_bytes: int
    server: str
    delivery: str
    transport: str
    devices: int = 0
    """Devices of all repetitions together."""
    ok: int = 0
    """Updates of them that ended as declared."""
    ceiling_bytes_per_s: float | None = None
    limit: str = ""
    """What the ceiling comes from: ``round trip`` or ``link rate``; empty without one."""
    bytes_per_s: list[float] = field(default_factory=list)
    """Throughput of a device in each repetition: payload of all transfers over the sum of their durations."""
    download_s: list[float] = field(default_factory=list)
    """Median duration of a transfer in each repetition."""
    overhead: list[float] = field(default_factory=list)
    """Bytes on the wire over those of the payload, less 1, in each repetition."""

    @property
    def median_bytes_per_s(self) -> float | None:
        """The median repetition's throughput; None where none has one."""
        return middle(self.bytes_per_s)

    @property
    def of_ceiling(self) -> float | None:
        """That over the ceiling; None without one."""
        middle, top = self.median_bytes_per_s, self.ceiling_bytes_per_s
        return middle / top if middle is not None and top else None


@dataclass(slots=True)
class Benchmark:
    """All of a benchmark."""

    seed: int
    command: list[str]
    started: str
    """ISO 8601, UTC, of the first run."""
    ended: str
    machine: dict[str, Any]
    versions: dict[str, str]
    servers: dict[str, str]
    """What each server calls itself."""
    repetitions: list[Repetition]
    cells: list[Cell]
    notes: list[str]
    """What must be read before any figure: runs that are missing, and what their own reports say first."""


def gather(
    repetitions: Sequence[Repetition], runs: Path, *, seed: int, command: Sequence[str], failed: Iterable[str] = ()
) -> Benchmark:
    """Put the runs together.

    Args:
        repetitions: the runs that there are.
        runs: the directory that holds their run directories, each with its ``summary.json``.
        seed: of the benchmark.
        command: the command line that repeats it.
        failed: what is to be said of runs that there are not.

    Raises:
        RunError: there is no run, or one has no report that can be read.
    """
    if not repetitions:
        msg = "none of the runs of the benchmark has a report; see what each of them printed"
        raise RunError(msg)
    found = [(one, _read(runs / one.run / SUMMARY), _read(runs / one.run / MANIFEST)) for one in repetitions]
    cells: dict[tuple[Any, ...], Cell] = {}
    said: dict[str, list[str]] = {}
    servers: dict[str, str] = {}
    for one, summary, manifest in found:
        size = int(section(section(manifest.get("scenario")).get("firmware")).get("size_bytes") or 0)
        for row in summary["sides"]["transports"]:
            _add(cells, one, size, row)
        for text in summary["notes"]:
            said.setdefault(text, []).append(f"{one.scenario} against {one.server}, {one.number}")
        servers[one.server] = str(section(manifest.get("server")).get("name") or one.server)
    infos = [summary["run"] for _, summary, _ in found]
    return Benchmark(
        seed=seed,
        command=list(command),
        started=min(str(info["started"]) for info in infos),
        ended=max(str(info["ended"]) for info in infos),
        machine=infos[0]["machine"],
        versions=infos[0]["versions"],
        servers=servers,
        repetitions=sorted(repetitions, key=lambda one: one.order),
        cells=sorted(cells.values(), key=lambda cell: (cell.network, cell.package_bytes, cell.server)),
        notes=[*failed, *(f"{text} ({'; '.join(where)})" for text, where in said.items())],
    )


def _add(cells: dict[tuple[Any, ...], Cell], one: Repetition, size: int, row: dict[str, Any]) -> None:
    key = row["network"], size, one.server, row["delivery"], row["transport"]
    cell = cells.setdefault(key, Cell(*key))
    cell.devices += row["devices"]
    cell.ok += row["ok"]
    cell.ceiling_bytes_per_s, cell.limit = row["ceiling_bytes_per_s"], row["limit"]
    for name, value in (
        ("bytes_per_s", row["bytes_per_s"]),
        ("download_s", row["download_s"]["p50"]),
        ("overhead", row["overhead"]),
    ):
        if value is not None:
            getattr(cell, name).append(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read ({error}); remove that run directory, and run the benchmark again"
        raise RunError(msg) from error
