"""Reads a run directory, also one that is damaged: what cannot be read is counted and told, never guessed.

The parts of a table are put together and sorted by time, one table after the other. The block latencies of the
transfers stay one flat NumPy array, since a list object for each row would cost more than all else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.parts import BLOCK_COUNT, BLOCK_FROM, Part, gathered, read_table
from reports.units import counted
from reports.versions import is_version, stranger
from simulator.events import EVENT_TYPES, TransferEnded

__all__ = ["BLOCK_COUNT", "BLOCK_FROM", "Run", "RunError", "processes_of", "read_run", "section"]

RECORDED_BY: Final = {
    "fleet": ("devices", "registrations", "states", "transfers", "faults", "device_ends", "health"),
    "operator": ("server_registrations", "server_reports", "steps", "updates", "health"),
}
"""By role of a process, the tables of which its death takes rows, also where it left no part of one."""

KINDS: Final[dict[type, str]] = {str: "text", int: "whole number", list: "list", dict: "object"}
MANIFEST: Final = {
    **dict.fromkeys(("run", "status", "reason", "started", "ended"), str),
    **dict.fromkeys(("command", "processes", "usage"), list),
    **dict.fromkeys(("scenario", "server", "versions", "machine"), dict),
    "seed": int,
}
"""By key of a manifest that a report goes by, what its value is."""
SCENARIO: Final = dict.fromkeys(("run", "groups", "campaign"), dict)
"""The same within its scenario. Criteria are judged, whatever they are."""


class RunError(Exception):
    """A directory is not one of a run; the text says why and what to do."""


@dataclass(slots=True)
class Run:
    """A run directory in memory. Every table is there, with all its columns, maybe without rows."""

    path: Path
    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    blocks_us: NDArray[np.int64]
    """Latencies of the blocks of all transfers; ``block_from`` and ``block_count`` of ``transfers`` point into it."""
    parts: int = 0
    parts_unreadable: int = 0
    rows_missing: int = 0
    killed: list[str] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    """Tables of which rows are, or may be, missing."""
    missing: list[str] = field(default_factory=list)

    @property
    def external(self) -> bool:
        """Whether somebody else drove the server, so that nobody asked it what it knew."""
        server = self.manifest.get("server")
        return isinstance(server, dict) and server.get("kind") == "external"

    def blocks_of(self, transfers: pd.DataFrame) -> NDArray[np.int64]:
        """The block latencies of some rows of ``transfers``, in microseconds."""
        return gathered(self.blocks_us, transfers[BLOCK_FROM].to_numpy(), transfers[BLOCK_COUNT].to_numpy())


def section(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def processes_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The processes that a manifest names, each with at least a ``name`` (text)."""
    listed = manifest.get("processes")
    listed = listed if isinstance(listed, list) else []
    return [process for process in listed if isinstance(process, dict) and isinstance(process.get("name"), str)]


def read_run(path: Path) -> Run:
    """Read the run directory ``path``.

    Raises:
        RunError: there is no readable manifest, or the record is of a version that this program does not know.
    """
    run = Run(path, _read_manifest(path), {}, np.zeros(0, np.int64))
    notes = _read_notes(run)
    parts: list[Part] = []
    for event_type in EVENT_TYPES:
        read = read_table(path / "parts", event_type)
        _refuse(next((part.stranger for part in read.parts if part.stranger), ""))
        run.tables[event_type.table] = read.frame
        if event_type is TransferEnded:
            run.blocks_us = read.blocks_us
        _tell_unreadable(run, event_type.table, read.parts)
        parts += read.parts
    run.parts = len(parts)
    _tell_odd(run)
    _tell_missing(run, notes, parts)
    return run


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
    except FileNotFoundError:
        msg = f"{path} has no manifest.json; name the directory of a run, such as runs/20250131T120000Z-first-7"
        raise RunError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{path / 'manifest.json'} cannot be read ({error}); without it there is no run to report on"
        raise RunError(msg) from error
    if not isinstance(manifest, dict):
        msg = f"{path / 'manifest.json'} holds no JSON object; it was not written by this program"
        raise RunError(msg)
    recorder = section(manifest.get("versions")).get("lwm2m-fleet")
    _refuse(stranger(manifest.get("schema"), path / "manifest.json", recorder))
    return manifest


def _read_notes(run: Run) -> dict[str, dict[str, Any]]:
    """The closing notes, by process."""
    notes: dict[str, dict[str, Any]] = {}
    for file in sorted((run.path / "parts").glob("*.closed.json")):
        try:
            note = json.loads(file.read_bytes())
        except (OSError, ValueError):
            note = None
        if isinstance(note, dict):
            _refuse(stranger(note.get("schema"), file))
            notes[file.name.removesuffix(".closed.json")] = note
        else:
            run.missing.append(f"The closing note {file.name} cannot be read.")
    return notes


def _refuse(stranger: str) -> None:
    if stranger:
        raise RunError(stranger)


def _tell_odd(run: Run) -> None:
    """Name what is in the manifest in the place of something else, and is taken for nothing."""
    if not is_version(run.manifest.get("schema")):
        run.missing.append("The manifest does not tell the version of the record; the parts were taken by their own.")
    for inside, known in (("", MANIFEST), ("scenario", SCENARIO)):
        document = section(run.manifest.get(inside)) if inside else run.manifest
        for key, kind in known.items():
            if key in document and (not isinstance(document[key], kind) or isinstance(document[key], bool)):
                name = f"{inside}.{key}" if inside else key
                run.missing.append(f"The manifest has no {KINDS[kind]} in the place of {name}; it is taken for empty.")


def _tell_unreadable(run: Run, table: str, parts: list[Part]) -> None:
    bad = [part.name for part in parts if part.rows is None]
    if bad:
        run.parts_unreadable += len(bad)
        run.incomplete.add(table)
        run.missing.append(f"{len(bad)} of {len(parts)} parts of table {table} cannot be read: {_some(bad)}.")


def _tell_missing(run: Run, notes: dict[str, dict[str, Any]], parts: list[Part]) -> None:
    listed = processes_of(run.manifest)
    named = {process["name"] for process in listed if process.get("records", True)}
    roles = {process["name"]: str(process.get("role")) for process in listed}
    processes = sorted({part.process for part in parts} | set(notes) | named)
    for process in processes:
        own = [part for part in parts if part.process == process]
        note = notes.get(process)
        if note is None:
            run.killed.append(process)
            run.incomplete.update(part.table for part in own)
            run.incomplete.update(RECORDED_BY.get(roles.get(process, ""), ()))
            run.missing.append(
                f"{process} was killed or is still running: what it recorded since its last flush is missing."
            )
        else:
            _compare(run, process, note, own)
        _tell_gaps(run, process, own)


def _compare(run: Run, process: str, note: dict[str, Any], parts: list[Part]) -> None:
    """Hold the rows that are here against those that the closing note tells of."""
    told_of = section(note.get("tables"))
    for table in (event_type.table for event_type in EVENT_TYPES):
        told = told_of.get(table)
        expected = section(told).get("rows")
        here = sum(part.rows or 0 for part in parts if part.table == table)
        if isinstance(expected, int) and expected > here:
            run.rows_missing += expected - here
            run.incomplete.add(table)
            run.missing.append(
                f"{process} recorded {expected:,} rows of table {table}; {expected - here:,} are not here."
            )
    lost = note.get("lost")
    if isinstance(lost, int) and lost > 0:
        run.rows_missing += lost
        run.incomplete.update(event_type.table for event_type in EVENT_TYPES)
        run.missing.append(f"{process} could not write {lost:,} rows: {note.get('error') or 'no reason given'}.")


def _tell_gaps(run: Run, process: str, parts: list[Part]) -> None:
    """Name tables in which a part is missing before the last one that is here."""
    for table in sorted({part.table for part in parts}):
        seqs = [part.seq for part in parts if part.table == table]
        if len(seqs) <= max(seqs):
            run.incomplete.add(table)
            run.missing.append(
                f"{process} wrote {counted(max(seqs) + 1 - len(seqs), 'part')} of table {table} more than are here."
            )


def _some(names: Iterable[str], most: int = 5) -> str:
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
