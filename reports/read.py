"""Reads a run directory, also one that is damaged: what cannot be read is counted and told, never guessed.

The parts of a table are read with pyarrow, put together and sorted by time. The block latencies of the transfers stay
one flat NumPy array, since a list object for each row would cost more than all else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from reports.units import counted
from simulator.events import EVENT_TYPES, TransferEnded

arrow: Any = pa  # no types of its own, so Any
open_part: Any = pyarrow.parquet.ParquetFile

BLOCK_FROM: Final = "block_from"
BLOCK_COUNT: Final = "block_count"

_PART: Final = re.compile(r"(?P<process>.+)-(?P<seq>\d{6,})\.parquet")
_TYPES: Final[dict[Any, Any]] = {
    float: arrow.float64(),
    int: arrow.int64(),
    bool: arrow.bool_(),
    str: arrow.string(),
    list[int]: arrow.list_(arrow.int64()),
}


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
        counts = transfers[BLOCK_COUNT].to_numpy()
        firsts = np.repeat(transfers[BLOCK_FROM].to_numpy() - np.cumsum(counts) + counts, counts)
        return self.blocks_us[firsts + np.arange(len(firsts))]


@dataclass(frozen=True, slots=True)
class _Part:
    table: str
    process: str
    seq: int
    data: Any
    """A ``pyarrow.Table``, or None where it could not be read."""
    name: str


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
        RunError: there is no readable manifest.
    """
    run = Run(path, _read_manifest(path), {}, np.zeros(0, np.int64))
    notes = _read_notes(run)
    parts = _read_parts(path)
    run.parts = len(parts)
    for event_type in EVENT_TYPES:
        own = [part for part in parts if part.table == event_type.table]
        _tell_unreadable(run, event_type.table, own)
        _add_table(run, event_type, [part.data for part in own if part.data is not None])
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
            notes[file.name.removesuffix(".closed.json")] = note
        else:
            run.missing.append(f"The closing note {file.name} cannot be read.")
    return notes


def _read_parts(path: Path) -> list[_Part]:
    schemas = {event_type.table: _schema(event_type) for event_type in EVENT_TYPES}
    later = {event_type.table: _later(event_type) for event_type in EVENT_TYPES}
    files = [
        (table, file, match)
        for table in schemas
        for file in sorted((path / "parts" / table).glob("*.parquet"))
        if (match := _PART.fullmatch(file.name))
    ]

    def read(found: tuple[str, Path, re.Match[str]]) -> _Part:
        table, file, match = found
        return _Part(
            table, match["process"], int(match["seq"]), _read_part(file, schemas[table], later[table]), file.name
        )

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(read, files))


def _schema(event_type: Any) -> Any:
    hints = get_type_hints(event_type)
    return arrow.schema([(f.name, _TYPES[hints[f.name]]) for f in fields(event_type)])


def _later(event_type: Any) -> dict[str, Any]:
    return {f.name: f.default for f in fields(event_type) if f.default is not MISSING}


def _read_part(file: Path, schema: Any, later: dict[str, Any]) -> Any:
    """The table of a part with the columns of ``schema``, or None where it is damaged or of another shape.

    Args:
        later: columns that programs of earlier versions did not write yet, and what stands in their place.
    """
    try:
        with open_part(file, page_checksum_verification=True) as part:
            there = set(part.schema_arrow.names)
            table = part.read(columns=[name for name in schema.names if name in there], use_threads=False)
        for name in later.keys() - there:
            table = table.append_column(name, arrow.array([later[name]] * len(table)))
        table = table.select(schema.names).cast(schema)
        table.validate(full=True)
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError):
        return None
    return None if any(column.null_count for column in table.columns) else table


def _add_table(run: Run, event_type: Any, parts: list[Any]) -> None:
    schema = _schema(event_type)
    table = arrow.concat_tables(parts) if parts else schema.empty_table()
    if event_type is TransferEnded:
        lists = table["block_us"].combine_chunks()
        counts = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        run.blocks_us = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
        table = table.drop_columns(["block_us"])
    frame = table.to_pandas()
    if event_type is TransferEnded:
        frame[BLOCK_FROM] = np.cumsum(counts) - counts
        frame[BLOCK_COUNT] = counts
    run.tables[event_type.table] = frame.sort_values("t", kind="stable", ignore_index=True)


def _tell_unreadable(run: Run, table: str, parts: list[_Part]) -> None:
    bad = [part.name for part in parts if part.data is None]
    if bad:
        run.parts_unreadable += len(bad)
        run.incomplete.add(table)
        run.missing.append(f"{len(bad)} of {len(parts)} parts of table {table} cannot be read: {_some(bad)}.")


def _tell_missing(run: Run, notes: dict[str, dict[str, Any]], parts: list[_Part]) -> None:
    named = {process["name"] for process in processes_of(run.manifest) if process.get("records", True)}
    processes = sorted({part.process for part in parts} | set(notes) | named)
    for process in processes:
        own = [part for part in parts if part.process == process]
        note = notes.get(process)
        if note is None:
            run.killed.append(process)
            run.incomplete.update(part.table for part in own)
            run.missing.append(
                f"{process} was killed or is still running: what it recorded since its last flush is missing."
            )
        else:
            _compare(run, process, note, own)
        _tell_gaps(run, process, own)


def _compare(run: Run, process: str, note: dict[str, Any], parts: list[_Part]) -> None:
    """Hold the rows that are here against those that the closing note tells of."""
    for table, told in section(note.get("tables")).items():
        expected = section(told).get("rows")
        here = sum(part.data.num_rows for part in parts if part.table == table and part.data is not None)
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


def _tell_gaps(run: Run, process: str, parts: list[_Part]) -> None:
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
